#include "common/wechat/error_codes.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong::wechat {
namespace {

TEST(ErrorCodesTest, TheTableIsSortedAndSpeaks) {
  int64_t last = INT64_MIN;
  for (const ErrorCode& entry : AllErrorCodes()) {
    EXPECT_GT(entry.code, last);
    last = entry.code;
    EXPECT_FALSE(entry.name.empty()) << entry.code;
    if (entry.code != 0) {
      EXPECT_FALSE(entry.hint.empty()) << entry.code;
    }
  }
}

struct ReactionCase {
  int64_t code;
  ErrorClass expected;
};

TEST(ErrorCodesTest, EachCodeHasItsReaction) {
  for (const ReactionCase& c : std::vector<ReactionCase>{
           {0, ErrorClass::kOk},
           {-1, ErrorClass::kTransient},
           {40001, ErrorClass::kTokenInvalid},
           {40014, ErrorClass::kTokenInvalid},
           {42001, ErrorClass::kTokenInvalid},
           {45009, ErrorClass::kQuota},
           {45011, ErrorClass::kRateLimited},
           {61503, ErrorClass::kNotReady},
           {61500, ErrorClass::kBadRequest},
           {61501, ErrorClass::kBadRequest},
           {61003, ErrorClass::kRevoked},
           {61023, ErrorClass::kNeedsReauth},
           {61005, ErrorClass::kTicketInvalid},
           {61007, ErrorClass::kPermission},
           {48001, ErrorClass::kPermission},
           {40029, ErrorClass::kLoginAgain},
           {40163, ErrorClass::kLoginAgain},
           {40226, ErrorClass::kUserDenied},
           {89002, ErrorClass::kInformation},
           {40164, ErrorClass::kConfiguration},
           {123456, ErrorClass::kUnknown},
       }) {
    EXPECT_EQ(ExplainErrorCode(c.code).error_class, c.expected) << c.code;
  }
}

TEST(ErrorCodesTest, AStatusCarriesCodeRidAndApp) {
  const absl::Status status = ErrorCodeStatus(
      45009, "reach max api daily quota limit rid: 663b9ca2-18a1a0bf-04e2780c", "wx1");
  EXPECT_THAT(status, IsError(absl::StatusCode::kResourceExhausted, "WECHAT_QUOTA"));
  EXPECT_EQ(GetErrorInfo(status)->metadata.at("rid"), "663b9ca2-18a1a0bf-04e2780c");
  EXPECT_EQ(GetErrorInfo(status)->metadata.at("app"), "wx1");
  EXPECT_OK(ErrorCodeStatus(0, "ok"));
  EXPECT_EQ(RidOf("date format error hint: [FKxBtA05101556]"), "");
}

}  // namespace
}  // namespace datong::wechat
