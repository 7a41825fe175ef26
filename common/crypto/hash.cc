#include "common/crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdint>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace datong::crypto {
namespace {

std::string Digest(const EVP_MD* kind, absl::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out, &size, kind, nullptr) != 1) std::abort();
  return std::string(reinterpret_cast<char*>(out), size);
}

int SextetOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::string Sha1(absl::string_view bytes) { return Digest(EVP_sha1(), bytes); }
std::string Sha256(absl::string_view bytes) { return Digest(EVP_sha256(), bytes); }

std::string HmacSha256(const Secret& key, absl::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const std::string& raw = key.Expose();
  if (HMAC(EVP_sha256(), raw.data(), static_cast<int>(raw.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out,
           &size) == nullptr) {
    std::abort();
  }
  return std::string(reinterpret_cast<char*>(out), size);
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  // Without randomness nothing that is sealed would be safe.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::abort();
  }
  return bytes;
}

std::string Base64Encode(absl::string_view bytes) { return absl::Base64Escape(bytes); }

bool Base64Decode(absl::string_view text, std::string* bytes) {
  bytes->clear();
  size_t end = text.size();
  size_t padding = 0;
  while (end > 0 && padding < 2 && text[end - 1] == '=') {
    --end;
    ++padding;
  }
  if (end % 4 == 1 || (padding > 0 && (end + padding) % 4 != 0)) return false;
  bytes->reserve(end * 3 / 4);
  uint32_t held = 0;
  int bits = 0;
  for (size_t i = 0; i < end; ++i) {
    const int sextet = SextetOf(text[i]);
    if (sextet < 0) return false;
    held = (held << 6) | static_cast<uint32_t>(sextet);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes->push_back(static_cast<char>((held >> bits) & 0xff));
    }
  }
  return true;
}

}  // namespace datong::crypto
