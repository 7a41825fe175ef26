#include "common/rpc/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::rpc {
namespace {

bool IsProjectId(absl::string_view id) {
  return !id.empty() && id.size() <= 63 && id[0] != '-' &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool IsPart(absl::string_view part) {
  return !part.empty() && part.size() <= 128 && std::all_of(part.begin(), part.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
           c == ':';
  });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseResourceName(absl::string_view name,
                                                           absl::string_view pattern,
                                                           absl::string_view reason) {
  const std::vector<absl::string_view> want = absl::StrSplit(pattern, '/');
  const std::vector<absl::string_view> have = absl::StrSplit(name, '/');
  bool fits = want.size() == have.size();
  std::vector<std::string> parts;
  for (size_t i = 0; fits && i < want.size(); ++i) {
    if (want[i] == "{}") {
      const bool is_project = parts.empty() && i == 1 && want[0] == "projects";
      fits = is_project ? IsProjectId(have[i]) : IsPart(have[i]);
      parts.emplace_back(have[i]);
    } else {
      fits = want[i] == have[i];
    }
  }
  if (fits) return parts;
  const std::string shown = SanitizeUtf8(name.substr(0, 200));
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("\"", shown, "\" is no name of the form ", pattern,
                   " (a project's id: a-z, 0-9 and '-')."),
      {"datong", std::string(reason), {{"name", shown}, {"pattern", std::string(pattern)}}});
}

absl::StatusOr<std::string> ParseProjectName(absl::string_view name) {
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                          ParseResourceName(name, "projects/{}", "PROJECT_NAME_INVALID"));
  return parts[0];
}

absl::StatusOr<AppName> ParseAppName(absl::string_view name) {
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                          ParseResourceName(name, "projects/{}/apps/{}", "APP_NAME_INVALID"));
  return AppName{parts[0], parts[1]};
}

}  // namespace datong::rpc
