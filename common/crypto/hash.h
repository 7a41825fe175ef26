#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/base/secret.h"

namespace datong::crypto {

// Raw bytes; BytesToHex (common/base/strings.h) makes them readable.
std::string Sha1(absl::string_view bytes);
std::string Sha256(absl::string_view bytes);
std::string HmacSha256(const Secret& key, absl::string_view bytes);

// `count` bytes from the operating system's generator.
std::string RandomBytes(size_t count);

std::string Base64Encode(absl::string_view bytes);
// Standard alphabet, padding optional. Bits that the last character has too many are ignored, which
// EncodingAESKey needs. False for other characters and impossible lengths.
bool Base64Decode(absl::string_view text, std::string* bytes);

}  // namespace datong::crypto
