#include "common/base/strings.h"

#include <openssl/rand.h>

#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace datong {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Length of the well-formed sequence at the start of `text`, or 0.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(byte(i))) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
  if (lead == 0xED && byte(1) > 0x9F) return 0;  // surrogates
  if (lead == 0xF0 && byte(1) < 0x90) return 0;  // overlong
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
  return length;
}

}  // namespace

std::string BytesToHex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

std::string HexToBytes(absl::string_view hex) {
  if (hex.size() % 2 != 0) return "";
  for (char c : hex) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return "";
  }
  return absl::HexStringToBytes(hex);
}

std::string SanitizeUtf8(absl::string_view text, bool* changed) {
  std::string clean;
  clean.reserve(text.size());
  bool replaced = false;
  for (size_t i = 0; i < text.size();) {
    const size_t length = text[i] == '\0' ? 0 : SequenceLength(text.substr(i));
    if (length == 0) {
      clean.append(kReplacement.data(), kReplacement.size());
      replaced = true;
      ++i;
      // The rest of an encoded surrogate or a cut sequence is one fault, not several.
      while (i < text.size() && IsContinuation(static_cast<unsigned char>(text[i]))) ++i;
      continue;
    }
    clean.append(text.data() + i, length);
    i += length;
  }
  if (changed != nullptr) *changed = replaced;
  return clean;
}

bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string RandomHex(int count) {
  std::string bytes(static_cast<size_t>(count), '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), count) != 1) std::abort();
  return BytesToHex(bytes);
}

}  // namespace datong
