#include "common/wechat/wecom_error_codes.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong::wechat {
namespace {

TEST(WecomErrorCodesTest, NumbersMeanOtherThingsThanWechats) {
  EXPECT_EQ(ExplainErrorCode(40001).error_class, ErrorClass::kTokenInvalid);
  EXPECT_EQ(ExplainWecomErrorCode(40001).error_class, ErrorClass::kConfiguration);
  EXPECT_EQ(ExplainWecomErrorCode(45009).error_class, ErrorClass::kRateLimited);
  EXPECT_EQ(ExplainWecomErrorCode(48004).error_class, ErrorClass::kRevoked);
  EXPECT_EQ(ExplainWecomErrorCode(84061).error_class, ErrorClass::kInformation);
  EXPECT_EQ(ExplainWecomErrorCode(2000002).error_class, ErrorClass::kConfiguration);
  EXPECT_EQ(ExplainWecomErrorCode(987654).error_class, ErrorClass::kUnknown);
}

TEST(WecomErrorCodesTest, AStatusRemembersWhosePlatformRefused) {
  const absl::Status wecom = WecomErrorCodeStatus(42009, "suite_access_token expired", "ww1");
  EXPECT_THAT(wecom, IsError(absl::StatusCode::kFailedPrecondition, "WECOM_TOKEN_INVALID"));
  EXPECT_EQ(ErrorClassOfStatus(wecom), ErrorClass::kTokenInvalid);
  EXPECT_EQ(ErrorClassOfStatus(WecomErrorCodeStatus(40001, "x")), ErrorClass::kConfiguration);
  EXPECT_EQ(ErrorClassOfStatus(ErrorCodeStatus(40001, "x")), ErrorClass::kTokenInvalid);
  EXPECT_EQ(ErrorClassOfStatus(absl::UnavailableError("x")), ErrorClass::kOk);
  EXPECT_OK(WecomErrorCodeStatus(0, "ok"));
}

}  // namespace
}  // namespace datong::wechat
