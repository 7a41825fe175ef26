#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace datong::crypto {

// Changes to a folder of keys as KeyRing::Load reads it. Each holds or does not: a reader never
// sees half a file.

// Makes a new random key. The first key of a folder becomes the active one.
// Errors: INVALID_ARGUMENT/KEY_ID_INVALID (1 to 63 letters, digits, '-', '_', '.'; no '.' first;
// not "active"), ALREADY_EXISTS/KEY_EXISTS, FAILED_PRECONDITION/KEYS_UNUSABLE.
absl::Status AddKey(const std::string& folder, const std::string& id);

// From now on new values are sealed with this key. Services follow within seconds.
// Errors: FAILED_PRECONDITION/KEYS_UNUSABLE, also when there is no such key.
absl::Status ActivateKey(const std::string& folder, const std::string& id);

}  // namespace datong::crypto
