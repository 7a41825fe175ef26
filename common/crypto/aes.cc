#include "common/crypto/aes.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace datong::crypto {
namespace {

constexpr size_t kTagSize = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context MakeContext() {
  Context context(EVP_CIPHER_CTX_new());
  if (context == nullptr) std::abort();
  return context;
}

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int Size(absl::string_view text) { return static_cast<int>(text.size()); }

std::optional<std::string> Cbc(bool encrypt, absl::string_view key, absl::string_view iv,
                               absl::string_view bytes) {
  if (bytes.size() % 16 != 0 || iv.size() != 16) return std::nullopt;
  if (key.size() != 16 && key.size() != 32) return std::nullopt;
  const Context context = MakeContext();
  std::string out(bytes.size() + 16, '\0');
  int written = 0;
  int last = 0;
  if (EVP_CipherInit_ex(context.get(), key.size() == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(),
                        nullptr, Bytes(key), Bytes(iv), encrypt ? 1 : 0) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_CipherUpdate(context.get(), Bytes(out), &written, Bytes(bytes), Size(bytes)) != 1 ||
      EVP_CipherFinal_ex(context.get(), Bytes(out) + written, &last) != 1) {
    return std::nullopt;
  }
  out.resize(static_cast<size_t>(written + last));
  return out;
}

}  // namespace

std::string GcmEncrypt(absl::string_view key, absl::string_view nonce, absl::string_view aad,
                       absl::string_view plaintext) {
  const Context context = MakeContext();
  std::string out(plaintext.size() + kTagSize, '\0');
  int written = 0;
  int last = 0;
  if (key.size() != 32 || nonce.size() != 12 ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(nonce)) !=
          1 ||
      EVP_EncryptUpdate(context.get(), nullptr, &written, Bytes(aad), Size(aad)) != 1 ||
      EVP_EncryptUpdate(context.get(), Bytes(out), &written, Bytes(plaintext), Size(plaintext)) !=
          1 ||
      EVP_EncryptFinal_ex(context.get(), Bytes(out) + written, &last) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagSize,
                          Bytes(out) + plaintext.size()) != 1) {
    std::abort();
  }
  return out;
}

std::optional<std::string> GcmDecrypt(absl::string_view key, absl::string_view nonce,
                                      absl::string_view aad, absl::string_view sealed) {
  if (key.size() != 32 || nonce.size() != 12 || sealed.size() < kTagSize) return std::nullopt;
  const absl::string_view ciphertext = sealed.substr(0, sealed.size() - kTagSize);
  std::string tag(sealed.substr(ciphertext.size()));
  const Context context = MakeContext();
  std::string out(ciphertext.size(), '\0');
  int written = 0;
  int last = 0;
  if (EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(nonce)) !=
          1 ||
      EVP_DecryptUpdate(context.get(), nullptr, &written, Bytes(aad), Size(aad)) != 1 ||
      EVP_DecryptUpdate(context.get(), Bytes(out), &written, Bytes(ciphertext), Size(ciphertext)) !=
          1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, Bytes(tag)) != 1 ||
      EVP_DecryptFinal_ex(context.get(), Bytes(out) + written, &last) != 1) {
    return std::nullopt;
  }
  return out;
}

std::optional<std::string> CbcEncrypt(absl::string_view key, absl::string_view iv,
                                      absl::string_view bytes) {
  return Cbc(true, key, iv, bytes);
}

std::optional<std::string> CbcDecrypt(absl::string_view key, absl::string_view iv,
                                      absl::string_view bytes) {
  return Cbc(false, key, iv, bytes);
}

}  // namespace datong::crypto
