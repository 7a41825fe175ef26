#include "common/status/error.h"

#include <gtest/gtest.h>

namespace datong {
namespace {

TEST(ErrorTest, KeepsReasonAndMetadata) {
  const absl::Status status = MakeError(absl::StatusCode::kNotFound, "No app \"wx1\".",
                                        {"broker.datong", "APP_UNKNOWN", {{"app", "wx1"}}});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GetErrorInfo(status), (ErrorInfo{"broker.datong", "APP_UNKNOWN", {{"app", "wx1"}}}));
}

TEST(ErrorTest, ACommonStatusHasNoReason) {
  EXPECT_EQ(GetReason(absl::NotFoundError("x")), "");
  EXPECT_EQ(GetRetryDelay(absl::NotFoundError("x")), std::nullopt);
}

TEST(ErrorTest, CarriesTheRetryDelayBesideTheReason) {
  const absl::Status status =
      WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "later", {"x", "BUSY", {}}),
                     absl::Milliseconds(1500));
  EXPECT_EQ(GetRetryDelay(status), absl::Milliseconds(1500));
  EXPECT_EQ(GetReason(status), "BUSY");
}

}  // namespace
}  // namespace datong
