#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace datong::wechat {

// What an errcode asks the caller to do.
enum class ErrorClass {
  kOk,             // done
  kTransient,      // try again with backoff: -1 and its like
  kRateLimited,    // too many in the minute: wait for the next one
  kTokenInvalid,   // refresh the access token once (single flight), then try once more
  kTicketInvalid,  // get a new component_verify_ticket, then a new component token
  kNeedsReauth,    // re-read the refresh token once, then the administrator must scan again
  kRevoked,        // the account withdrew its authorisation: stop
  kQuota,          // used up until 00:00 Asia/Shanghai
  kNotReady,       // the statistics of that day do not exist yet: ask later
  kConfiguration,  // the operator must act: secret, IP list, component
  kPermission,     // the customer must act: account type, verification, permission set
  kLoginAgain,     // the user must log in again: codes and user tokens
  kUserDenied,     // a high-risk user: refuse
  kInformation,    // an answer, not a failure: not bound, not a follower
  kBadRequest,     // wrong in any state: a bug, do not repeat
  kUnknown,        // not in the table: permanent for this call, log it with its rid
};

// "token_invalid", as metrics and logs write it.
absl::string_view ErrorClassName(ErrorClass error_class);
// The code of a status that tells of it.
absl::StatusCode StatusCodeOf(ErrorClass error_class);

struct ErrorCode {
  int64_t code;
  ErrorClass error_class;
  absl::string_view name;  // WeChat's own words
  absl::string_view hint;  // what to do, for a person
};

// The entry of an errcode; one of class kUnknown when the table has none.
ErrorCode ExplainErrorCode(int64_t code);
const std::vector<ErrorCode>& AllErrorCodes();

// A status for a failed call: the code by class, reason WECHAT_<CLASS>, metadata errcode, errmsg,
// rid and, if given, app. OK for class kOk.
absl::Status ErrorCodeStatus(int64_t code, absl::string_view errmsg, absl::string_view app = "");

// The rid of "… rid: 663b9ca2-18a1a0bf-04e2780c", or "".
absl::string_view RidOf(absl::string_view errmsg);

}  // namespace datong::wechat
