// Refusals as they are kept, and as the feed tells of them (R4.4, R5.13); all run under the
// project's lock, so that what is read of one is still so when it is written.

#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_join.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

// Gives those that were not open before.
constexpr char kOpenRefusals[] = R"sql(
  WITH given AS (
    SELECT t.node, decode(t.id, 'hex') AS refusal_id, t.ids, t.reason, t.evidence_class, t.observed,
      t.seen_count, t.record_level
    FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
                $9::bigint[], $10::bigint[])
      AS t (node, id, ids, reason, evidence_class, observed, seen_count, record_level)),
  before AS (
    SELECT held.number FROM identity.refusals AS held JOIN given USING (node, refusal_id)
    WHERE held.project_number = $1 AND held.open),
  written AS (
    INSERT INTO identity.refusals AS held (project_number, node, refusal_id, ids, reason,
      evidence_class, observed_at, first_seen, last_seen, seen_count, record_level, open)
    SELECT $1, t.node, t.refusal_id, string_to_array(t.ids, E'\n'), t.reason,
      t.evidence_class::smallint, )sql" DATONG_SQL_TIME("t.observed") ", " DATONG_SQL_TIME(
    "$2::bigint") ", " DATONG_SQL_TIME("$2::bigint") R"sql(, t.seen_count, t.record_level <> 0, true
    FROM given AS t
    ON CONFLICT (project_number, node, refusal_id) DO UPDATE
      SET last_seen = excluded.last_seen, seen_count = held.seen_count + excluded.seen_count,
          open = true,
          evidence_class = CASE WHEN held.record_level THEN
            least(held.evidence_class, excluded.evidence_class) ELSE excluded.evidence_class END,
          observed_at = CASE WHEN held.record_level AND (held.evidence_class, held.observed_at)
            < (excluded.evidence_class, excluded.observed_at) THEN held.observed_at
            ELSE excluded.observed_at END
    RETURNING number, array_to_string(ids, E'\n') AS ids, reason)
  SELECT number, ids, reason FROM written
  WHERE NOT EXISTS (SELECT 1 FROM before WHERE before.number = written.number) ORDER BY number)sql";

constexpr char kCloseRefusals[] = R"sql(
  UPDATE identity.refusals AS r SET open = false, last_seen = )sql" DATONG_SQL_TIME(
    "$2::bigint") R"sql(
  FROM unnest($3::bigint[], $4::text[]) AS t (node, id)
  WHERE r.project_number = $1 AND r.node = t.node AND r.refusal_id = decode(t.id, 'hex') AND r.open
  RETURNING r.number, array_to_string(r.ids, E'\n'), r.reason)sql";

// Unless other records still wait for the same.
constexpr char kCloseWaiting[] = R"sql(
  UPDATE identity.refusals AS r SET open = false, last_seen = )sql" DATONG_SQL_TIME(
    "$2::bigint") R"sql(
  WHERE r.project_number = $1 AND r.node = ANY($3::bigint[]) AND r.reason = 'scope_unknown' AND r.open
    AND r.ids[1] NOT IN (SELECT id FROM identity.parked_evidence AS p, unnest(p.ids) AS id
                         WHERE p.project_number = $1 AND p.waits_for = $4)
  RETURNING r.number, array_to_string(r.ids, E'\n'), r.reason)sql";

constexpr char kTakeVersions[] = R"sql(
  UPDATE identity.projects SET version = version + $2 WHERE project_number = $1 RETURNING version)sql";

constexpr char kTellRefusals[] = R"sql(
  INSERT INTO identity.changes (project_number, version, kind, node, identifier, person,
    previous_person, changed_at, refusal, refused_ids, reason)
  SELECT $1, $3::bigint + t.place, t.kind::smallint, 0, '', 0, 0, )sql" DATONG_SQL_TIME(
    "$2::bigint") R"sql(, t.refusal, string_to_array(t.ids, E'\n'), t.reason
  FROM unnest($4::bigint[], $5::bigint[], $6::text[], $7::text[]) WITH ORDINALITY
    AS t (kind, refusal, ids, reason, place))sql";

std::string RefusalId(const Refusal& refusal) {
  return BytesToHex(
      crypto::Sha256(absl::StrCat(NameOf(refusal.reason), "\n", absl::StrJoin(refusal.ids, "\n")))
          .substr(0, 16));
}

}  // namespace

