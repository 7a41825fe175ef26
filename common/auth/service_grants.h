#pragma once

#include "absl/strings/string_view.h"
#include "common/auth/policy.h"

namespace datong::auth {

// Who a service is to the policy: "service:broker".
inline constexpr absl::string_view kServicePrefix = "service:";
// The one service that speaks for others: callers over HTTP.
inline constexpr absl::string_view kGateway = "gateway";

// What the services of the suite may ask of each other, in every project: what they call, and no
// more. A service that calls something new gets its permission here.
const Policy& ServiceGrants();

}  // namespace datong::auth
