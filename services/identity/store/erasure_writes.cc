// Decisions and erasures: how they are kept and what they take away.

#include <initializer_list>
#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kReadTombstones[] = "SELECT encode(tombstone, 'hex'), " DATONG_SQL_MICROS(
    "erased_at") ", " DATONG_SQL_MICROS("renewed_at") R"sql(
  FROM identity.tombstones AS t
  WHERE project_number = $1 AND tombstone IN (SELECT decode(x, 'hex') FROM unnest($2::text[]) AS x))sql";

constexpr char kRenew[] =
    "UPDATE identity.tombstones SET renewed_at = " DATONG_SQL_TIME("$3::bigint") R"sql(
  WHERE project_number = $1 AND tombstone IN (SELECT decode(x, 'hex') FROM unnest($2::text[]) AS x))sql";

constexpr char kBury[] = R"sql(
  INSERT INTO identity.tombstones AS held (project_number, tombstone, erased_at)
  SELECT $1, decode(x, 'hex'), )sql" DATONG_SQL_TIME("$3::bigint") R"sql(
  FROM (SELECT DISTINCT unnest($2::text[])) AS t (x) ORDER BY x
  ON CONFLICT (project_number, tombstone) DO UPDATE
    SET erased_at = greatest(held.erased_at, excluded.erased_at),
        renewed_at = CASE WHEN held.renewed_at > excluded.erased_at THEN held.renewed_at END)sql";

constexpr char kAskErasure[] = R"sql(
  INSERT INTO identity.erasures (project_number, ids, whole_person, erased_at, due_at, basis, actor)
  VALUES ($1, $2::text[], false, )sql" DATONG_SQL_TIME("$3::bigint") ", " DATONG_SQL_TIME(
    "$4::bigint") ", 'extended to what was shown with an erased identifier', 'identity')";

constexpr char kWriteDecisions[] = R"sql(
  INSERT INTO identity.decisions (project_number, node, decision_id, kind, a, b, decided_for, actor,
    reason, decided_at)
  SELECT $1, t.node, decode(t.id, 'hex'), t.kind::smallint, t.a, t.b, )sql" DATONG_SQL_TIME(
    "t.at") ", t.actor, t.reason, " DATONG_SQL_TIME("$2::bigint") R"sql(
  FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::bigint[],
              $9::text[], $10::text[]) AS t (node, id, kind, a, b, at, actor, reason)
  ON CONFLICT DO NOTHING)sql";

constexpr char kForgetPhones[] = R"sql(
  UPDATE identity.evidence
  SET ids = ARRAY(SELECT id FROM unnest(ids) AS id WHERE left(id, 6) <> 'phone:'),
      unscoped_ids = CASE WHEN unscoped_ids IS NOT NULL THEN
        ARRAY(SELECT id FROM unnest(unscoped_ids) AS id WHERE left(id, 6) <> 'phone:') END
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND kind = $3 AND $4 = ANY(ids)
    AND observed_at <= )sql" DATONG_SQL_TIME("$5::bigint");

constexpr char kFindAny[] = R"sql(
  SELECT 1 FROM identity.nodes WHERE project_number = $1 AND node = ANY($2::bigint[]) LIMIT 1)sql";

// $4 is not used by all that is put behind it.
constexpr char kDeleteErased[] = R"sql(
  DELETE FROM identity.evidence
  WHERE project_number = $1 AND ids && $2::text[] AND $4::bigint[] IS NOT NULL
    AND observed_at <= )sql" DATONG_SQL_TIME("$3::bigint");

// $2 named ids, $3 those that waited with them, $4 members of the raw components, $5 named nodes.
constexpr char kDeleteRefusals[] = R"sql(
  DELETE FROM identity.refusals
  WHERE project_number = $1 AND (
    node = ANY($4::bigint[] || $5::bigint[]) AND ids && $2::text[]
    OR reason = 'watermark_invalid' AND ids && $2::text[]
    OR reason = 'scope_unknown' AND ids && ($2::text[] || $3::text[]))
  RETURNING number, open, reason)sql";

constexpr char kEnterErased[] = R"sql(
  INSERT INTO identity.erased_nodes (project_number, node, erased_at, entered_at)
  SELECT $1, node, )sql" DATONG_SQL_TIME("$3::bigint") ", " DATONG_SQL_TIME("$4::bigint") R"sql(
  FROM unnest($2::bigint[]) AS node)sql";

Secret ReadEraseKey(pqxx::work& work, const Project& project) {
  const pqxx::row row = work.exec_params1(
      "SELECT coalesce(encode(erase_key, 'hex'), '') FROM identity.projects "
      "WHERE project_number = $1",
      project.number);
  return Secret(row[0].as<std::string>());
}

