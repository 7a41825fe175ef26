#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace datong::config {

// A leaf of a TOML file: one text, or an array of texts. Numbers and booleans are as written.
struct TomlValue {
  std::vector<std::string> texts;
  bool is_list = false;
};

// The leaves of the file by dotted path. Toml++ stays behind this, since it is slow to compile.
// Errors: INVALID_ARGUMENT/SETTINGS_FILE_INVALID.
absl::StatusOr<std::map<std::string, TomlValue>> ReadToml(const std::string& path);

}  // namespace datong::config
