#include "services/insight/store/postgres_person_projection.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace datong::insight {
namespace {

constexpr char kUpsertTail[] = R"sql(
  ON CONFLICT (project_number, node) DO UPDATE
    SET identifier = excluded.identifier, kind = excluded.kind, value = excluded.value,
        person = excluded.person, person_index = excluded.person_index,
        previous_person = excluded.previous_person, version = excluded.version,
        linked_at = excluded.linked_at
    WHERE held.version < excluded.version)sql";

// The newest change of each node: one statement may touch a row only once.
std::map<int64_t, const IdentityChange*> NewestByNode(const std::vector<IdentityChange>& changes) {
  std::map<int64_t, const IdentityChange*> newest;
  for (const IdentityChange& change : changes) {
    if (change.identifier.empty()) continue;
    const IdentityChange*& held = newest[change.node];
    if (held == nullptr || held->version < change.version) held = &change;
  }
  return newest;
}

std::string Row(pqxx::work& work, int32_t project, const IdentityChange& change) {
  const std::vector<std::string> parts = absl::StrSplit(change.identifier, absl::MaxSplits(':', 2));
  const auto text_or_null = [&](const std::string& text) {
    return text.empty() ? std::string("NULL") : work.quote(text);
  };
  return absl::StrCat(
      "(", project, ",", change.node, ",", work.quote(change.identifier), ",",
      work.quote(parts.front()), ",", work.quote(parts.back()), ",", text_or_null(change.person),
      ",", change.person.empty() ? "NULL" : absl::StrCat(change.person_index), ",",
      text_or_null(change.previous_person), ",", change.version, ",timestamptz 'epoch' + ",
      absl::ToUnixMicros(change.change_time), " * interval '1 us')");
}

// What was linked since the erasure belongs to somebody new.
void Forget(pqxx::work& work, int32_t project, const IdentityChange& change) {
  const bool is_person = change.node == 0;
  work.exec_params(absl::StrCat("DELETE FROM insight.node_person WHERE project_number = $1 AND ",
                                is_person ? "person_index" : "node", " = $2 AND version < $3"),
                   project, is_person ? change.person_index : change.node, change.version);
}

}  // namespace

absl::StatusOr<PersonProjection::Position> PostgresPersonProjection::GetPosition(
    const std::string& project, Deadline deadline) {
  return pool_.Query<Position>(
      "read_feed_position", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Position> {
        const pqxx::result rows = work.exec_params(
            "SELECT cursor, version FROM insight.feeds WHERE project = $1", project);
        if (rows.empty()) return Position{};
        return Position{rows[0][0].as<std::string>(), rows[0][1].as<int64_t>()};
      },
      {.read_only = true});
}

absl::Status PostgresPersonProjection::Apply(const std::string& project, const std::string& from,
                                             const FeedPage& page, Deadline deadline) {
  return pool_.Transact("apply_feed_page", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO insight.feeds (project, project_number, cursor, version) "
        "VALUES ($1, $2, '', 0) ON CONFLICT (project) DO NOTHING",
        project, page.project_number);
    const pqxx::row held = work.exec_params1(
        "SELECT cursor, version FROM insight.feeds WHERE project = $1 FOR UPDATE", project);
    if (held[0].as<std::string>() != from) return absl::OkStatus();
    std::string values;
    for (const auto& [node, change] : NewestByNode(page.changes)) {
      absl::StrAppend(&values, values.empty() ? "" : ",", Row(work, page.project_number, *change));
    }
    if (!values.empty()) {
      work.exec0(
          absl::StrCat("INSERT INTO insight.node_person AS held (project_number, node, "
                       "identifier, kind, value, person, person_index, previous_person, "
                       "version, linked_at) VALUES ",
                       values, kUpsertTail));
    }
    for (const IdentityChange& change : page.changes) {
      if (change.erased) Forget(work, page.project_number, change);
    }
    int64_t version = held[1].as<int64_t>();
    for (const IdentityChange& change : page.changes) version = std::max(version, change.version);
    work.exec_params(
        "UPDATE insight.feeds SET cursor = $2, version = $3, updated_at = now() WHERE project = $1",
        project, page.next_cursor, version);
    return absl::OkStatus();
  });
}

absl::Status PostgresPersonProjection::Reset(const std::string& project, Deadline deadline) {
  return pool_.Transact("reset_feed", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "DELETE FROM insight.node_person WHERE project_number IN "
        "(SELECT project_number FROM insight.feeds WHERE project = $1)",
        project);
    work.exec_params("DELETE FROM insight.feeds WHERE project = $1", project);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<std::string>> PostgresPersonProjection::ListProjects(Deadline deadline) {
  return pool_.Query<std::vector<std::string>>(
      "list_feeds", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> projects;
        for (const pqxx::row& row : work.exec("SELECT project FROM insight.feeds ORDER BY 1")) {
          projects.push_back(row[0].as<std::string>());
        }
        return projects;
      },
      {.read_only = true});
}

}  // namespace datong::insight