std::string DecisionId(const Decision& decision) {
  return BytesToHex(
      crypto::Sha256(absl::StrCat(static_cast<int>(decision.kind), "\n", decision.a, "\n",
                                  decision.b, "\n", absl::ToUnixMicros(decision.at)))
          .substr(0, 16));
}

std::string BuriedAs(const Secret& key, const std::string& id) {
  return BytesToHex(crypto::HmacSha256(key, id));
}

}  // namespace

std::vector<bool> GraphWriter::FindErased(absl::Span<const Evidence> records,
                                          absl::Span<const Scoped> scoped) {
  std::vector<bool> dropped(records.size(), false);
  const Secret key = ReadEraseKey(work_, project_);
  if (key.Expose().empty()) return dropped;
  std::map<std::string, std::string> buried;  // by id
  const auto bury = [&](const std::vector<std::string>& ids) {
    for (const std::string& id : ids) buried.try_emplace(id, BuriedAs(key, id));
  };
  for (size_t i = 0; i < records.size(); ++i) {
    bury(records[i].ids);
    bury(scoped[i].record.ids);
  }
  TextArray wanted;
  std::map<std::string, std::string> id_of;  // by what it is buried as
  for (const auto& [id, as] : buried) {
    wanted.Add(as);
    id_of[as] = id;
  }
  std::map<std::string, Tombstone> tombstones;  // by id
  for (const auto& row : work_.exec_params(kReadTombstones, project_.number, wanted.Take())) {
    tombstones[id_of[row[0].as<std::string>()]] = {
        TimeOf(row[1]), row[2].is_null() ? absl::InfiniteFuture() : TimeOf(row[2])};
  }
  if (tombstones.empty()) return dropped;
  for (size_t i = 0; i < records.size(); ++i) {
    std::set<std::string> ids(records[i].ids.begin(), records[i].ids.end());
    ids.insert(scoped[i].record.ids.begin(), scoped[i].record.ids.end());
    const Gate gate = AdmitAll(records[i], ids, tombstones, policy_, now_);
    dropped[i] = gate.dropped;
    if (gate.dropped) {
      record_refusals_.push_back({{},
                                  Reason::kErased,
                                  ClassOf(records[i].kind).value_or(kClaimClass),
                                  records[i].observed});
      if (gate.extend.has_value()) ExtendErasure(scoped[i].record, *gate.extend, key);
    } else if (!gate.renewed.empty()) {
      TextArray renewed;
      for (const std::string& id : gate.renewed) renewed.Add(buried[id]);
      work_.exec_params(kRenew, project_.number, renewed.Take(),
                        absl::ToUnixMicros(records[i].observed));
    }
  }
  return dropped;
}

void GraphWriter::ExtendErasure(const Evidence& record, absl::Time erased, const Secret& key) {
  std::vector<Refusal> ignored;
  TextArray ids, buried;
  for (const std::string& id : Clean(record, policy_, ignored).ids) {
    ids.Add(id);
    buried.Add(BuriedAs(key, id));
  }
  work_.exec_params(kBury, project_.number, buried.Take(), absl::ToUnixMicros(erased));
  // What is stored of them already goes in a step of its own, which locks their components.
  work_.exec_params(kAskErasure, project_.number, ids.Take(), absl::ToUnixMicros(erased),
                    absl::ToUnixMicros(now_));
}

void GraphWriter::DropRevoked() {
  BigintArray nodes;
  bool any = false;
  for (const Door& door : door_) {
    if (door.record.stored.kind != kPhoneEvidence) continue;
    for (const std::string& id : door.record.clean.ids) nodes.Add(NodeOfId(id));
    any = true;
  }
  if (!any) return;
  const std::vector<Decision> decisions = ReadDecisions(work_, project_, nodes.Take());
  for (Door& door : door_) {
    const bool revoked = absl::c_any_of(
        decisions, [&](const Decision& d) { return RevokesPhoneOf(d, door.record.stored); });
    if (!revoked) continue;
    ForgetPhones(door.record.stored.ids);
    ForgetPhones(door.record.clean.ids);
    ForgetPhones(door.unscoped);
  }
}

