#pragma once

#include <cstdint>
#include <optional>

namespace datong::ingest {

// True for milliseconds between 2000 and 2100: seconds, zero and garbage are not.
bool IsPlausibleTime(int64_t ms);

// What a client says of its time.
struct ClientTime {
  enum class State { kMissing, kInvalid, kGiven };
  State state = State::kMissing;
  int64_t ms = 0;
};

struct TimeInput {
  ClientTime client;
  std::optional<int64_t> sent_ms;  // the client's clock when it sent
  int64_t received_ms = 0;         // ours
  bool trusted = false;            // no correction, no limit of age
};

struct TimeVerdict {
  int64_t event_ms = 0;
  uint64_t flags = 0;
  bool out_of_range = false;  // to quarantine: time_out_of_range
};

// The time that an event is filed under. A wrong clock shows as a sent time far from the receive
// time
// (|skew| > 60 s) and is corrected by the difference; a slow request moves nothing.
TimeVerdict JudgeTime(const TimeInput& input);

}  // namespace datong::ingest
