#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "services/insight/core/person_follower.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// Picks events by the names that people use.
struct EventSelector {
  std::vector<std::string> surfaces;
  std::optional<int> event_type;
  std::string event_name;
};

// What every question says.
struct Question {
  std::string project;  // the id alone
  Freshness freshness;
};

struct TrafficAnswer {
  std::vector<std::string> surfaces;
  std::vector<DayRange> periods;
  std::vector<PeriodTraffic> figures;  // one for each period
};
struct OverlapAnswer {
  std::vector<std::string> surfaces;
  OverlapTable table;
};
struct TimelineAnswer {
  Person person;
  std::vector<TimelineEntry> entries;
  std::vector<TimelineMerge> merges;  // of the time that the entries cover, newest first
  std::vector<Source> sources;        // of the project, to name the entries'
  std::string next_cursor;
};

// Answers the questions: finds the sources, brings the persons up to date, waits for what the asker
// must see, reads the events and counts. Thread-safe; blocks until the asker's deadline.
//
// Errors of all: NOT_FOUND/PROJECT_UNKNOWN, NOT_FOUND/SURFACE_UNKNOWN, UNAVAILABLE/NOT_CAUGHT_UP,
// and those of the ports.
class Analyst {
 public:
  Analyst(EventStore& events, PersonFollower& persons, SourceDirectory& sources,
          FollowerStatistics& followers, const Clock& clock)
      : events_(events),
        persons_(persons),
        sources_(sources),
        followers_(followers),
        clock_(clock) {}

  absl::StatusOr<Dated<TrafficAnswer>> Traffic(const Asker& asker, const Question& question,
                                               const DayRange& range, Granularity granularity,
                                               const std::vector<std::string>& surfaces);
  // Also INVALID_ARGUMENT/TOO_MANY_SURFACES.
  absl::StatusOr<Dated<OverlapAnswer>> Overlap(const Asker& asker, const Question& question,
                                               const DayRange& range,
                                               const std::vector<std::string>& surfaces);
  absl::StatusOr<Dated<std::vector<int64_t>>> Funnel(
      const Asker& asker, const Question& question, const DayRange& range,
      const std::vector<std::vector<EventSelector>>& steps, absl::Duration window);
  absl::StatusOr<Dated<RetentionTable>> Retention(const Asker& asker, const Question& question,
                                                  const DayRange& range, bool only_new,
                                                  const EventSelector& start,
                                                  const EventSelector& come_back, int periods);
  absl::StatusOr<Dated<std::vector<Person>>> FindPersons(const Asker& asker,
                                                         const Question& question,
                                                         const EventStore::PersonQuery& query);
  // Of the first person that `who` finds. Also NOT_FOUND/PERSON_UNKNOWN.
  absl::StatusOr<Dated<TimelineAnswer>> Timeline(const Asker& asker, const Question& question,
                                                 const EventStore::PersonQuery& who,
                                                 const std::vector<std::string>& surfaces,
                                                 const std::string& cursor, int limit);
  // Also UNAVAILABLE/STATISTICS_UNAVAILABLE.
  absl::StatusOr<Dated<FollowerGrowth>> Followers(const Asker& asker, const Question& question,
                                                  const DayRange& range,
                                                  const std::vector<std::string>& apps,
                                                  std::optional<absl::Time>* fetch_time);

  absl::Time Now() const { return clock_.Now(); }

 private:
  // The project's sources, once what the asker must see can be seen.
  absl::StatusOr<ProjectSources> Prepare(const Asker& asker, const Question& question);
  absl::StatusOr<ProjectSources> ListSources(const Asker& asker, const std::string& project);
  absl::Status AwaitPersons(const Asker& asker, const Question& question);
  absl::Status AwaitPosition(const Asker& asker, int64_t position);
  // Sleeps a little; false when the deadline comes first.
  bool Pause(Deadline deadline);

  EventStore& events_;
  PersonFollower& persons_;
  SourceDirectory& sources_;
  FollowerStatistics& followers_;
  const Clock& clock_;
  Mutex mutex_;
  // The last answer of ingest for each project, used while it cannot be reached.
  absl::flat_hash_map<std::string, ProjectSources> known_sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::insight
