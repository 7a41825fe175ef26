#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::ingest {

inline constexpr char kErrorDomain[] = "ingest.datong";

inline absl::Status ProjectUnknown(absl::string_view project) {
  return MakeError(
      absl::StatusCode::kNotFound,
      absl::StrCat("No project \"", project, "\" is registered here; create it first."),
      {kErrorDomain, "PROJECT_UNKNOWN", {{"project", std::string(project)}}});
}
inline absl::Status ProjectNumberTaken(absl::string_view project, int number) {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("Project \"", project, "\" or number ", number,
                                " is registered otherwise; numbers never change."),
                   {kErrorDomain,
                    "PROJECT_NUMBER_TAKEN",
                    {{"project", std::string(project)}, {"number", absl::StrCat(number)}}});
}
inline absl::Status ProjectInvalid(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("Give the project as projects/{project}: ", problem, "."),
                   {kErrorDomain, "PROJECT_INVALID", {{"problem", std::string(problem)}}});
}
inline absl::Status SourceUnknown(absl::string_view name) {
  return MakeError(
      absl::StatusCode::kNotFound,
      absl::StrCat("There is no source \"", name, "\"; ListSources tells those there are."),
      {kErrorDomain, "SOURCE_UNKNOWN", {{"source", std::string(name)}}});
}
inline absl::Status SourceNameInvalid(absl::string_view name) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("\"", name, "\" is no source; write projects/{project}/sources/{source}."),
      {kErrorDomain, "SOURCE_NAME_INVALID", {{"source", std::string(name)}}});
}
inline absl::Status SourceInvalid(absl::string_view field, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("source.", field, ": ", problem, "."),
                   {kErrorDomain,
                    "SOURCE_INVALID",
                    {{"field", std::string(field)}, {"problem", std::string(problem)}}});
}
inline absl::Status HashKeyMissing() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "Fields can be hashed only with a key: have the operator set "
                   "ingest.hash_key_file, then try again.",
                   {kErrorDomain, "HASH_KEY_MISSING", {}});
}
inline absl::Status SourceExists(absl::string_view name) {
  return MakeError(
      absl::StatusCode::kAlreadyExists,
      absl::StrCat("Source \"", name, "\" exists with other fields; update it instead."),
      {kErrorDomain, "SOURCE_EXISTS", {{"source", std::string(name)}}});
}
inline absl::Status WriteKeyTaken() {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   "Another source has this write key or data source id; choose another.",
                   {kErrorDomain, "WRITE_KEY_TAKEN", {}});
}
inline absl::Status SourceNotTrusted(absl::string_view name) {
  return MakeError(absl::StatusCode::kPermissionDenied,
                   absl::StrCat("Source \"", name,
                                "\" is not trusted; servers append to a source of "
                                "kind SERVER or PUSH."),
                   {kErrorDomain, "SOURCE_NOT_TRUSTED", {{"source", std::string(name)}}});
}
inline absl::Status SourceDisabled(absl::string_view name) {
  return MakeError(absl::StatusCode::kPermissionDenied,
                   absl::StrCat("Source \"", name, "\" is disabled."),
                   {kErrorDomain, "SOURCE_DISABLED", {{"source", std::string(name)}}});
}
inline absl::Status BatchTooLarge(size_t events) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat(events, " events in one request; send at most 5000."),
                   {kErrorDomain, "BATCH_TOO_LARGE", {{"events", absl::StrCat(events)}}});
}
inline absl::Status WriterBusy() {
  return WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                  "More events wait to be written than may wait; retry later.",
                                  {kErrorDomain, "WRITER_BUSY", {}}),
                        absl::Seconds(1));
}
inline absl::Status WriterStopped() {
  return WithRetryDelay(MakeError(absl::StatusCode::kUnavailable, "The process is stopping; retry.",
                                  {kErrorDomain, "WRITER_STOPPED", {}}),
                        absl::Seconds(1));
}
inline absl::Status WriterTimeout() {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "The events were not committed before the deadline; send them again.",
                   {kErrorDomain, "WRITER_TIMEOUT", {}});
}

}  // namespace datong::ingest
