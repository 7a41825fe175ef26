#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datong/identity/v1/decisions.pb.h"
#include "services/identity/core/decision.h"

namespace datong::identity {

absl::Status DecisionInvalid(absl::string_view problem);
// Errors: INVALID_ARGUMENT/IDENTIFIER_INVALID, also for kinds that no person has.
absl::StatusOr<std::string> ReadIdentifier(const std::string& text);
void WriteDecision(const Decision& decision, v1::Decision* out);

}  // namespace datong::identity
