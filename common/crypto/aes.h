#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace datong::crypto {

// AES-256-GCM with a 12-byte nonce and a 16-byte tag at the end of the ciphertext. Keys are 32
// bytes.
std::string GcmEncrypt(absl::string_view key, absl::string_view nonce, absl::string_view aad,
                       absl::string_view plaintext);
// nullopt when the tag does not fit key, nonce, aad and bytes.
std::optional<std::string> GcmDecrypt(absl::string_view key, absl::string_view nonce,
                                      absl::string_view aad, absl::string_view sealed);

// AES-CBC without padding; the key's length (16 or 32) chooses AES-128 or AES-256. The bytes'
// length must be a multiple of 16, else nullopt.
std::optional<std::string> CbcEncrypt(absl::string_view key, absl::string_view iv,
                                      absl::string_view bytes);
std::optional<std::string> CbcDecrypt(absl::string_view key, absl::string_view iv,
                                      absl::string_view bytes);

}  // namespace datong::crypto
