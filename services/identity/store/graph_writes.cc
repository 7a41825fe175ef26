// The statements by which a planned batch is written; all run under the project's lock.

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"
#include "common/base/strings.h"
#include "common/postgres/copy_writer.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

// $1 project, $2 now, $3 nodes, $4 ids of records, then a column each.
constexpr char kWriteEvidence[] = R"sql(
  INSERT INTO identity.evidence (project_number, node, evidence_id, kind, ids, observed_at,
    received_at, appid, request_id, obtained_by, snapshot, watermark, unscoped_ids)
  SELECT $1, t.node, decode(t.id, 'hex'), t.kind, string_to_array(t.ids, E'\n'), )sql" DATONG_SQL_TIME(
    "t.observed") ", " DATONG_SQL_TIME("$2::bigint") R"sql(, t.appid, t.request_id, t.obtained_by,
    t.snapshot <> 0, t.watermark::smallint,
    CASE WHEN t.unscoped <> '' THEN string_to_array(t.unscoped, E'\n') END
  FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
              $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[])
    AS t (node, id, kind, ids, observed, appid, request_id, obtained_by, snapshot, watermark,
          unscoped)
  ON CONFLICT DO NOTHING)sql";

constexpr char kWriteParked[] = R"sql(
  INSERT INTO identity.parked_evidence (project_number, node, evidence_id, kind, ids, observed_at,
    received_at, appid, request_id, obtained_by, snapshot, watermark, waits_for)
  SELECT $1, t.node, decode(t.id, 'hex'), t.kind, string_to_array(t.ids, E'\n'), )sql" DATONG_SQL_TIME(
    "t.observed") ", " DATONG_SQL_TIME("$2::bigint") R"sql(, t.appid, t.request_id, t.obtained_by,
    t.snapshot <> 0, t.watermark::smallint, t.waits_for
  FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
              $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[])
    AS t (node, id, kind, ids, observed, appid, request_id, obtained_by, snapshot, watermark,
          waits_for)
  ON CONFLICT DO NOTHING)sql";

constexpr char kWriteNodes[] = R"sql(
  UPDATE identity.nodes AS n SET component = t.component, person = t.person, first_observed = )sql" DATONG_SQL_TIME(
    "t.observed") R"sql(
  FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS t (node, component, person, observed)
  WHERE n.project_number = $1 AND n.node = t.node)sql";

constexpr char kMergePersons[] = R"sql(
  UPDATE identity.persons AS p SET merged_into = t.survivor
  FROM unnest($2::bigint[], $3::bigint[]) AS t (absorbed, survivor)
  WHERE p.project_number = $1 AND p.person = t.absorbed)sql";
// Names of persons absorbed before lead on to the new survivor, never over two steps. A statement
// of its own: with OR no index serves.
constexpr char kLeadOn[] = R"sql(
  UPDATE identity.persons AS p SET merged_into = t.survivor
  FROM unnest($2::bigint[], $3::bigint[]) AS t (absorbed, survivor)
  WHERE p.project_number = $1 AND p.merged_into = t.absorbed AND p.merged_into > 0)sql";

// With those whose names led to it before, and to the other one since.
constexpr char kReturnPerson[] = R"sql(
  WITH RECURSIVE absorbed AS (
    SELECT $2::bigint AS person
    UNION
    SELECT c.previous_person FROM identity.changes AS c JOIN absorbed ON absorbed.person = c.person
    WHERE c.project_number = $1 AND c.kind = 4)
  UPDATE identity.persons AS p SET merged_into = CASE WHEN p.person = $2 THEN 0 ELSE $2 END
  FROM absorbed WHERE p.project_number = $1 AND p.person = absorbed.person AND p.merged_into = $3)sql";

constexpr char kEmptyPersons[] = R"sql(
  UPDATE identity.persons SET emptied = true
  WHERE project_number = $1 AND person = ANY($2::bigint[]))sql";

