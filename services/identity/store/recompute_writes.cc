// Raw components that are worked out anew, and evidence that is brought into scope anew.

#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "common/base/strings.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kReadIdentifiers[] = R"sql(
  SELECT node, identifier FROM identity.nodes
  WHERE project_number = $1 AND component = ANY($2::bigint[]))sql";

constexpr char kReadMembersOf[] = R"sql(
  SELECT member.node FROM identity.nodes AS member
  WHERE member.project_number = $1 AND member.component IN (
    SELECT component FROM identity.nodes WHERE project_number = $1 AND node = ANY($2::bigint[])))sql";

constexpr char kDeleteEvidence[] = R"sql(
  DELETE FROM identity.evidence
  WHERE project_number = $1 AND evidence_id IN (SELECT decode(x, 'hex') FROM unnest($3::text[]) AS x)
    AND node = ANY($2::bigint[]))sql";

constexpr char kOpenSingleRefusals[] =
    "SELECT array_to_string(ids, E'\\n'), reason, evidence_class, " DATONG_SQL_MICROS(
        "observed_at") R"sql(
  FROM identity.refusals
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND open AND record_level
    AND array_length(ids, 1) = 1 AND reason IN ('blocked_value', 'bad_format', 'not_an_identifier'))sql";

constexpr char kThaw[] = R"sql(
  DELETE FROM identity.frozen_components
  WHERE project_number = $1 AND component = ANY($2::bigint[]) AND NOT component = ANY($3::bigint[]))sql";

constexpr char kFreeze[] = R"sql(
  INSERT INTO identity.frozen_components (project_number, component, id_count, record_count, frozen_at)
  SELECT $1, t.component, t.ids, t.records, )sql" DATONG_SQL_TIME("$2::bigint") R"sql(
  FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS t (component, ids, records)
  ON CONFLICT (project_number, component) DO UPDATE
    SET id_count = excluded.id_count, record_count = excluded.record_count)sql";

}  // namespace

absl::Status GraphWriter::Recompute(const std::string& components) {
  ReadRules();
  for (const auto& row : work_.exec_params(kReadIdentifiers, project_.number, components)) {
    ids_.emplace(row[0].as<int64_t>(), row[1].as<std::string>());
  }
  if (ids_.empty()) return absl::OkStatus();
  CompleteIds();
  LinkOutcome outcome;
  FindNodes(outcome);
  const absl::StatusOr<std::set<int64_t>> locked = LockComponents();
  if (!locked.ok()) return locked.status();
  const GraphState state = LoadState(*locked);
  if (const absl::Status present = CheckPresent(state); !present.ok()) return present;
  recomputing_ = true;
  if (const absl::Status complete = CheckComplete(state); !complete.ok()) return complete;
  plan_ = PlanLink(project_.number, state, {}, policy_, /*everything=*/true);
  ReturnNames(state);
  ReviewIdentifiers(state);
  change_count_ = CountChanges();
  if (const absl::Status taken = Allocate(); !taken.ok()) return taken;
  DATONG_RETURN_IF_ERROR(WritePlan());
  WriteConsents();
  return absl::OkStatus();
}

void GraphWriter::CompleteIds() {
  std::vector<Refusal> ignored;
  for (size_t before = 0; before != ids_.size();) {
    before = ids_.size();
    BigintArray nodes;
    for (const auto& [node, id] : ids_) nodes.Add(node);
    BigintArray members;
    for (const auto& row : work_.exec_params(kReadMembersOf, project_.number, nodes.Take())) {
      members.Add(row[0].as<int64_t>());
    }
    for (const Evidence& record : ReadEvidence(work_, project_, members.Take())) {
      for (const std::string& id : Clean(record, policy_, ignored).ids) {
        ids_.emplace(NodeOfId(id), id);
      }
    }
  }
}

