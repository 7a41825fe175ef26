#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim::wecom {

using nlohmann::json;

// One call of the admin API.
struct AdminCall {
  World& world;
  Estate& estate;
  int64_t now;
  const json& body;

  // What the body names under `corpid` and `suite_id`. Errors: INVALID_ARGUMENT.
  absl::StatusOr<Corp*> FindCorp() const;
  absl::StatusOr<Suite*> FindSuite() const;
  absl::StatusOr<Install*> FindInstall() const;  // a standing one
};
using Result = absl::StatusOr<json>;

Result ChangeContact(const AdminCall& call);
Result ChangeGroup(const AdminCall& call);
Result VisitKf(const AdminCall& call);
Result MakeLoginCode(const AdminCall& call);
Result MakeTemporaryId(const AdminCall& call);
Result Truth(const AdminCall& call);

}  // namespace datong::wechat_sim::wecom
