#pragma once

#include <string>
#include <vector>

#include "services/broker/core/readiness_types.h"

namespace datong::broker {

// What the suite does for an account through a component, and which permission set (权限集) that
// needs: any one of `sets`, the first being the one to ask for.
struct SuiteFunction {
  LocalizedText name;
  std::vector<int32_t> sets;
  LocalizedText set_name;
};
// Of official accounts and mini programs; empty for other kinds.
const std::vector<SuiteFunction>& FunctionsOf(AppKind kind);

// Calls whose daily quota is worth watching.
struct WatchedQuota {
  LocalizedText name;
  std::string path;
};
const std::vector<WatchedQuota>& QuotasOf(AppKind kind);

}  // namespace datong::broker
