#include "services/insight/store/postgres_event_store.h"

#include "absl/strings/str_cat.h"
#include "services/insight/store/event_sql.h"

namespace datong::insight {
namespace {

constexpr int kPageEvent = 6;  // ingest.events.event_type of PAGE

// A batch that can be seen, or one after it that every later reader sees too: then `position` was
// rolled back or dropped with its day.
constexpr char kProgressSql[] = R"sql(
  SELECT coalesce(max(id), 0),
         EXISTS (SELECT FROM ingest.batches WHERE id = $1)
         OR EXISTS (SELECT FROM ingest.batches
                    WHERE id > $1 AND xid < pg_snapshot_xmin(pg_current_snapshot()))
  FROM ingest.batches)sql";

constexpr char kAsOfSql[] = R"sql(
  SELECT b.id, (date_part('epoch', b.committed_at) * 1000000)::bigint,
         (SELECT version FROM insight.feeds WHERE project_number = $1)
  FROM (SELECT 1) AS one
  LEFT JOIN (SELECT id, committed_at FROM ingest.batches ORDER BY id DESC LIMIT 1) AS b ON true)sql";

}  // namespace

absl::StatusOr<EventStore::Progress> PostgresEventStore::GetProgress(int64_t position,
                                                                     Deadline deadline) {
  return pool_.Query<Progress>("read_progress", deadline,
                               [&](pqxx::work& work) -> absl::StatusOr<Progress> {
                                 const pqxx::row row = work.exec_params1(kProgressSql, position);
                                 return Progress{row[1].as<bool>(), row[0].as<int64_t>()};
                               },
                               {.read_only = true});
}

AsOf PostgresEventStore::ReadAsOf(pqxx::work& work, int32_t project) {
  // The planner knows little of tables that grow this fast: one hash join over all is never bad, a
  // loop over an index may be; compiling plans over many partitions costs more than it saves.
  work.exec0("SET LOCAL enable_nestloop = off; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'");
  const pqxx::row row = work.exec_params1(kAsOfSql, project);
  AsOf as_of;
  if (!row[0].is_null()) {
    as_of.position = row[0].as<int64_t>();
    as_of.position_time = TimeFromMicros(row[1]);
  }
  if (!row[2].is_null()) as_of.identity_version = row[2].as<int64_t>();
  return as_of;
}

absl::StatusOr<Dated<TrafficFacts>> PostgresEventStore::ReadTraffic(
    int32_t project, const std::vector<Surface>& surfaces, const DayRange& range,
    const std::vector<DayRange>& periods, Deadline deadline) {
  return Read<TrafficFacts>(
      "read_traffic", project, deadline, [&](pqxx::work& work) -> absl::StatusOr<TrafficFacts> {
        TrafficFacts facts;
        const std::string here = FromEvents(project) + OnSurfaces(surfaces);
        const std::string in_range = TimeBetween(range.BeginTime(), range.EndTime());
        const std::string surface = SurfaceIndex(surfaces);
        const pqxx::result visits =
            work.exec(absl::StrCat("SELECT ", kPersonSql, ", ", kDaySql, ", ", surface,
                                   ", count(*), count(*) FILTER (WHERE e.event_type = ", kPageEvent,
                                   ")", here, in_range, " GROUP BY 1, 2, 3"));
        facts.visits.reserve(visits.size());
        for (const pqxx::row& row : visits) {
          facts.visits.push_back({row[0].as<int64_t>(), row[1].as<int32_t>(), row[2].as<int32_t>(),
                                  row[3].as<int64_t>(), row[4].as<int64_t>()});
        }
        const pqxx::result earlier = work.exec(absl::StrCat(
            "SELECT DISTINCT ", kPersonSql, ", ", surface, here, TimeBefore(range.BeginTime())));
        facts.earlier.reserve(earlier.size());
        for (const pqxx::row& row : earlier) {
          facts.earlier.push_back({row[0].as<int64_t>(), row[1].as<int32_t>()});
        }
        const std::string period = absl::StrCat("(", IntArray(PeriodOfDay(range, periods)), ")[",
                                                kDaySql, " - ", range.FirstNumber() - 1, "]");
        for (const pqxx::row& row : work.exec(absl::StrCat(
                 "SELECT period, surface, count(*) FROM (SELECT DISTINCT ", period, " AS period, ",
                 surface, " AS surface, e.source_id, e.session_id",
                 " FROM ingest.events AS e WHERE e.tenant_id = ", project, OnSurfaces(surfaces),
                 in_range, " AND e.session_id <> '') AS sessions GROUP BY 1, 2"))) {
          facts.opens.push_back({row[0].as<int>(), row[1].as<int32_t>(), row[2].as<int64_t>()});
        }
        return facts;
      });
}

