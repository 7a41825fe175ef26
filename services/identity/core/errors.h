#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/status/error.h"

namespace datong::identity {

inline constexpr char kErrorDomain[] = "identity.datong";

inline absl::Status ProjectUnknown(absl::string_view project) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("Identity does not know the project \"", project,
                                "\"; create it in the broker, which registers it here."),
                   {kErrorDomain, "PROJECT_UNKNOWN", {{"project", std::string(project)}}});
}
inline absl::Status ProjectNumberTaken(absl::string_view project, int32_t number) {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("The project \"", project, "\" or the number ", number,
                                " is registered otherwise; a project keeps its number for ever."),
                   {kErrorDomain,
                    "PROJECT_NUMBER_TAKEN",
                    {{"project", std::string(project)}, {"number", std::to_string(number)}}});
}
// Identifiers are personal data: errors never repeat them.
inline absl::Status IdentifierUnknown() {
  return MakeError(absl::StatusCode::kNotFound,
                   "No person is known by this identifier; send evidence that shows it first.",
                   {kErrorDomain, "IDENTIFIER_UNKNOWN", {}});
}
inline absl::Status PersonUnknown() {
  return MakeError(absl::StatusCode::kNotFound,
                   "There is no such person; take the name from an answer of this service.",
                   {kErrorDomain, "PERSON_UNKNOWN", {}});
}
inline absl::Status EvidenceInvalid(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("The evidence cannot be stored (", problem, "); correct it."),
                   {kErrorDomain, "EVIDENCE_INVALID", {{"problem", std::string(problem)}}});
}
inline absl::Status BatchTooLarge(size_t size, size_t most) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("A batch holds 1 to ", most, " entries, this one ", size, "; send it in parts."),
      {kErrorDomain,
       "BATCH_TOO_LARGE",
       {{"size", std::to_string(size)}, {"most", std::to_string(most)}}});
}
inline absl::Status FieldInvalid(absl::string_view reason, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(problem, "."),
                   {kErrorDomain, std::string(reason), {{"problem", std::string(problem)}}});
}
inline absl::Status ResolveInvalid(absl::string_view problem) {
  return FieldInvalid("RESOLVE_INVALID", problem);
}
inline absl::Status ConsentWithdrawn(absl::string_view attribute, absl::string_view purpose) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("The attribute \"", attribute, "\" needs the person's consent to \"", purpose,
                   "\", which was withdrawn; leave it out until there is a new one."),
      {kErrorDomain,
       "CONSENT_WITHDRAWN",
       {{"attribute", std::string(attribute)}, {"purpose", std::string(purpose)}}});
}
// A writer met a change of another one that it did not foresee; the whole is done again.
inline absl::Status LinkConflict() {
  return MakeError(absl::StatusCode::kAborted, "Another writer changed the same persons; retry.",
                   {kErrorDomain, "LINK_CONFLICT", {}});
}

}  // namespace datong::identity