void GraphWriter::WriteRefusals() {
  std::vector<ToldRefusal> told = std::move(scrubbed_);
  for (ToldRefusal& opened : OpenRefusals()) told.push_back(std::move(opened));
  if (!plan_.closed.empty()) {
    BigintArray nodes;
    TextArray keys;
    for (const Refusal& refusal : plan_.closed) {
      nodes.Add(NodeOfId(refusal.ids.front()));
      keys.Add(RefusalId(refusal));
    }
    for (const auto& row : work_.exec_params(kCloseRefusals, project_.number,
                                             absl::ToUnixMicros(now_), nodes.Take(), keys.Take())) {
      told.push_back({ChangeKind::kRefusalClosed, row[0].as<int64_t>(), row[1].as<std::string>(),
                      row[2].as<std::string>()});
    }
  }
  TellRefusals(told);
}

std::vector<GraphWriter::ToldRefusal> GraphWriter::OpenRefusals() {
  struct Opened {
    const Refusal* refusal;
    int count = 0;
  };
  std::map<std::pair<int64_t, std::string>, Opened> opened;  // by key, in the order of locking
  const auto open = [&](const Refusal& refusal) {
    const int64_t node = refusal.ids.empty() ? 0 : NodeOfId(refusal.ids.front());
    Opened& entry =
        opened.try_emplace({node, RefusalId(refusal)}, Opened{&refusal, 0}).first->second;
    ++entry.count;
    if (std::tie(refusal.evidence_class, refusal.observed) <
        std::tie(entry.refusal->evidence_class, entry.refusal->observed)) {
      entry.refusal = &refusal;
    }
  };
  for (const Refusal& refusal : plan_.opened) open(refusal);
  for (const Refusal& refusal : record_refusals_) open(refusal);
  std::vector<ToldRefusal> told;
  if (opened.empty()) return told;
  BigintArray nodes, classes, observed, counts, record_level;
  TextArray keys, ids, reasons;
  for (const auto& [key, entry] : opened) {
    nodes.Add(key.first);
    keys.Add(key.second);
    ids.Add(absl::StrJoin(entry.refusal->ids, "\n"));
    reasons.Add(NameOf(entry.refusal->reason));
    classes.Add(entry.refusal->evidence_class);
    observed.Add(absl::ToUnixMicros(entry.refusal->observed));
    counts.Add(entry.count);
    record_level.Add(IsRecordLevel(entry.refusal->reason) ? 1 : 0);
  }
  for (const auto& row :
       work_.exec_params(kOpenRefusals, project_.number, absl::ToUnixMicros(now_), nodes.Take(),
                         keys.Take(), ids.Take(), reasons.Take(), classes.Take(), observed.Take(),
                         counts.Take(), record_level.Take())) {
    told.push_back({ChangeKind::kRefusalOpened, row[0].as<int64_t>(), row[1].as<std::string>(),
                    row[2].as<std::string>()});
  }
  return told;
}

void GraphWriter::TellRefusals(const std::vector<ToldRefusal>& told) {
  if (told.empty()) return;
  BigintArray kinds, numbers;
  TextArray ids, reasons;
  for (const ToldRefusal& refusal : told) {
    kinds.Add(static_cast<int>(refusal.kind));
    numbers.Add(refusal.number);
    ids.Add(refusal.ids);
    reasons.Add(refusal.reason);
  }
  const auto count = static_cast<int64_t>(told.size());
  version_ = work_.exec_params1(kTakeVersions, project_.number, count)[0].as<int64_t>();
  work_.exec_params(kTellRefusals, project_.number, absl::ToUnixMicros(now_), version_ - count,
                    kinds.Take(), numbers.Take(), ids.Take(), reasons.Take());
}

void GraphWriter::CloseWaiting(const std::string& nodes, const std::string& appid) {
  work_.exec_params1("SELECT 1 FROM identity.projects WHERE project_number = $1 FOR UPDATE",
                     project_.number);
  std::vector<ToldRefusal> told;
  for (const auto& row :
       work_.exec_params(kCloseWaiting, project_.number, absl::ToUnixMicros(now_), nodes, appid)) {
    told.push_back({ChangeKind::kRefusalClosed, row[0].as<int64_t>(), row[1].as<std::string>(),
                    row[2].as<std::string>()});
  }
  TellRefusals(told);
}

}  // namespace datong::identity
