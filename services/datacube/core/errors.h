#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/status/error.h"

namespace datong::datacube {

inline constexpr char kErrorDomain[] = "datacube.datong";

inline absl::Status Invalid(absl::string_view reason, absl::string_view message,
                            std::map<std::string, std::string> metadata = {}) {
  return MakeError(absl::StatusCode::kInvalidArgument, message,
                   {kErrorDomain, std::string(reason), std::move(metadata)});
}

inline absl::Status DayRangeInvalid(absl::string_view begin, absl::string_view end,
                                    absl::string_view rule) {
  return Invalid("DAY_RANGE_INVALID",
                 absl::StrCat("The days ", begin, " to ", end, " cannot be asked for: ", rule, "."),
                 {{"begin_day", std::string(begin)},
                  {"end_day", std::string(end)},
                  {"rule", std::string(rule)}});
}

inline absl::Status AnswerMalformed() {
  return MakeError(absl::StatusCode::kInternal,
                   "The platform's answer is no JSON object; it is asked again.",
                   {kErrorDomain, "ANSWER_MALFORMED", {}});
}

// The platform answered with an errcode.
inline absl::Status PlatformError(int64_t errcode, absl::string_view errmsg) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("The platform answered errcode ", errcode, ": ", errmsg),
                   {kErrorDomain,
                    "PLATFORM_ERROR",
                    {{"errcode", absl::StrCat(errcode)}, {"errmsg", std::string(errmsg)}}});
}

inline absl::Status AppUnknown(absl::string_view app) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("No app \"", app,
                                "\" is connected here; connect it through broker, or wait some "
                                "seconds if that was done just now."),
                   {kErrorDomain, "APP_UNKNOWN", {{"app", std::string(app)}}});
}

inline absl::Status AppNotConnected(absl::string_view app) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("The app \"", app,
                                "\" has withdrawn its authorisation; connect it again first."),
                   {kErrorDomain, "APP_NOT_CONNECTED", {{"app", std::string(app)}}});
}

inline absl::Status StatisticsNotOffered(absl::string_view app, absl::string_view kind) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("There are no statistics yet for apps of the kind ", kind, " (\"",
                                app, "\"); only official accounts have them."),
                   {kErrorDomain,
                    "STATISTICS_NOT_OFFERED",
                    {{"app", std::string(app)}, {"kind", std::string(kind)}}});
}

inline absl::Status RequestIdReused(absl::string_view request_id) {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("The request_id ", request_id,
                                " was used before with other arguments; make a new one."),
                   {kErrorDomain, "REQUEST_ID_REUSED", {{"request_id", std::string(request_id)}}});
}

inline absl::Status SyncRunUnknown(absl::string_view name) {
  return MakeError(
      absl::StatusCode::kNotFound,
      absl::StrCat("There is no sync run \"", name, "\"; list them with ListSyncRuns."),
      {kErrorDomain, "SYNC_RUN_UNKNOWN", {{"name", std::string(name)}}});
}

// Another worker has taken the piece over: what was fetched for it is dropped.
inline absl::Status ClaimLost() {
  return MakeError(absl::StatusCode::kAborted, "Another worker has taken this piece of work over.",
                   {kErrorDomain, "CLAIM_LOST", {}});
}

}  // namespace datong::datacube
