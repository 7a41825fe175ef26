#include "services/identity/store/graph_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/policy_sql.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kReadBindings[] = "SELECT appid, account, " DATONG_SQL_MICROS("valid_from") R"sql(
  FROM identity.bindings WHERE project_number = $1 AND appid = ANY($2::text[])
  ORDER BY appid, valid_from)sql";

constexpr char kReadNodes[] = R"sql(
  SELECT node, identifier FROM identity.nodes
  WHERE project_number = $1 AND node = ANY($2::bigint[]))sql";

constexpr char kReadComponents[] = R"sql(
  SELECT DISTINCT component FROM identity.nodes
  WHERE project_number = $1 AND node = ANY($2::bigint[]))sql";

constexpr char kLockComponents[] = R"sql(
  SELECT node FROM identity.nodes WHERE project_number = $1 AND node = ANY($2::bigint[])
  ORDER BY node FOR UPDATE)sql";

constexpr char kReadMembers[] =
    "SELECT node, identifier, component, person, " DATONG_SQL_MICROS("first_observed") R"sql(
  FROM identity.nodes WHERE project_number = $1 AND component = ANY($2::bigint[]))sql";

constexpr char kReadOpenRefusals[] =
    "SELECT array_to_string(ids, E'\\n'), reason, evidence_class, " DATONG_SQL_MICROS(
        "observed_at") R"sql(
  FROM identity.refusals
  WHERE project_number = $1 AND node = ANY($2::bigint[]) AND open AND NOT record_level)sql";

constexpr char kAllocate[] = R"sql(
  UPDATE identity.projects SET version = version + $2, next_person = next_person + $3,
    decision_version = decision_version + $4, rules_version = rules_version + $5
  WHERE project_number = $1 RETURNING version, next_person, consent_version, rules_version,
    EXISTS (SELECT 1 FROM identity.frozen_components AS f WHERE f.project_number = $1))sql";

}  // namespace

int64_t GraphWriter::NodeOfId(const std::string& id) { return NodeOf(project_.number, id); }

Bindings GraphWriter::ReadBindings(absl::Span<const Evidence> records) {
  std::set<std::string> apps;
  for (const Evidence& record : records) {
    for (std::string& app : UnscopedApps(record)) apps.insert(std::move(app));
  }
  Bindings bindings;
  if (apps.empty()) return bindings;
  TextArray array;
  for (const std::string& app : apps) array.Add(app);
  for (const auto& row : work_.exec_params(kReadBindings, project_.number, array.Take())) {
    // The first binding of an app is stored at the epoch when it holds for ever back.
    bindings[row[0].as<std::string>()].push_back({TimeOf(row[2]), row[1].as<std::string>()});
  }
  return bindings;
}

void GraphWriter::Scope(absl::Span<const Evidence> records, LinkOutcome& outcome) {
  const Bindings bindings = ReadBindings(records);
  std::vector<Scoped> all;
  for (const Evidence& record : records) all.push_back(ScopeUnionids(record, bindings));
  const std::vector<bool> erased = FindErased(records, all);
  for (size_t i = 0; i < records.size(); ++i) {
    if (erased[i]) {
      outcome.erased.push_back(i);
      continue;
    }
    Scoped& scoped = all[i];
    const bool bound = scoped.unknown.empty() && !UnscopedApps(records[i]).empty();
    if (std::string held = HoldBack(records[i], scoped); !held.empty()) {
      parked_.push_back({records[i], std::move(scoped.unknown), std::move(held)});
      ++outcome.parked;
    } else if (!scoped.unknown.empty()) {
      parked_.push_back({records[i], std::move(scoped.unknown), std::move(scoped.unknown_app)});
      ++outcome.parked;
    }
    if (scoped.record.ids.empty()) {
      ++outcome.recorded;
      continue;
    }
    absl::c_sort(scoped.record.ids);
    Door door{{std::move(scoped.record), {}}, {}, i, {}};
    if (bound) door.unscoped = records[i].ids;
    door.record.clean = Clean(door.record.stored, policy_, door.refusals);
    door_.push_back(std::move(door));
  }
  DropRevoked();
}

absl::Status GraphWriter::CheckPresent(const GraphState& state) const {
  std::set<int64_t> present;
  for (const StoredNode& node : state.nodes) present.insert(node.node);
  for (const auto& [node, id] : ids_) {
    if (!present.contains(node)) return LinkConflict();
  }
  return absl::OkStatus();
}