void GraphWriter::TakeDecisions(absl::Span<const Decision> decisions, GraphState& state) {
  std::set<std::string> held;
  for (const Decision& decision : state.decisions) held.insert(DecisionId(decision));
  for (const Decision& decision : decisions) {
    if (!held.insert(DecisionId(decision)).second) continue;
    decisions_.push_back(decision);
    state.decisions.push_back(decision);
    if (decision.kind != DecisionKind::kRevokePhone) continue;
    BigintArray members;
    for (const StoredNode& node : state.nodes) members.Add(node.node);
    work_.exec_params(kForgetPhones, project_.number, members.Take(), kPhoneEvidence, decision.a,
                      absl::ToUnixMicros(decision.at));
    for (Evidence& record : state.evidence) {
      if (RevokesPhoneOf(decision, record)) ForgetPhones(record.ids);
    }
  }
}

void GraphWriter::WriteDecisions() {
  if (decisions_.empty()) return;
  BigintArray nodes, kinds, times;
  TextArray ids, a, b, actors, reasons;
  for (const Decision& decision : decisions_) {
    nodes.Add(NodeOfId(decision.a));
    ids.Add(DecisionId(decision));
    kinds.Add(static_cast<int>(decision.kind));
    a.Add(decision.a);
    b.Add(decision.b);
    times.Add(absl::ToUnixMicros(decision.at));
    actors.Add(decision.actor);
    reasons.Add(decision.reason);
  }
  work_.exec_params(kWriteDecisions, project_.number, absl::ToUnixMicros(now_), nodes.Take(),
                    ids.Take(), kinds.Take(), a.Take(), b.Take(), times.Take(), actors.Take(),
                    reasons.Take());
}

absl::StatusOr<int> GraphWriter::Erase(std::vector<std::string> ids, bool whole_person,
                                       absl::Time at) {
  ReadRules();
  // What says nothing is nobody's, and stands in the evidence of many.
  std::erase_if(ids, [&](const std::string& id) { return FaultOf(id, policy_).has_value(); });
  if (ids.empty()) return 0;
  for (const std::string& id : ids) ids_.emplace(NodeOfId(id), id);
  if (whole_person) {
    BigintArray nodes;
    for (const auto& [node, id] : ids_) nodes.Add(node);
    for (const auto& row : work_.exec_params(
             "SELECT n.node, n.identifier FROM identity.nodes AS n WHERE n.project_number = $1 AND "
             "n.person > 0 AND n.person IN (SELECT person FROM identity.nodes WHERE "
             "project_number = $1 AND node = ANY($2::bigint[]))",
             project_.number, nodes.Take())) {
      ids_.emplace(row[0].as<int64_t>(), row[1].as<std::string>());
    }
  }
  std::set<std::string> all;
  for (const auto& [node, id] : ids_) all.insert(id);
  if (recomputing_) CompleteIds();
  LinkOutcome ignored;
  FindNodes(ignored);
  const absl::StatusOr<std::set<int64_t>> components = LockComponents();
  if (!components.ok()) return components.status();
  GraphState state = LoadState(*components);
  if (const absl::Status present = CheckPresent(state); !present.ok()) return present;
  if (const absl::Status complete = CheckComplete(state); !complete.ok()) return complete;
  if (whole_person) {
    // Another writer may have brought them more identifiers before the lock.
    std::set<int64_t> persons;
    for (const StoredNode& node : state.nodes) {
      if (all.contains(node.identifier)) persons.insert(node.person);
    }
    persons.erase(0);
    for (const StoredNode& node : state.nodes) {
      if (persons.contains(node.person) && !all.contains(node.identifier)) return LinkConflict();
    }
  }
  BigintArray members;
  for (const StoredNode& node : state.nodes) members.Add(node.node);
  erased_ = TakeAway(all, at, policy_, state);
  plan_ = PlanLink(project_.number, state, {}, policy_, /*everything=*/true);
  plan_.emptied.insert(plan_.emptied.end(), erased_.persons.begin(), erased_.persons.end());
  ReturnNames(state);
  change_count_ = CountChanges();
  const std::string nodes = Scrub(erased_, members.Take(), at);
  if (const absl::Status taken = Allocate(); !taken.ok()) return taken;
  // Identifiers that nobody knew have no lock: another writer may have linked one in the middle of
  // the scrubbing, which has then taken it out of some tables only.
  BigintArray unknown;
  for (const int64_t node : fresh_) unknown.Add(node);
  if (!work_.exec_params(kFindAny, project_.number, unknown.Take()).empty()) return LinkConflict();
  // These need no node: under the project's lock nobody tells more of them meanwhile.
  for (const auto& [table, time] : std::initializer_list<std::pair<const char*, const char*>>{
           {"relations", "since"},
           {"consents", "said_at"},
           {"attributes", "valid_from"},
           {"business_records", "occurred_at"}}) {
    work_.exec_params(absl::StrCat("DELETE FROM identity.", table,
                                   " WHERE project_number = $1 AND node = ANY($2::bigint[]) AND ",
                                   time, " <= ", DATONG_SQL_TIME("$3::bigint")),
                      project_.number, nodes, absl::ToUnixMicros(at));
  }
  // Those who keep something under a node read it from here.
  work_.exec_params(kEnterErased, project_.number, ErasedNodes(), absl::ToUnixMicros(at),
                    absl::ToUnixMicros(now_));
  DATONG_RETURN_IF_ERROR(WritePlan());
  return static_cast<int>(all.size());
}

