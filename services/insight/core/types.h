#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/deadline.h"

namespace datong::rpc {
struct CallContext;
}

namespace datong::insight {

// On whose behalf work is done. `context` is handed on to outgoing calls as it is.
struct Asker {
  Deadline deadline;
  const rpc::CallContext& context;
};

// One source of events, as ingest keeps it.
struct Source {
  int32_t number = 0;
  std::string name;  // "projects/demo/sources/shop-h5"
  std::string surface;
};

// A project and where its events come from.
struct ProjectSources {
  int32_t project_number = 0;
  std::vector<Source> sources;
};

// A surface and the numbers of its sources.
struct Surface {
  std::string name;
  std::vector<int32_t> sources;
};

// Picks events; an unset part picks all.
struct EventMatch {
  std::optional<std::vector<int32_t>> sources;
  std::optional<int> event_type;  // as ingest stores it
  std::string event_name;
};

// What an answer rests on.
struct AsOf {
  int64_t position = 0;
  std::optional<absl::Time> position_time;
  int64_t identity_version = 0;
};

// What must be in an answer.
struct Freshness {
  int64_t min_position = 0;
  int64_t min_identity_version = 0;
};

struct PersonIdentifier {
  std::string identifier;
  absl::Time link_time;
  std::string previous_person;  // the last part of the name, or empty

  bool operator==(const PersonIdentifier&) const = default;
};

struct Person {
  std::string id;  // the last part of the name
  int64_t index = 0;
  std::vector<PersonIdentifier> identifiers;
  std::vector<std::string> surfaces;
  int64_t events = 0;
  std::optional<absl::Time> first_event_time;
  std::optional<absl::Time> last_event_time;
};

// Identifiers that came from another person at one time.
struct TimelineMerge {
  absl::Time merge_time;
  std::string previous_person;  // the last part of the name
  std::vector<std::string> identifiers;
};

struct TimelineEntry {
  absl::Time event_time;
  std::string event_id;
  int32_t source = 0;
  int event_type = 0;
  std::string event_name;
  std::string identifier;
  std::string session_id;
  std::string path;
  std::string title;
  std::string referrer;
  std::string raw_json;
};

}  // namespace datong::insight