void GraphWriter::FindNodes(LinkOutcome& outcome) {
  std::map<int64_t, std::string> wanted = ids_;
  std::set<std::string> collided;
  for (const Door& door : door_) {
    for (const std::string& id : door.record.clean.ids) {
      const auto [at, added] = wanted.try_emplace(NodeOfId(id), id);
      if (!added && at->second != id) collided.insert(id);
    }
  }
  BigintArray nodes;
  for (const auto& [node, id] : wanted) nodes.Add(node);
  std::set<int64_t> present;
  for (const auto& row : work_.exec_params(kReadNodes, project_.number, nodes.Take())) {
    present.insert(row[0].as<int64_t>());
    const std::string& id = wanted[row[0].as<int64_t>()];
    if (row[1].as<std::string>() != id) collided.insert(id);
  }
  if (!collided.empty()) {
    std::erase_if(door_, [&](const Door& door) {
      const bool hit = absl::c_any_of(door.record.clean.ids,
                                      [&](const auto& id) { return collided.contains(id); });
      if (hit) outcome.collided.push_back(door.place);
      return hit;
    });
  }
  for (const Door& door : door_) {
    for (const std::string& id : door.record.clean.ids) ids_.try_emplace(NodeOfId(id), id);
  }
  for (const auto& [node, id] : ids_) {
    if (!present.contains(node)) fresh_.insert(node);
  }
}

absl::StatusOr<std::set<int64_t>> GraphWriter::LockComponents() {
  std::set<int64_t> locked;
  BigintArray nodes;
  bool any = false;
  for (const auto& [node, id] : ids_) {
    if (fresh_.contains(node)) continue;
    nodes.Add(node);
    any = true;
  }
  while (any) {
    // Another writer may have joined components while this one waited for the lock.
    BigintArray more;
    any = false;
    const int64_t highest = locked.empty() ? std::numeric_limits<int64_t>::min() : *locked.rbegin();
    for (const auto& row : work_.exec_params(kReadComponents, project_.number, nodes.Take())) {
      const auto component = row[0].as<int64_t>();
      if (!locked.insert(component).second) continue;
      // Locks are only ever taken upwards, or two writers could wait for each other.
      if (component < highest) return LinkConflict();
      more.Add(component);
      any = true;
    }
    if (any) work_.exec_params(kLockComponents, project_.number, more.Take());
  }
  return locked;
}

GraphState GraphWriter::LoadState(const std::set<int64_t>& components) {
  GraphState state;
  BigintArray names;
  for (const int64_t component : components) names.Add(component);
  BigintArray members;
  bool any = false;
  if (!components.empty()) {
    for (const auto& row : work_.exec_params(kReadMembers, project_.number, names.Take())) {
      StoredNode node{row[0].as<int64_t>(), row[1].as<std::string>(), row[2].as<int64_t>(),
                      row[3].as<int64_t>(), TimeOf(row[4]),           false};
      members.Add(node.node);
      state.nodes.push_back(std::move(node));
      any = true;
    }
  }
  if (any) LoadRefusals(members.Take(), state);
  if (any) state.decisions = ReadDecisions(work_, project_, members.Take());
  for (const int64_t node : fresh_) {
    state.nodes.push_back({node, ids_.at(node), node, 0, absl::InfiniteFuture(), true});
  }
  // Records without any good identifier hang on their first one, which is no node.
  for (const Door& door : door_) {
    if (!door.record.clean.ids.empty()) continue;
    members.Add(NodeOfId(door.record.stored.ids.front()));
    any = true;
  }
  if (any) LoadEvidence(members.Take(), state);
  return state;
}

void GraphWriter::LoadEvidence(const std::string& nodes, GraphState& state) {
  state.evidence = ReadEvidence(work_, project_, nodes);
}

void GraphWriter::LoadRefusals(const std::string& nodes, GraphState& state) {
  for (const auto& row : work_.exec_params(kReadOpenRefusals, project_.number, nodes)) {
    state.open_refusals.push_back({SplitIds(row[0].as<std::string>()),
                                   ReasonOf(row[1].as<std::string>()), row[2].as<int>(),
                                   TimeOf(row[3])});
  }
}

absl::StatusOr<LinkOutcome> GraphWriter::Link(absl::Span<const Evidence> records) {
  return Apply(records, {});
}

