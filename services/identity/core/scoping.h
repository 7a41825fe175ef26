#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

// From when on an app's unionids belong to which Open Platform account (R1.5).
struct Binding {
  absl::Time valid_from = absl::InfinitePast();
  std::string account;  // empty: bound to none
};
// By appid, each with the earliest first.
using Bindings = std::map<std::string, std::vector<Binding>, std::less<>>;

// The appids that the record's unionids wait for: those of `unionid:@{appid}:{value}`.
std::vector<std::string> UnscopedApps(const Evidence& record);

// The record with every unionid scoped that can be.
struct Scoped {
  Evidence record;                   // without those that cannot
  std::vector<std::string> unknown;  // as they came: `unionid:@{appid}:{value}`
  std::string unknown_app;           // of the first of them
};
Scoped ScopeUnionids(const Evidence& record, const Bindings& bindings);

}  // namespace datong::identity
