#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/types.h"

namespace datong::broker {

inline absl::Status ContactUnknown() {
  return BrokerError(
      absl::StatusCode::kNotFound, "CONTACT_UNKNOWN",
      "No member in the app's visible range follows this contact. Seconds after it was added WeCom "
      "may not know it yet; else widen the range in WeCom's console.");
}
inline absl::Status ExternalUseridInvalid() {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "EXTERNAL_USERID_INVALID",
      "WeCom does not take this external_userid: it is of another app's view, or cut. "
      "Translate it with ConvertExternalUserids.");
}
inline absl::Status ContactPermissionMissing(absl::string_view app, absl::string_view hint) {
  return BrokerError(
      absl::StatusCode::kPermissionDenied, "CONTACT_PERMISSION_MISSING",
      absl::StrCat("WeCom does not let \"", app, "\" read its customers; ", hint, "."),
      {{"app", std::string(app)}, {"hint", std::string(hint)}});
}
inline absl::Status GroupUnknown() {
  return BrokerError(absl::StatusCode::kNotFound, "GROUP_UNKNOWN",
                     "WeCom knows no such customer group in the app's visible range.");
}
inline absl::Status UserIdsMissing() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "USER_IDS_MISSING",
                     "Give openid and unionid, both as the same mini program or official account "
                     "showed them.");
}
inline absl::Status ConversionInvalid(absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "CONVERSION_INVALID",
                     absl::StrCat("This translation ", problem, "."),
                     {{"problem", std::string(problem)}});
}
inline absl::Status RosterSyncUnknown(absl::string_view app) {
  return BrokerError(absl::StatusCode::kNotFound, "ROSTER_SYNC_UNKNOWN",
                     absl::StrCat("No pass over the contacts of \"", app,
                                  "\" ever began; begin one with StartRosterSync."),
                     {{"app", std::string(app)}});
}

inline absl::Status PermanentCodeMissing(absl::string_view corpid) {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "PERMANENT_CODE_MISSING",
      absl::StrCat("Give the permanent_code of corp \"", corpid,
                   "\": WeCom tells it to nobody again. Without it, the corp installs "
                   "the suite anew."),
      {{"corpid", std::string(corpid)}});
}

// What the caller is told when WeCom refused a call for `app`: the broker's own errors. `api` names
// the call in rate limits.
absl::Status ExplainWecom(const App& app, const std::string& api, const absl::Status& cause);

}  // namespace datong::broker