absl::StatusOr<Dated<std::vector<OverlapCount>>> PostgresEventStore::ReadOverlap(
    int32_t project, const std::vector<Surface>& surfaces, const DayRange& range,
    Deadline deadline) {
  using Counts = std::vector<OverlapCount>;
  return Read<Counts>(
      "read_overlap", project, deadline, [&](pqxx::work& work) -> absl::StatusOr<Counts> {
        Counts counts;
        for (const pqxx::row& row : work.exec(absl::StrCat(
                 "SELECT surfaces, count(*) FROM (SELECT ", kPersonSql, ", bit_or(1 << (",
                 SurfaceIndex(surfaces), ")) AS surfaces", FromEvents(project),
                 OnSurfaces(surfaces), TimeBetween(range.BeginTime(), range.EndTime()),
                 " GROUP BY 1) AS persons GROUP BY 1"))) {
          counts.push_back({row[0].as<uint32_t>(), row[1].as<int64_t>()});
        }
        return counts;
      });
}

absl::StatusOr<Dated<std::vector<StepEvent>>> PostgresEventStore::ReadSteps(
    int32_t project, const std::vector<std::vector<EventMatch>>& steps, const DayRange& range,
    absl::Duration window, Deadline deadline) {
  using Events = std::vector<StepEvent>;
  return Read<Events>(
      "read_steps", project, deadline, [&](pqxx::work& work) -> absl::StatusOr<Events> {
        std::vector<EventMatch> any;
        std::string mask = "0";
        for (size_t step = 0; step < steps.size(); ++step) {
          any.insert(any.end(), steps[step].begin(), steps[step].end());
          // The entry range bounds the first step alone.
          absl::StrAppend(&mask, " | CASE WHEN ", MatchesAny(work, steps[step]),
                          step == 0 ? TimeBefore(range.EndTime()) : "", " THEN ", 1u << step,
                          " ELSE 0 END");
        }
        const pqxx::result rows = work.exec(absl::StrCat(
            "SELECT ", kPersonSql, ", ", kTimeMicrosSql, ", ", mask, FromEvents(project),
            TimeBetween(range.BeginTime(), range.EndTime() + window + absl::Microseconds(1)),
            " AND ", MatchesAny(work, any)));
        Events events;
        events.reserve(rows.size());
        for (const pqxx::row& row : rows) {
          events.push_back({row[0].as<int64_t>(), row[1].as<int64_t>(), row[2].as<uint32_t>()});
        }
        return events;
      });
}

absl::StatusOr<Dated<EventStore::RetentionFacts>> PostgresEventStore::ReadRetention(
    int32_t project, const EventMatch& start, const EventMatch& come_back, bool only_new,
    const DayRange& range, int periods, Deadline deadline) {
  return Read<RetentionFacts>(
      "read_retention", project, deadline, [&](pqxx::work& work) -> absl::StatusOr<RetentionFacts> {
        const auto read = [&](const std::string& sql) {
          std::vector<PersonDay> days;
          const pqxx::result rows = work.exec(sql);
          days.reserve(rows.size());
          for (const pqxx::row& row : rows) {
            days.push_back({row[0].as<int64_t>(), row[1].as<int32_t>()});
          }
          return days;
        };
        RetentionFacts facts;
        if (only_new) {
          facts.members = read(absl::StrCat(
              "SELECT person, day FROM (SELECT ", kPersonSql, " AS person, min(", kDaySql,
              ") AS day", FromEvents(project), TimeBefore(range.EndTime()), " AND ",
              Matches(work, start), " GROUP BY 1) AS firsts WHERE day >= ", range.FirstNumber()));
        } else {
          facts.members = read(absl::StrCat(
              "SELECT DISTINCT ", kPersonSql, ", ", kDaySql, FromEvents(project),
              TimeBetween(range.BeginTime(), range.EndTime()), " AND ", Matches(work, start)));
        }
        facts.returns = read(
            absl::StrCat("SELECT DISTINCT ", kPersonSql, ", ", kDaySql, FromEvents(project),
                         TimeBetween(range.BeginTime(), ShanghaiMidnight(range.end + periods + 1)),
                         " AND ", Matches(work, come_back)));
        return facts;
      });
}

}  // namespace datong::insight
