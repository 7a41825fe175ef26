#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/secret.h"

namespace datong::tools {

// Who develops: an API key that may do everything, and the files that let it in.
struct DevIdentity {
  Secret api_key;
  std::string api_keys_file;
  std::string policy_file;
};

// Makes it once, in `folder`/auth, and finds it again later; the key's file is for its owner alone.
// Errors: FAILED_PRECONDITION/DATA_FOLDER_UNUSABLE.
absl::StatusOr<DevIdentity> MakeDevIdentity(const std::filesystem::path& folder);

// Errors: FAILED_PRECONDITION/DATA_FOLDER_UNUSABLE.
absl::Status WritePrivateFile(const std::filesystem::path& path, const std::string& content);

}  // namespace datong::tools
