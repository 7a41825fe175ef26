#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/status/error.h"

namespace datong::insight {

inline constexpr char kErrorDomain[] = "insight.datong";

inline absl::Status Invalid(const char* reason, absl::string_view sentence) {
  return MakeError(absl::StatusCode::kInvalidArgument, sentence, {kErrorDomain, reason, {}});
}

inline absl::Status ProjectUnknown(absl::string_view project) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("There is no project \"", project, "\"."),
                   {kErrorDomain, "PROJECT_UNKNOWN", {{"project", std::string(project)}}});
}

inline absl::Status SurfaceUnknown(absl::string_view surface,
                                   const std::vector<std::string>& known) {
  const std::string list = absl::StrJoin(known, ", ");
  return MakeError(
      absl::StatusCode::kNotFound,
      absl::StrCat("There is no surface \"", surface, "\"; known ones: ", list, "."),
      {kErrorDomain, "SURFACE_UNKNOWN", {{"surface", std::string(surface)}, {"known", list}}});
}

inline absl::Status PersonUnknown(absl::string_view who) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat("There is no person \"", who, "\"."),
                   {kErrorDomain, "PERSON_UNKNOWN", {{"person", std::string(who)}}});
}

inline absl::Status NotCaughtUp(absl::string_view what, int64_t wanted, int64_t reached) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("The ", what, " has come to ", reached, ", not yet to ", wanted, "; ask again."),
      {kErrorDomain,
       "NOT_CAUGHT_UP",
       {{"what", std::string(what)},
        {"wanted", absl::StrCat(wanted)},
        {"reached", absl::StrCat(reached)}}});
}

inline absl::Status StatisticsUnavailable(absl::string_view cause) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("The platform's statistics cannot be read now; ask again. Cause: ", cause),
      {kErrorDomain, "STATISTICS_UNAVAILABLE", {{"cause", std::string(cause)}}});
}

}  // namespace datong::insight
