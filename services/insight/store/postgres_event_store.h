#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/postgres/pool.h"
#include "services/insight/core/ports.h"

namespace datong::insight {

// Answers from `ingest.events` and `ingest.batches` joined with `insight.node_person`, each in one
// read-only snapshot. Thread-safe. `pool` must outlive it.
class PostgresEventStore : public EventStore {
 public:
  explicit PostgresEventStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Progress> GetProgress(int64_t position, Deadline deadline) override;
  absl::StatusOr<Dated<TrafficFacts>> ReadTraffic(int32_t project,
                                                  const std::vector<Surface>& surfaces,
                                                  const DayRange& range,
                                                  const std::vector<DayRange>& periods,
                                                  Deadline deadline) override;
  absl::StatusOr<Dated<std::vector<OverlapCount>>> ReadOverlap(int32_t project,
                                                               const std::vector<Surface>& surfaces,
                                                               const DayRange& range,
                                                               Deadline deadline) override;
  absl::StatusOr<Dated<std::vector<StepEvent>>> ReadSteps(
      int32_t project, const std::vector<std::vector<EventMatch>>& steps, const DayRange& range,
      absl::Duration window, Deadline deadline) override;
  absl::StatusOr<Dated<RetentionFacts>> ReadRetention(int32_t project, const EventMatch& start,
                                                      const EventMatch& come_back, bool only_new,
                                                      const DayRange& range, int periods,
                                                      Deadline deadline) override;
  absl::StatusOr<Dated<TimelinePage>> ReadTimeline(
      int32_t project, int64_t person_index, const std::optional<std::vector<int32_t>>& sources,
      const std::string& cursor, int limit, Deadline deadline) override;
  absl::StatusOr<Dated<std::vector<FoundPerson>>> FindPersons(int32_t project,
                                                              const PersonQuery& query,
                                                              Deadline deadline) override;

 private:
  // Runs `body` in a snapshot, after reading what it rests on.
  template <typename T>
  absl::StatusOr<Dated<T>> Read(const char* op, int32_t project, Deadline deadline,
                                absl::FunctionRef<absl::StatusOr<T>(pqxx::work&)> body) {
    return pool_.Query<Dated<T>>(op, deadline,
                                 [&](pqxx::work& work) -> absl::StatusOr<Dated<T>> {
                                   const AsOf as_of = ReadAsOf(work, project);
                                   absl::StatusOr<T> value = body(work);
                                   if (!value.ok()) return value.status();
                                   return Dated<T>{*std::move(value), as_of};
                                 },
                                 {.read_only = true, .one_snapshot = true});
  }
  static AsOf ReadAsOf(pqxx::work& work, int32_t project);

  postgres::Pool& pool_;
};

}  // namespace datong::insight
