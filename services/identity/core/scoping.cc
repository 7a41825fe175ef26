#include "services/identity/core/scoping.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace datong::identity {
namespace {

constexpr absl::string_view kPrefix = "unionid:@";

absl::string_view AppOf(absl::string_view unscoped) {
  const absl::string_view rest = unscoped.substr(kPrefix.size());
  return rest.substr(0, rest.find(':'));
}

absl::string_view AccountAt(const Bindings& bindings, absl::string_view app, absl::Time at) {
  const auto found = bindings.find(app);
  absl::string_view account;
  if (found == bindings.end()) return account;
  for (const Binding& binding : found->second) {
    if (binding.valid_from <= at) account = binding.account;
  }
  return account;
}

}  // namespace

std::vector<std::string> UnscopedApps(const Evidence& record) {
  std::vector<std::string> apps;
  for (const std::string& id : record.ids) {
    if (absl::StartsWith(id, kPrefix)) apps.emplace_back(AppOf(id));
  }
  return apps;
}

Scoped ScopeUnionids(const Evidence& record, const Bindings& bindings) {
  Scoped scoped{record, {}, ""};
  scoped.record.ids.clear();
  for (const std::string& id : record.ids) {
    if (!absl::StartsWith(id, kPrefix)) {
      scoped.record.ids.push_back(id);
      continue;
    }
    const absl::string_view account = AccountAt(bindings, AppOf(id), record.observed);
    if (account.empty()) {
      if (scoped.unknown.empty()) scoped.unknown_app = std::string(AppOf(id));
      scoped.unknown.push_back(id);
    } else {
      scoped.record.ids.push_back(absl::StrCat("unionid:", account, ":", ValueOf(id)));
    }
  }
  return scoped;
}

}  // namespace datong::identity
