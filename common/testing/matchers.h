#pragma once

#include <gmock/gmock.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status/error.h"

namespace datong {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// For absl::Status and absl::StatusOr.
MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// The code and the ErrorInfo's reason, never the sentence.
MATCHER_P2(IsError, code, reason, "is an error with that code and reason") {
  *result_listener << StatusOf(arg).ToString() << " reason=" << GetReason(StatusOf(arg));
  return StatusOf(arg).code() == code && GetReason(StatusOf(arg)) == reason;
}

// An OK absl::StatusOr whose value matches.
MATCHER_P(IsOkAndHolds, matcher, "is OK and holds a matching value") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(matcher, *arg, result_listener);
}

}  // namespace datong

#define ASSERT_OK(expr) ASSERT_THAT(expr, ::datong::IsOk())
#define EXPECT_OK(expr) EXPECT_THAT(expr, ::datong::IsOk())
