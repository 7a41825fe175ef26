#pragma once

// What insight needs of others; implemented in store/ and upstream/.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/insight/core/calendar.h"
#include "services/insight/core/followers.h"
#include "services/insight/core/funnel.h"
#include "services/insight/core/overlap.h"
#include "services/insight/core/retention.h"
#include "services/insight/core/traffic.h"
#include "services/insight/core/types.h"

namespace datong::insight {

// An answer and what it rests on, both of one instant.
template <typename T>
struct Dated {
  T value;
  AsOf as_of;
};

// Reads the event stream, with events joined to persons. Thread-safe; blocks until the deadline.
// Errors of all: those of postgres::Pool.
class EventStore {
 public:
  virtual ~EventStore() = default;

  // Whether batch `position` can be read, and how far the stream has come.
  struct Progress {
    bool reached = false;
    int64_t newest = 0;
  };
  virtual absl::StatusOr<Progress> GetProgress(int64_t position, Deadline deadline) = 0;

  virtual absl::StatusOr<Dated<TrafficFacts>> ReadTraffic(int32_t project,
                                                          const std::vector<Surface>& surfaces,
                                                          const DayRange& range,
                                                          const std::vector<DayRange>& periods,
                                                          Deadline deadline) = 0;
  // Persons by the exact set of surfaces; bit i is surfaces[i].
  virtual absl::StatusOr<Dated<std::vector<OverlapCount>>> ReadOverlap(
      int32_t project, const std::vector<Surface>& surfaces, const DayRange& range,
      Deadline deadline) = 0;
  // Events of the steps (each a list of alternatives): the first within `range`, the others up to
  // `window` after it.
  virtual absl::StatusOr<Dated<std::vector<StepEvent>>> ReadSteps(
      int32_t project, const std::vector<std::vector<EventMatch>>& steps, const DayRange& range,
      absl::Duration window, Deadline deadline) = 0;

  struct RetentionFacts {
    std::vector<PersonDay> members;
    std::vector<PersonDay> returns;
  };
  // Members of the range's cohorts: days with a start event, or with `only_new` the day of the
  // first one ever. Returns from the range's first day to `periods` days after its last.
  virtual absl::StatusOr<Dated<RetentionFacts>> ReadRetention(int32_t project,
                                                              const EventMatch& start,
                                                              const EventMatch& come_back,
                                                              bool only_new, const DayRange& range,
                                                              int periods, Deadline deadline) = 0;

  // Newest first, those after the cursor ("" at first), at most `limit`.
  struct TimelinePage {
    std::vector<TimelineEntry> entries;
    std::string next_cursor;  // empty at the end
  };
  virtual absl::StatusOr<Dated<TimelinePage>> ReadTimeline(
      int32_t project, int64_t person_index, const std::optional<std::vector<int32_t>>& sources,
      const std::string& cursor, int limit, Deadline deadline) = 0;

  // What was looked for, and persons after `after_index`, by index. Surfaces are left to the
  // caller.
  struct FoundPerson {
    Person person;
    std::vector<int32_t> sources;  // those with events of the person
  };
  struct PersonQuery {
    std::string query = {};  // a value or kind:scope:value; empty: all
    std::string kind = {};   // empty: any
    int64_t after_index = 0;
    int limit = 50;
    std::string person = {};  // the last part of a name, instead of `query`
  };
  virtual absl::StatusOr<Dated<std::vector<FoundPerson>>> FindPersons(int32_t project,
                                                                      const PersonQuery& query,
                                                                      Deadline deadline) = 0;
};

// One change of identity's feed: from `version` on the identifier is the person's.
struct IdentityChange {
  int64_t version = 0;
  std::string identifier;  // empty: a merge, a split, or an erasure
  int64_t node = 0;
  std::string person;  // empty: nobody's
  int64_t person_index = 0;
  std::string previous_person;
  absl::Time change_time;
  // `person` was erased, or, when there is a node, the identifier alone.
  bool erased = false;
};

struct FeedPage {
  std::vector<IdentityChange> changes;
  std::string next_cursor;
  int32_t project_number = 0;
  int64_t graph_version = 0;
};

// Insight's own copy of whose each identifier is. Thread-safe; blocks until the deadline.
class PersonProjection {
 public:
  virtual ~PersonProjection() = default;
  struct Position {
    std::string cursor;
    int64_t version = 0;
  };
  virtual absl::StatusOr<Position> GetPosition(const std::string& project, Deadline deadline) = 0;
  // Applies a page read from `from` on; does nothing when another replica has gone on from there.
  virtual absl::Status Apply(const std::string& project, const std::string& from,
                             const FeedPage& page, Deadline deadline) = 0;
  // Forgets everything of the project, to begin again.
  virtual absl::Status Reset(const std::string& project, Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<std::string>> ListProjects(Deadline deadline) = 0;
};

// identity's feed. Errors: those of IdentityService.ListChanges.
class IdentityFeed {
 public:
  virtual ~IdentityFeed() = default;
  virtual absl::StatusOr<FeedPage> Read(const Asker& asker, const std::string& project,
                                        const std::string& cursor) = 0;
};

// broker's projects. Errors: those of ProjectService.ListProjects.
class ProjectDirectory {
 public:
  virtual ~ProjectDirectory() = default;
  virtual absl::StatusOr<std::vector<std::string>> List(const Asker& asker) = 0;
};

// ingest's sources. Errors: those of SourceService.ListSources.
class SourceDirectory {
 public:
  virtual ~SourceDirectory() = default;
  virtual absl::StatusOr<ProjectSources> List(const Asker& asker, const std::string& project) = 0;
};

// datacube's statistics. `apps` are names, empty for all. Errors: those of
// StatisticsService.QueryStatistics.
class FollowerStatistics {
 public:
  virtual ~FollowerStatistics() = default;
  virtual absl::StatusOr<FollowerFacts> Read(const Asker& asker, const std::string& project,
                                             const std::vector<std::string>& apps,
                                             const DayRange& range) = 0;
};

}  // namespace datong::insight
