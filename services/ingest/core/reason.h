#pragma once

#include <array>

#include "absl/strings/string_view.h"

namespace datong::ingest {

// Why an event is in quarantine instead of in the stream. A closed list: it is a metric label and a
// check of the table.
enum class Reason {
  kNone,
  kMalformedJson,
  kBadEncoding,
  kTooDeep,
  kTooLargeEvent,
  kTooManyEvents,
  kSchema,
  kNoIdentity,
  kTimeOutOfRange,
  kIdReused,
  kUnknownSource,
};

inline constexpr std::array<const char*, 11> kReasonNames = {
    "",          "malformed_json",  "bad_encoding",
    "too_deep",  "too_large_event", "too_many_events",
    "schema",    "no_identity",     "time_out_of_range",
    "id_reused", "unknown_source"};

inline const char* ReasonName(Reason reason) { return kReasonNames[static_cast<size_t>(reason)]; }
inline Reason ReasonFromName(absl::string_view name) {
  for (size_t i = 1; i < kReasonNames.size(); ++i) {
    if (name == kReasonNames[i]) return static_cast<Reason>(i);
  }
  return Reason::kNone;
}

}  // namespace datong::ingest
