#pragma once

#include "absl/status/statusor.h"
#include "datong/identity/v1/policy.pb.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

// The policy with what the message sets. Errors: INVALID_ARGUMENT/POLICY_INVALID.
absl::StatusOr<Policy> Merge(const Policy& policy, const v1::Policy& changes);
void ToProto(const Policy& policy, v1::Policy* out);

}  // namespace datong::identity
