#include "services/broker/core/quota_stop.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/time/shanghai.h"
#include "common/wechat/error_codes.h"

namespace datong::broker {

ApiStop StopAfter(int64_t errcode, absl::string_view errmsg, absl::Time now) {
  const absl::Time next_minute = absl::FromUnixSeconds((absl::ToUnixSeconds(now) / 60 + 1) * 60);
  const absl::CivilDay today = ShanghaiDay(now);
  switch (errcode) {
    case 45009:
      if (absl::StrContains(absl::AsciiStrToLower(errmsg), "minute")) return {next_minute, false};
      break;
    case 45040:  // of the month
    case 48006:
      return {ShanghaiMidnight(absl::CivilDay(absl::CivilMonth(today) + 1)), true};
    case 89506:
      return {now + absl::Hours(24), true};
    case 45102:  // "some hours": asked again after one
    case 45501:
    case 89507:
      return {now + absl::Hours(1), true};
    default:
      if (wechat::ExplainErrorCode(errcode).error_class == wechat::ErrorClass::kRateLimited) {
        return {next_minute, false};
      }
  }
  return {ShanghaiMidnight(today + 1), true};
}

}  // namespace datong::broker
