#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// Evidence as the payload of a job, and back. Errors: INVALID_ARGUMENT.
std::string EncodeEvidence(const Evidence& evidence);
absl::StatusOr<Evidence> DecodeEvidence(absl::string_view payload);

}  // namespace datong::broker
