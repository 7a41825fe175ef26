// The part of PostgresEventStore that answers about single persons.

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/insight/core/errors.h"
#include "services/insight/store/event_sql.h"
#include "services/insight/store/postgres_event_store.h"

namespace datong::insight {
namespace {

std::string TextOf(const pqxx::field& field) { return field.is_null() ? "" : field.c_str(); }

// Where the page before ended.
absl::StatusOr<std::string> AfterCursor(pqxx::work& work, const std::string& cursor) {
  if (cursor.empty()) return std::string();
  const std::vector<std::string> parts = absl::StrSplit(cursor, absl::MaxSplits('/', 1));
  int64_t micros = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &micros)) {
    return Invalid("PAGE_TOKEN_INVALID", "The page token is not one of this list.");
  }
  return absl::StrCat(" AND (e.event_time, e.event_id) < (timestamptz 'epoch' + ", micros,
                      " * interval '1 us', ", work.quote(parts[1]), "::uuid)");
}

// The indexes of the persons asked for, by index.
std::vector<int64_t> FindIndexes(pqxx::work& work, int32_t project,
                                 const EventStore::PersonQuery& query) {
  std::string where =
      absl::StrCat("project_number = ", project, " AND person_index > ", query.after_index);
  if (!query.person.empty()) {
    absl::StrAppend(&where, " AND person = ", work.quote(query.person));
  } else if (!query.query.empty()) {
    absl::StrAppend(&where, " AND (value = ", work.quote(query.query),
                    " OR identifier = ", work.quote(query.query), ")");
  }
  if (!query.kind.empty()) absl::StrAppend(&where, " AND kind = ", work.quote(query.kind));
  const auto read = [&](const std::string& condition) {
    std::vector<int64_t> indexes;
    for (const pqxx::row& row :
         work.exec(absl::StrCat("SELECT DISTINCT person_index FROM insight.node_person WHERE ",
                                condition, " ORDER BY 1 LIMIT ", query.limit))) {
      indexes.push_back(row[0].as<int64_t>());
    }
    return indexes;
  };
  std::vector<int64_t> indexes = read(where);
  if (indexes.empty() && !query.person.empty()) {
    // The name of a person that was merged leads to the one that holds its identifiers now.
    indexes =
        read(absl::StrCat("project_number = ", project, " AND person_index > ", query.after_index,
                          " AND previous_person = ", work.quote(query.person)));
    if (indexes.size() > 1) indexes.resize(1);
  }
  return indexes;
}

}  // namespace

absl::StatusOr<Dated<EventStore::TimelinePage>> PostgresEventStore::ReadTimeline(
    int32_t project, int64_t person_index, const std::optional<std::vector<int32_t>>& sources,
    const std::string& cursor, int limit, Deadline deadline) {
  return Read<TimelinePage>(
      "read_timeline", project, deadline, [&](pqxx::work& work) -> absl::StatusOr<TimelinePage> {
        const absl::StatusOr<std::string> after = AfterCursor(work, cursor);
        if (!after.ok()) return after.status();
        EventMatch match;
        match.sources = sources;
        const pqxx::result rows = work.exec(absl::StrCat(
            "SELECT ", kTimeMicrosSql,
            ", e.event_id, e.source_id, e.event_type, e.event_name, np.identifier, e.session_id, "
            "e.path, e.title, e.referrer, e.rest",
            FromEvents(project), " AND np.person_index = ", person_index, " AND ",
            Matches(work, match), *after, " ORDER BY e.event_time DESC, e.event_id DESC LIMIT ",
            limit + 1));
        TimelinePage page;
        for (const pqxx::row& row : rows) {
          if (page.entries.size() == static_cast<size_t>(limit)) {
            const TimelineEntry& last = page.entries.back();
            page.next_cursor =
                absl::StrCat(absl::ToUnixMicros(last.event_time), "/", last.event_id);
            break;
          }
          page.entries.push_back({TimeFromMicros(row[0]), TextOf(row[1]), row[2].as<int32_t>(),
                                  row[3].as<int>(), TextOf(row[4]), TextOf(row[5]), TextOf(row[6]),
                                  TextOf(row[7]), TextOf(row[8]), TextOf(row[9]), TextOf(row[10])});
        }
        return page;
      });
}

absl::StatusOr<Dated<std::vector<EventStore::FoundPerson>>> PostgresEventStore::FindPersons(
    int32_t project, const PersonQuery& query, Deadline deadline) {
  using Found = std::vector<FoundPerson>;
  return Read<Found>(
      "find_persons", project, deadline, [&](pqxx::work& work) -> absl::StatusOr<Found> {
        const std::vector<int64_t> indexes = FindIndexes(work, project, query);
        if (indexes.empty()) return Found();
        std::map<int64_t, FoundPerson> found;
        const std::string these =
            absl::StrCat(" = ANY(ARRAY[", absl::StrJoin(indexes, ","), "]::bigint[])");
        for (const pqxx::row& row : work.exec(
                 absl::StrCat("SELECT person_index, person, identifier, "
                              "(date_part('epoch', linked_at) * 1000000)::bigint, previous_person "
                              "FROM insight.node_person WHERE project_number = ",
                              project, " AND person_index", these, " ORDER BY identifier"))) {
          Person& person = found[row[0].as<int64_t>()].person;
          person.index = row[0].as<int64_t>();
          person.id = TextOf(row[1]);
          person.identifiers.push_back({TextOf(row[2]), TimeFromMicros(row[3]), TextOf(row[4])});
        }
        for (const pqxx::row& row : work.exec(
                 absl::StrCat("SELECT np.person_index, e.source_id, count(*), min(", kTimeMicrosSql,
                              "), max(", kTimeMicrosSql, ")", FromEvents(project),
                              " AND np.person_index", these, " GROUP BY 1, 2 ORDER BY 1, 2"))) {
          FoundPerson& one = found[row[0].as<int64_t>()];
          one.sources.push_back(row[1].as<int32_t>());
          one.person.events += row[2].as<int64_t>();
          const absl::Time first = TimeFromMicros(row[3]);
          const absl::Time last = TimeFromMicros(row[4]);
          one.person.first_event_time =
              std::min(one.person.first_event_time.value_or(first), first);
          one.person.last_event_time = std::max(one.person.last_event_time.value_or(last), last);
        }
        Found result;
        for (auto& [index, person] : found) result.push_back(std::move(person));
        return result;
      });
}

}  // namespace datong::insight