absl::Status GraphWriter::CheckComplete(const GraphState& state) const {
  if (!recomputing_) return absl::OkStatus();
  std::set<absl::string_view> known;
  for (const StoredNode& node : state.nodes) known.insert(node.identifier);
  std::vector<Refusal> ignored;
  for (const Evidence& record : state.evidence) {
    // Another writer brought evidence that joins more than was locked.
    const Evidence clean = Clean(record, policy_, ignored);
    if (clean.ids.empty() || !known.contains(clean.ids.front())) continue;
    if (!absl::c_all_of(clean.ids, [&](const std::string& id) { return known.contains(id); })) {
      return LinkConflict();
    }
  }
  return absl::OkStatus();
}

void GraphWriter::ReviewIdentifiers(const GraphState& state) {
  std::map<std::string, const Evidence*> shown;
  BigintArray nodes;
  for (const Evidence& record : state.evidence) {
    for (const std::string& id : record.ids) {
      const auto [at, added] = shown.try_emplace(id, &record);
      if (added) nodes.Add(NodeOfId(id));
      const auto standing = [](const Evidence& e) {
        return std::make_pair(ClassOf(e.kind).value_or(kClaimClass), e.observed);
      };
      if (standing(record) < standing(*at->second)) at->second = &record;
    }
  }
  std::map<std::string, Reason> open;
  for (const auto& row : work_.exec_params(kOpenSingleRefusals, project_.number, nodes.Take())) {
    const std::string id = row[0].as<std::string>();
    const Reason reason = ReasonOf(row[1].as<std::string>());
    if (FaultOf(id, policy_) == reason) {
      open[id] = reason;
    } else {
      plan_.closed.push_back({{id}, reason, row[2].as<int>(), TimeOf(row[3])});
    }
  }
  for (const auto& [id, record] : shown) {
    const std::optional<Reason> fault = FaultOf(id, policy_);
    if (!fault.has_value() || open.contains(id)) continue;
    record_refusals_.push_back(
        {{id}, *fault, ClassOf(record->kind).value_or(kClaimClass), record->observed});
  }
}

absl::StatusOr<LinkOutcome> GraphWriter::Rescope(absl::Span<const Rescoped> records,
                                                 bool unchanged_too) {
  std::vector<Evidence> originals;
  for (const Rescoped& record : records) originals.push_back(record.original);
  ReadRules();
  const Bindings bindings = ReadBindings(originals);
  originals.clear();
  for (const Rescoped& record : records) {
    Scoped scoped = ScopeUnionids(record.original, bindings);
    absl::c_sort(scoped.record.ids);
    const bool same = scoped.unknown.empty() && scoped.record.ids == record.stored.ids;
    if (same && !unchanged_too) continue;
    replaced_.push_back(record);
    originals.push_back(record.original);
  }
  if (originals.empty()) return LinkOutcome{};
  return Apply(originals, {});
}

void GraphWriter::DeleteReplaced() {
  if (replaced_.empty()) return;
  BigintArray nodes;
  TextArray ids;
  for (const Rescoped& record : replaced_) {
    nodes.Add(record.node);
    ids.Add(record.evidence_id);
  }
  work_.exec_params(kDeleteEvidence, project_.number, nodes.Take(), ids.Take());
}

void GraphWriter::WriteFrozen() {
  if (plan_.frozen.empty() && !any_frozen_) return;
  BigintArray looked_at, frozen, ids, records;
  for (const int64_t component : plan_.components) looked_at.Add(component);
  for (const LinkPlan::Frozen& component : plan_.frozen) {
    frozen.Add(component.component);
    ids.Add(static_cast<int64_t>(component.ids));
    records.Add(static_cast<int64_t>(component.records));
  }
  work_.exec_params(kThaw, project_.number, looked_at.Take(), frozen.Take());
  if (plan_.frozen.empty()) return;
  work_.exec_params(kFreeze, project_.number, absl::ToUnixMicros(now_), frozen.Take(), ids.Take(),
                    records.Take());
}

}  // namespace datong::identity