std::string GraphWriter::ErasedNodes() {
  std::set<std::string> ids = erased_.ids;
  ids.insert(erased_.gone.begin(), erased_.gone.end());
  BigintArray nodes;
  for (const std::string& id : ids) nodes.Add(NodeOfId(id));
  return nodes.Take();
}

std::string GraphWriter::Scrub(const TakenAway& erased, const std::string& members, absl::Time at) {
  TextArray ids, named;
  BigintArray nodes, gone;
  const auto name = [&](const std::string& id) {
    named.Add(id);
    nodes.Add(NodeOfId(id));
  };
  for (const std::string& id : erased.ids) {
    ids.Add(id);
    name(id);
    if (!absl::StartsWith(id, "unionid:")) continue;
    // The same unionid as it waits for its account.
    const std::string account = ExclusiveScope(IdKind::kUnionid, id).substr(sizeof("unionid:") - 1);
    for (const auto& row : work_.exec_params(
             "SELECT DISTINCT appid FROM identity.bindings WHERE project_number = $1 AND "
             "account = $2",
             project_.number, account)) {
      const std::string waiting =
          absl::StrCat("unionid:@", row[0].as<std::string>(), ":", ValueOf(id));
      ids.Add(waiting);
      name(waiting);
    }
  }
  for (const std::string& id : erased.gone) {
    gone.Add(NodeOfId(id));
    if (!erased.ids.contains(id)) name(id);
  }
  const auto run = [&](const std::string& statement, const std::string& what) {
    work_.exec_params(statement, project_.number, what);
  };
  run("DELETE FROM identity.nodes WHERE project_number = $1 AND node = ANY($2::bigint[])",
      gone.Take());
  // What counts hangs on their raw components; what does not may hang anywhere.
  for (const char* where : {" AND node = ANY($4::bigint[])", " AND watermark >= 2"}) {
    work_.exec_params(absl::StrCat(kDeleteErased, recomputing_ ? "" : where), project_.number,
                      ids.Take(), absl::ToUnixMicros(at), members);
  }
  TextArray waiting;
  for (const auto& row : work_.exec_params(
           "DELETE FROM identity.parked_evidence WHERE project_number = $1 AND ids && $2::text[] "
           "AND observed_at <= " DATONG_SQL_TIME(
               "$3::bigint") " RETURNING array_to_string(ids, E'\n')",
           project_.number, ids.Take(), absl::ToUnixMicros(at))) {
    for (const std::string& id : SplitIds(row[0].as<std::string>())) waiting.Add(id);
  }
  BigintArray refusals;
  for (const auto& row : work_.exec_params(kDeleteRefusals, project_.number, named.Take(),
                                           waiting.Take(), members, nodes.Take())) {
    refusals.Add(row[0].as<int64_t>());
    if (row[1].as<bool>()) {
      scrubbed_.push_back(
          {ChangeKind::kRefusalClosed, row[0].as<int64_t>(), "", row[2].as<std::string>()});
    }
  }
  run("UPDATE identity.changes SET refused_ids = '{}' WHERE project_number = $1 AND "
      "refusal = ANY($2::bigint[])",
      refusals.Take());
  run("DELETE FROM identity.decisions WHERE project_number = $1 AND "
      "(a = ANY($2::text[]) OR b = ANY($2::text[]))",
      named.Take());
  run("UPDATE identity.changes SET identifier = '', node = 0 WHERE project_number = $1 AND "
      "node = ANY($2::bigint[])",
      nodes.Take());
  const pqxx::row key = work_.exec_params1(
      "UPDATE identity.projects SET erase_key = coalesce(erase_key, decode($2, 'hex')) "
      "WHERE project_number = $1 RETURNING encode(erase_key, 'hex')",
      project_.number, BytesToHex(crypto::RandomBytes(32)));
  const Secret erase_key(key[0].as<std::string>());
  TextArray buried;
  for (const std::string& id : erased.ids) buried.Add(BuriedAs(erase_key, id));
  work_.exec_params(kBury, project_.number, buried.Take(), absl::ToUnixMicros(at));
  return nodes.Take();
}

}  // namespace datong::identity
