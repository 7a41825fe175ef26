#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::rpc {

// "projects/{project}/apps/{app}", taken apart.
struct AppName {
  std::string project;  // the id alone
  std::string app;

  std::string ProjectName() const { return "projects/" + project; }
  std::string ToString() const { return "projects/" + project + "/apps/" + app; }
};

// The id in "projects/{project}": 1 to 63 of a-z, 0-9 and '-', not beginning with '-'.
// Errors: INVALID_ARGUMENT/PROJECT_NAME_INVALID.
absl::StatusOr<std::string> ParseProjectName(absl::string_view name);

// Errors: INVALID_ARGUMENT/APP_NAME_INVALID.
absl::StatusOr<AppName> ParseAppName(absl::string_view name);

// The parts of `name` that stand at "{}" in `pattern` ("projects/{}/persons/{}"), each 1 to 128 of
// letters, digits, '-', '_', '.' and ':' (the first one as in ParseProjectName, when the pattern
// begins with "projects/{}").
// Errors: INVALID_ARGUMENT with `reason`; its sentence says how the name has to look.
absl::StatusOr<std::vector<std::string>> ParseResourceName(absl::string_view name,
                                                           absl::string_view pattern,
                                                           absl::string_view reason);

}  // namespace datong::rpc