// Withdrawals alone: to have none is to allow. $2 now, $3 persons.
constexpr char kSpreadConsents[] = R"sql(
  WITH latest AS (
    SELECT DISTINCT ON (n.person, c.purpose)
      n.person, c.purpose, c.granted, c.source, c.said_at
    FROM identity.nodes AS n
    JOIN identity.consents AS c ON c.project_number = n.project_number AND c.node = n.node
    WHERE n.project_number = $1 AND n.person = ANY($3::bigint[]) AND n.person > 0
    ORDER BY n.person, c.purpose, c.said_at DESC, c.granted, c.source DESC),
  fresh AS (
    SELECT n.node, n.identifier, l.purpose, l.source, l.said_at, row_number() OVER () AS place
    FROM latest AS l
    JOIN identity.nodes AS n ON n.project_number = $1 AND n.person = l.person AND n.person > 0
    WHERE NOT l.granted AND NOT EXISTS (
      SELECT 1 FROM identity.consents AS held
      WHERE held.project_number = $1 AND held.node = n.node AND held.purpose = l.purpose
        AND (held.said_at, NOT held.granted) >= (l.said_at, true))),
  counted AS (
    UPDATE identity.projects SET consent_version = consent_version + (SELECT count(*) FROM fresh)
    WHERE project_number = $1 RETURNING consent_version)
  INSERT INTO identity.consents (project_number, node, identifier, purpose, granted, source,
    said_at, recorded_at, version)
  SELECT $1, fresh.node, fresh.identifier, fresh.purpose, false, fresh.source, fresh.said_at, )sql" DATONG_SQL_TIME(
    "$2::bigint") R"sql(,
    counted.consent_version - (SELECT count(*) FROM fresh) + fresh.place
  FROM fresh, counted)sql";

// The columns that evidence and parked evidence share.
struct EvidenceColumns {
  BigintArray nodes, observed, snapshot, watermark;
  TextArray ids, kinds, members, appids, request_ids, obtained_by;

  void Add(int32_t project_number, int64_t node, const Evidence& record) {
    nodes.Add(node);
    ids.Add(BytesToHex(EvidenceId(project_number, record)));
    kinds.Add(record.kind);
    members.Add(absl::StrJoin(record.ids, "\n"));
    observed.Add(absl::ToUnixMicros(record.observed));
    appids.Add(record.appid);
    request_ids.Add(record.request_id);
    obtained_by.Add(record.obtained_by);
    snapshot.Add(record.snapshot ? 1 : 0);
    watermark.Add(static_cast<int>(record.watermark));
  }
};

}  // namespace

void GraphWriter::WriteEvidence() {
  if (plan_.recorded.empty()) return;
  EvidenceColumns c;
  TextArray unscoped;
  for (const size_t i : plan_.recorded) {
    unscoped.Add(absl::StrJoin(door_[i].unscoped, "\n"));
    const DoorRecord& record = door_[i].record;
    const std::vector<std::string>& ids =
        record.clean.ids.empty() ? record.stored.ids : record.clean.ids;
    c.Add(project_.number, NodeOfId(ids.front()), record.stored);
  }
  work_.exec_params(kWriteEvidence, project_.number, absl::ToUnixMicros(now_), c.nodes.Take(),
                    c.ids.Take(), c.kinds.Take(), c.members.Take(), c.observed.Take(),
                    c.appids.Take(), c.request_ids.Take(), c.obtained_by.Take(), c.snapshot.Take(),
                    c.watermark.Take(), unscoped.Take());
}

void GraphWriter::WriteParked() {
  if (parked_.empty()) return;
  EvidenceColumns c;
  TextArray waits_for;
  for (const Parked& parked : parked_) {
    c.Add(project_.number, NodeOfId(parked.record.ids.front()), parked.record);
    waits_for.Add(parked.app);
  }
  work_.exec_params(kWriteParked, project_.number, absl::ToUnixMicros(now_), c.nodes.Take(),
                    c.ids.Take(), c.kinds.Take(), c.members.Take(), c.observed.Take(),
                    c.appids.Take(), c.request_ids.Take(), c.obtained_by.Take(), c.snapshot.Take(),
                    c.watermark.Take(), waits_for.Take());
}

absl::Status GraphWriter::WriteNodes() {
  // In the order of the nodes, which is that of their index.
  std::vector<const LinkPlan::NodeChange*> made;
  BigintArray nodes, components, persons, observed;
  bool any_changed = false;
  for (const LinkPlan::NodeChange& change : plan_.nodes) {
    if (fresh_.contains(change.node)) {
      made.push_back(&change);
      continue;
    }
    nodes.Add(change.node);
    components.Add(change.component);
    persons.Add(PersonOf(change.person));
    observed.Add(absl::ToUnixMicros(change.first_observed));
    any_changed = true;
  }
  if (any_changed) {
    work_.exec_params(kWriteNodes, project_.number, nodes.Take(), components.Take(), persons.Take(),
                      observed.Take());
  }
  if (made.empty()) return absl::OkStatus();
  absl::c_sort(made, [](const auto* a, const auto* b) { return a->node < b->node; });
  postgres::CopyWriter copy(work_,
                            "identity.nodes (project_number, node, identifier, component, person, "
                            "first_observed)");
  for (const LinkPlan::NodeChange* change : made) {
    copy.BeginRow(6);
    copy.Int32(project_.number);
    copy.Int64(change->node);
    copy.Text(change->identifier);
    copy.Int64(change->component);
    copy.Int64(PersonOf(change->person));
    copy.Timestamp(change->first_observed);
  }
  const absl::Status copied = copy.Finish().status();
  return absl::IsAlreadyExists(copied) ? LinkConflict() : copied;
}

