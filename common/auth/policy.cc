#include "common/auth/policy.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::auth {
namespace {

absl::Status Invalid(const std::string& problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, problem,
                   {"datong", "POLICY_INVALID", {{"problem", problem}}});
}

bool FitsAny(absl::string_view text, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [text](const std::string& pattern) { return FitsPattern(text, pattern); });
}

std::vector<std::string>* FieldOf(Grant& grant, absl::string_view key) {
  if (key == "callers") return &grant.callers;
  if (key == "permissions") return &grant.permissions;
  if (key == "projects") return &grant.projects;
  if (key == "apps") return &grant.apps;
  if (key == "app_kinds") return &grant.app_kinds;
  if (key == "api_paths") return &grant.api_paths;
  return nullptr;
}

absl::StatusOr<Grant> ReadGrant(const toml::table& table) {
  const std::string where = absl::StrCat("line ", table.source().begin.line, ": the grant ");
  Grant grant;
  for (const auto& [key, node] : table) {
    const absl::string_view name = ToAbsl(key.str());
    std::vector<std::string>* field = FieldOf(grant, name);
    if (field == nullptr) return Invalid(absl::StrCat(where, "has an unknown key \"", name, "\""));
    const toml::array* items = node.as_array();
    if (items == nullptr || items->empty()) {
      return Invalid(absl::StrCat(where, "needs an array of texts as ", name));
    }
    field->clear();
    for (const toml::node& item : *items) {
      const auto text = item.value<std::string>();
      if (!item.is_string() || text->empty()) {
        return Invalid(absl::StrCat(where, "holds something else than texts in ", name));
      }
      field->push_back(*text);
    }
  }
  if (grant.callers.empty()) return Invalid(where + "names no callers");
  if (grant.permissions.empty()) return Invalid(where + "names no permissions");
  if (grant.projects.empty()) return Invalid(where + "names no projects; [\"*\"] is all of them");
  const bool names_api_call =
      std::count(grant.permissions.begin(), grant.permissions.end(), std::string(kApiCall)) > 0;
  if (names_api_call && grant.api_paths.empty()) {
    return Invalid(where + "names api.call but no api_paths; [\"*\"] is all of them");
  }
  return grant;
}

}  // namespace

bool FitsPattern(absl::string_view text, absl::string_view pattern) {
  size_t at = 0;
  size_t star = absl::string_view::npos;  // the last '*' seen, and what it stands for so far
  size_t taken = 0;
  size_t i = 0;
  while (i < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = i;
    } else if (at < pattern.size() && pattern[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != absl::string_view::npos) {
      at = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

absl::StatusOr<Policy> Policy::Parse(absl::string_view text) {
  toml::table document;
  try {
    document = toml::parse(ToStd(text));
  } catch (const toml::parse_error& error) {
    return Invalid(
        absl::StrCat("line ", error.source().begin.line, ": ", ToAbsl(error.description())));
  }
  std::vector<Grant> grants;
  for (const auto& [key, node] : document) {
    const toml::array* items = node.as_array();
    if (key.str() != "grants" || items == nullptr) {
      return Invalid(absl::StrCat("\"", ToAbsl(key.str()),
                                  "\" is unknown: a policy holds [[grants]] and nothing else"));
    }
    for (const toml::node& item : *items) {
      const toml::table* table = item.as_table();
      if (table == nullptr) return Invalid("\"grants\" must hold tables");
      DATONG_ASSIGN_OR_RETURN(Grant grant, ReadGrant(*table));
      grants.push_back(std::move(grant));
    }
  }
  return Policy(std::move(grants));
}

bool Policy::Allows(absl::string_view caller, absl::string_view permission,
                    const Resource& resource, absl::FunctionRef<std::string()> kind_of_app) const {
  std::optional<std::string> kind;
  for (const Grant& grant : grants_) {
    if (!FitsAny(caller, grant.callers) || !FitsAny(permission, grant.permissions) ||
        !FitsAny(resource.project, grant.projects) || !FitsAny(resource.app, grant.apps)) {
      continue;
    }
    if (permission == kApiCall && !FitsAny(resource.api_path, grant.api_paths)) continue;
    if (grant.app_kinds.empty()) return true;
    if (!kind.has_value()) kind = kind_of_app();
    if (!kind->empty() && FitsAny(*kind, grant.app_kinds)) return true;
  }
  return false;
}

bool Policy::depends_on_kinds() const {
  return std::any_of(grants_.begin(), grants_.end(),
                     [](const Grant& grant) { return !grant.app_kinds.empty(); });
}

}  // namespace datong::auth