absl::StatusOr<LinkOutcome> GraphWriter::Apply(absl::Span<const Evidence> records,
                                               absl::Span<const Decision> decisions) {
  LinkOutcome outcome;
  ReadRules();
  Scope(records, outcome);
  for (const Rescoped& record : replaced_) {
    std::vector<Refusal> ignored;
    for (const std::string& id : Clean(record.stored, policy_, ignored).ids) {
      ids_.emplace(NodeOfId(id), id);
    }
  }
  for (const Decision& decision : decisions) {
    ids_.emplace(NodeOfId(decision.a), decision.a);
    if (!decision.b.empty()) ids_.emplace(NodeOfId(decision.b), decision.b);
  }
  if (recomputing_) {
    for (const Door& entry : door_) {
      for (const std::string& id : entry.record.clean.ids) ids_.emplace(NodeOfId(id), id);
    }
    CompleteIds();
  }
  FindNodes(outcome);
  const absl::StatusOr<std::set<int64_t>> components = LockComponents();
  if (!components.ok()) return components.status();
  GraphState state = LoadState(*components);
  if (const absl::Status present = CheckPresent(state); !present.ok()) return present;
  if (const absl::Status complete = CheckComplete(state); !complete.ok()) return complete;
  TakeDecisions(decisions, state);
  std::vector<DoorRecord> door;
  for (const Door& entry : door_) {
    door.push_back(entry.record);
    if (state.decisions.empty()) continue;
    Evidence latest = entry.record.stored;
    latest.observed = absl::InfiniteFuture();
    if (EraOf(latest, state.decisions) > 0) outcome.decided.push_back(entry.place);
  }
  if (!replaced_.empty()) {
    std::set<std::string> gone;
    for (const Rescoped& record : replaced_) {
      gone.insert(EvidenceId(project_.number, record.stored));
    }
    std::erase_if(state.evidence, [&](const Evidence& record) {
      return gone.contains(EvidenceId(project_.number, record));
    });
  }
  plan_ = PlanLink(project_.number, state, door, policy_,
                   !decisions_.empty() || !replaced_.empty() || recomputing_);
  ReturnNames(state);
  outcome.recorded += static_cast<int>(plan_.recorded.size());
  for (const size_t i : plan_.recorded) {
    record_refusals_.insert(record_refusals_.end(), door_[i].refusals.begin(),
                            door_[i].refusals.end());
  }
  for (const Parked& parked : parked_) {
    for (const std::string& id : parked.unknown) {
      record_refusals_.push_back({{id},
                                  Reason::kScopeUnknown,
                                  ClassOf(parked.record.kind).value_or(kClaimClass),
                                  parked.record.observed});
    }
  }
  if (plan_.recorded.empty() && parked_.empty() && decisions_.empty() && outcome.erased.empty() &&
      replaced_.empty()) {
    outcome.version = ReadVersion(work_, project_);
    return outcome;
  }
  change_count_ = CountChanges();
  if (const absl::Status taken = Allocate(); !taken.ok()) return taken;
  DATONG_RETURN_IF_ERROR(WritePlan());
  DeleteReplaced();
  WriteEvidence();
  WriteParked();
  WriteConsents();
  WriteDecisions();
  CountConflicts(state.open_refusals);
  outcome.version = version_;
  return outcome;
}

int64_t GraphWriter::CountChanges() const {
  int64_t count = absl::c_count_if(plan_.nodes, [](const LinkPlan::NodeChange& change) {
    return change.person != change.previous_person;
  });
  return count + static_cast<int64_t>(plan_.merges.size() + plan_.new_persons.size() +
                                      plan_.returned.size() + erased_.unlinked.size() +
                                      erased_.persons.size());
}

absl::Status GraphWriter::WritePlan() {
  DATONG_RETURN_IF_ERROR(WriteNodes());
  DATONG_RETURN_IF_ERROR(WritePersons());
  DATONG_RETURN_IF_ERROR(WriteChanges());
  WriteRefusals();
  WriteFrozen();
  return absl::OkStatus();
}

void GraphWriter::ReadRules() {
  ProjectRules rules = ReadProjectRules(work_, project_, policy_);
  rules_version_ = rules.rules_version;
  policy_ = std::move(rules.policy.policy);
  recomputing_ = rules.policy.recomputing;
  held_apps_.insert(rules.held_apps.begin(), rules.held_apps.end());
}

absl::Status GraphWriter::Allocate() {
  const bool erases = !erased_.ids.empty();
  const bool decides = erases || !decisions_.empty();
  const bool keeps_out = erases || absl::c_any_of(decisions_, [](const Decision& decision) {
                           return decision.kind == DecisionKind::kRevokePhone;
                         });
  const pqxx::row row = work_.exec_params1(kAllocate, project_.number, change_count_,
                                           static_cast<int64_t>(plan_.new_persons.size()),
                                           decides ? 1 : 0, keeps_out ? 1 : 0);
  version_ = row[0].as<int64_t>();
  next_person_ = row[1].as<int64_t>() - static_cast<int64_t>(plan_.new_persons.size());
  any_consents_ = row[2].as<int64_t>() > 0;
  any_frozen_ = row[4].as<bool>();
  // Identifiers that nobody knew have no lock: an erasure, a withdrawal or a binding may have
  // come between the look at them and this lock, and has missed these records.
  const int64_t rules = row[3].as<int64_t>() - (keeps_out ? 1 : 0);
  return rules == rules_version_ ? absl::OkStatus() : LinkConflict();
}

}  // namespace datong::identity
