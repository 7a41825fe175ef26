#pragma once

#include <string>

#include "services/broker/core/errors.h"

// The errors of logins and of the other ways to a user's ids. None names a code, an openid or a
// key.
namespace datong::broker {

inline absl::Status WebLoginInvalid(absl::string_view field, absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "WEB_LOGIN_INVALID",
                     absl::StrCat(field, " ", problem, "."),
                     {{"field", std::string(field)}, {"problem", std::string(problem)}});
}
inline absl::Status LoginStateInvalid() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "LOGIN_STATE_INVALID",
                     "This state was not made for this app and this browser, or its 10 minutes are "
                     "over; begin the login again with BuildWebLoginUrl.");
}
inline absl::Status UserDeclined() {
  return BrokerError(absl::StatusCode::kPermissionDenied, "USER_DECLINED",
                     "The user refused the login on WeChat's page; do not ask again at once.");
}
inline absl::Status WebLoginUnknown() {
  return BrokerError(absl::StatusCode::kNotFound, "WEB_LOGIN_UNKNOWN",
                     "Nothing is held of a web login of this user; log the user in with LoginWeb.");
}
inline absl::Status WebLoginExpired() {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "WEB_LOGIN_EXPIRED",
      "WeChat takes the user's tokens no longer; log the user in with LoginWeb again.");
}
inline absl::Status ScopeMissing() {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "SCOPE_MISSING",
                     "The user logged in with snsapi_base, which shows no profile; log the user in "
                     "with snsapi_userinfo.");
}
inline absl::Status SessionUnknown() {
  return BrokerError(
      absl::StatusCode::kNotFound, "SESSION_UNKNOWN",
      "No session key of this user is held here; call wx.login and LoginMiniProgram.");
}
inline absl::Status SessionExpired() {
  return BrokerError(absl::StatusCode::kFailedPrecondition, "SESSION_EXPIRED",
                     "WeChat takes the session key of this user no longer; call wx.login and "
                     "LoginMiniProgram again.");
}
inline absl::Status OpenDataBroken() {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "OPEN_DATA_BROKEN",
      "The data cannot be decrypted with the user's session key: it is broken, or of "
      "another session. Call wx.login and LoginMiniProgram, then ask for it again.");
}
inline absl::Status OpenDataOfAnotherApp() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_OF_ANOTHER_APP",
                     "The watermark names another app; use the data there.");
}
inline absl::Status OpenDataOfAnotherUser() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_OF_ANOTHER_USER",
                     "The data is of another user of this app; give the openid of the session that "
                     "it was made in.");
}
inline absl::Status OpenDataStale() {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "OPEN_DATA_STALE",
      "The watermark is older than 10 minutes; have the mini program ask for the data "
      "again.");
}
inline absl::Status PhoneCodeInvalid() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "PHONE_CODE_INVALID",
                     "WeChat does not know this code of a phone button, or it was used, or its 5 "
                     "minutes are over; have the user press the button again.");
}
inline absl::Status PhoneInvalid(size_t index) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "PHONE_INVALID",
                     absl::StrCat("phones[", index, "] is no phone number: \"+\", 6 to 15 digits."),
                     {{"index", absl::StrCat(index)}});
}
inline absl::Status OpenidInvalid(absl::string_view field) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "OPENID_INVALID",
                     absl::StrCat(field, " must be 1 to 128 letters, digits, \"-\" or \"_\"."),
                     {{"field", std::string(field)}});
}
inline absl::Status UserBatchTooLarge(size_t got, size_t most) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE",
                     absl::StrCat("Give 1 to ", most, " of them, not ", got, "."),
                     {{"got", absl::StrCat(got)}, {"most", absl::StrCat(most)}});
}
inline absl::Status UserUnknown() {
  return BrokerError(absl::StatusCode::kNotFound, "USER_UNKNOWN",
                     "WeChat knows no such user of this app; openids are of one app each.");
}
inline absl::Status PaymentInvalid() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "PAYMENT_INVALID",
                     "Give transaction_id, or mch_id and out_trade_no.");
}
inline absl::Status PaymentNotUsable() {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "PAYMENT_NOT_USABLE",
      "WeChat tells no unionid by this payment: it is older than 5 minutes, not known "
      "to it yet, of another user, or its merchant is not linked with the mini program.");
}
inline absl::Status NoMigration() {
  return BrokerError(
      absl::StatusCode::kFailedPrecondition, "NO_MIGRATION",
      "WeChat knows of no move between these two accounts: it is not approved yet, more "
      "than 15 days ago, or the old account is another one.");
}

}  // namespace datong::broker