absl::Status GraphWriter::WritePersons() {
  if (!plan_.new_persons.empty()) {
    postgres::CopyWriter copy(work_,
                              "identity.persons (project_number, person, split_from, created_at)");
    int64_t person = next_person_;
    for (const int64_t split_from : plan_.new_persons) {
      copy.BeginRow(4);
      copy.Int32(project_.number);
      copy.Int64(person++);
      copy.Int64(split_from);
      copy.Timestamp(now_);
    }
    DATONG_RETURN_IF_ERROR(copy.Finish().status());
  }
  for (const LinkPlan::Return& part : plan_.returned) {
    work_.exec_params(kReturnPerson, project_.number, part.person, part.split_from);
  }
  if (!plan_.merges.empty()) {
    BigintArray absorbed, survivors;
    for (const LinkPlan::Merge& merge : plan_.merges) {
      absorbed.Add(merge.absorbed);
      survivors.Add(merge.survivor);
    }
    work_.exec_params(kLeadOn, project_.number, absorbed.Take(), survivors.Take());
    work_.exec_params(kMergePersons, project_.number, absorbed.Take(), survivors.Take());
  }
  if (!plan_.emptied.empty()) {
    BigintArray emptied;
    for (const int64_t person : plan_.emptied) emptied.Add(person);
    work_.exec_params(kEmptyPersons, project_.number, emptied.Take());
  }
  return absl::OkStatus();
}

absl::Status GraphWriter::WriteChanges() {
  if (change_count_ == 0) return absl::OkStatus();
  postgres::CopyWriter copy(work_,
                            "identity.changes (project_number, version, kind, node, identifier, "
                            "person, previous_person, changed_at)");
  int64_t version = version_ - change_count_;
  const auto add = [&](ChangeKind kind, int64_t node, const std::string& identifier, int64_t person,
                       int64_t previous_person) {
    copy.BeginRow(8);
    copy.Int32(project_.number);
    copy.Int64(++version);
    copy.Int16(static_cast<int16_t>(kind));
    copy.Int64(node);
    copy.Text(identifier);
    copy.Int64(PersonOf(person));
    copy.Int64(previous_person);
    copy.Timestamp(now_);
  };
  for (size_t i = 0; i < plan_.new_persons.size(); ++i) {
    const int64_t split_from = plan_.new_persons[i];
    add(split_from == 0 ? ChangeKind::kCreated : ChangeKind::kSplit, 0, "",
        -static_cast<int64_t>(i) - 1, split_from);
  }
  for (const LinkPlan::Return& part : plan_.returned) {
    add(ChangeKind::kSplit, 0, "", part.person, part.split_from);
  }
  for (const LinkPlan::Merge& merge : plan_.merges) {
    add(ChangeKind::kMerged, 0, "", merge.survivor, merge.absorbed);
  }
  for (const int64_t node : erased_.unlinked) add(ChangeKind::kUnlinked, node, "", 0, 0);
  for (const int64_t person : erased_.persons) add(ChangeKind::kErased, 0, "", person, 0);
  for (const LinkPlan::NodeChange& change : plan_.nodes) {
    if (change.person == change.previous_person) continue;
    ChangeKind kind = ChangeKind::kMoved;
    if (change.previous_person == 0) kind = ChangeKind::kLinked;
    if (change.person == 0) kind = ChangeKind::kUnlinked;
    add(kind, change.node, change.identifier, change.person, change.previous_person);
  }
  return copy.Finish().status();
}

void GraphWriter::WriteConsents() {
  if (!any_consents_) return;
  BigintArray persons;
  bool any = false;
  for (const LinkPlan::NodeChange& change : plan_.nodes) {
    if (change.person == change.previous_person || change.person == 0) continue;
    persons.Add(PersonOf(change.person));
    any = true;
  }
  if (!any) return;
  work_.exec_params(kSpreadConsents, project_.number, absl::ToUnixMicros(now_), persons.Take());
}

}  // namespace datong::identity
