#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace datong {

// What a program needs to act on an error: google.rpc.ErrorInfo.
struct ErrorInfo {
  std::string domain;  // the service, for example "broker.datong"
  std::string reason;  // UPPER_SNAKE, stable
  std::map<std::string, std::string> metadata;

  bool operator==(const ErrorInfo&) const = default;
};

// A status with its ErrorInfo as a payload, which common/rpc sends as status details.
// `message` says to a person what to do; every variable part of it is in the metadata.
absl::Status MakeError(absl::StatusCode code, absl::string_view message, const ErrorInfo& info);

// The ErrorInfo of a status, if it has one.
std::optional<ErrorInfo> GetErrorInfo(const absl::Status& status);

// The ErrorInfo's reason, or "".
std::string GetReason(const absl::Status& status);

// The status with the advice to come back after `delay` (google.rpc.RetryInfo).
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);
std::optional<absl::Duration> GetRetryDelay(const absl::Status& status);

}  // namespace datong
