#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/wechat/error_codes.h"

namespace datong::wechat {

// The entry of an errcode of WeCom, whose numbers mean other things than WeChat's; one of class
// kUnknown when the table has none. Classes as for WeChat: kTicketInvalid speaks of the
// suite_ticket, kRateLimited of a block that lasts a minute at least (45009), kRevoked of a corp
// that took its authorisation back.
ErrorCode ExplainWecomErrorCode(int64_t code);

// A status for a failed call to WeCom: the code by class, reason WECOM_<CLASS>, metadata errcode,
// errmsg, platform ("wecom") and, if given, app. OK for class kOk.
absl::Status WecomErrorCodeStatus(int64_t code, absl::string_view errmsg,
                                  absl::string_view app = "");

// The class of a status made by ErrorCodeStatus or WecomErrorCodeStatus, kOk when it is neither.
ErrorClass ErrorClassOfStatus(const absl::Status& status);

}  // namespace datong::wechat
