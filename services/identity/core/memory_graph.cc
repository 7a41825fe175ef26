#include "services/identity/core/memory_graph.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "common/identifier/identifier.h"
#include "services/identity/core/take_away.h"

namespace datong::identity {
namespace {

// What evidence hangs on.
const std::string& HookOf(const DoorRecord& record) {
  return record.clean.ids.empty() ? record.stored.ids.front() : record.clean.ids.front();
}

bool NamesAny(const std::vector<std::string>& ids, const std::set<std::string>& among) {
  return absl::c_any_of(ids, [&](const std::string& id) { return among.contains(id); });
}

}  // namespace

std::vector<MemoryGraph::Door> MemoryGraph::Admit(absl::Span<const Evidence> records,
                                                  absl::Time now) {
  std::vector<Door> door;
  for (const Evidence& record : records) {
    Scoped scoped = ScopeUnionids(record, bindings_);
    std::set<std::string> ids(record.ids.begin(), record.ids.end());
    ids.insert(scoped.record.ids.begin(), scoped.record.ids.end());
    const Gate gate = AdmitAll(record, ids, tombstones_, policy_, now);
    const int evidence_class = ClassOf(record.kind).value_or(kClaimClass);
    if (gate.dropped) {
      Open({{}, Reason::kErased, evidence_class, record.observed});
      if (gate.extend.has_value()) {
        std::vector<Refusal> ignored;
        const Evidence clean = Clean(scoped.record, policy_, ignored);
        extended_.emplace_back(std::set<std::string>(clean.ids.begin(), clean.ids.end()),
                               *gate.extend);
        for (const std::string& id : clean.ids) {
          Tombstone& tombstone = tombstones_[id];
          tombstone.erased = std::max(tombstone.erased, *gate.extend);
        }
      }
      continue;
    }
    if (!scoped.unknown.empty()) {
      parked_.push_back(record);
      for (const std::string& id : scoped.unknown) {
        Open({{id}, Reason::kScopeUnknown, evidence_class, record.observed});
      }
    }
    if (scoped.record.ids.empty()) continue;
    absl::c_sort(scoped.record.ids);
    Door entry{{std::move(scoped.record), {}}, {}, {}};
    entry.original = scoped.unknown.empty() ? record.ids : entry.record.stored.ids;
    entry.record.clean = Clean(entry.record.stored, policy_, entry.refusals);
    const bool revoked = absl::c_any_of(
        decisions_, [&](const Decision& d) { return RevokesPhoneOf(d, entry.record.clean); });
    if (revoked) {
      ForgetPhones(entry.record.stored.ids);
      ForgetPhones(entry.record.clean.ids);
      ForgetPhones(entry.original);
    }
    if (!entry.record.stored.ids.empty()) door.push_back(std::move(entry));
  }
  return door;
}

void MemoryGraph::MakeNode(const std::string& id, std::set<std::string>& fresh) {
  const int64_t node = NodeOf(number_, id);
  const auto [at, added] = nodes_.try_emplace(id);
  if (!added) return;
  at->second = {node, id, node, 0, absl::InfiniteFuture(), true};
  members_[node].insert(id);
  fresh.insert(id);
}

GraphState MemoryGraph::LoadState(const std::set<std::string>& ids,
                                  const std::set<std::string>& fresh) const {
  std::set<int64_t> components;
  std::set<std::string> loose;
  for (const std::string& id : ids) {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) {
      loose.insert(id);
    } else {
      components.insert(node->second.component);
    }
  }
  GraphState state;
  std::set<std::string> members;
  for (const int64_t component : components) {
    for (const std::string& id : members_.at(component)) {
      members.insert(id);
      StoredNode node = nodes_.at(id);
      node.fresh = fresh.contains(id);
      state.nodes.push_back(std::move(node));
    }
  }
  loose.insert(members.begin(), members.end());
  for (const std::string& id : loose) {
    const auto hanging = evidence_.find(id);
    if (hanging == evidence_.end()) continue;
    for (const Kept& kept : hanging->second) state.evidence.push_back(kept.stored);
  }
  for (const auto& [key, refusal] : refusals_) {
    if (key.first.empty() || IsRecordLevel(key.second)) continue;
    if (members.contains(key.first.front())) state.open_refusals.push_back(refusal);
  }
  for (const Decision& decision : decisions_) {
    if (members.contains(decision.a)) state.decisions.push_back(decision);
  }
  return state;
}

void MemoryGraph::Open(const Refusal& refusal) {
  const auto [at, added] = refusals_.try_emplace({refusal.ids, refusal.reason}, refusal);
  if (!added) at->second = refusal;
}

void MemoryGraph::Take(const LinkPlan& plan) {
  for (const LinkPlan::NodeChange& change : plan.nodes) {
    StoredNode& node = nodes_.at(change.identifier);
    members_[node.component].erase(change.identifier);
    if (members_[node.component].empty()) members_.erase(node.component);
    node.component = change.component;
    node.person = change.person >= 0 ? change.person : next_person_ - change.person - 1;
    node.first_observed = change.first_observed;
    node.fresh = false;
    members_[node.component].insert(change.identifier);
  }
  next_person_ += static_cast<int64_t>(plan.new_persons.size());
  for (const Refusal& refusal : plan.opened) Open(refusal);
  for (const Refusal& refusal : plan.closed) refusals_.erase({refusal.ids, refusal.reason});
}

void MemoryGraph::Link(absl::Span<const Evidence> records, absl::Time now) {
  Apply(records, {}, {}, now);
  RunExtended(now);
}

void MemoryGraph::Decide(absl::Span<const Decision> decisions, absl::Span<const Evidence> records,
                         absl::Time now) {
  Apply(records, decisions, {}, now);
  RunExtended(now);
}

void MemoryGraph::RunExtended(absl::Time now) {
  while (!extended_.empty()) {
    const auto [ids, at] = extended_.back();
    extended_.pop_back();
    Erase(ids, false, at, now);
  }
}

void MemoryGraph::Apply(absl::Span<const Evidence> records, absl::Span<const Decision> decisions,
                        const std::vector<Kept>& replaced, absl::Time now) {
  std::vector<Door> door = Admit(records, now);
  std::set<std::string> ids;
  for (const Door& entry : door) {
    const std::vector<std::string>& clean = entry.record.clean.ids;
    ids.insert(clean.begin(), clean.end());
  }
  for (const Decision& decision : decisions) {
    ids.insert(decision.a);
    if (!decision.b.empty()) ids.insert(decision.b);
  }
  std::vector<Refusal> ignored;
  for (const Kept& kept : replaced) {
    for (const std::string& id : Clean(kept.stored, policy_, ignored).ids) ids.insert(id);
  }
  std::set<std::string> fresh;
  for (const std::string& id : ids) MakeNode(id, fresh);
  for (const Door& entry : door) ids.insert(HookOf(entry.record));
  for (const Kept& kept : replaced) {
    for (auto& [hook, hanging] : evidence_) {
      std::erase_if(hanging, [&](const Kept& held) {
        return EvidenceId(number_, held.stored) == EvidenceId(number_, kept.stored);
      });
    }
  }
  GraphState state = LoadState(ids, fresh);
  bool decided = false;
  for (const Decision& decision : decisions) {
    const bool held = absl::c_any_of(decisions_, [&](const Decision& other) {
      return other.kind == decision.kind && other.a == decision.a && other.b == decision.b &&
             other.at == decision.at;
    });
    if (held) continue;
    decided = true;
    decisions_.push_back(decision);
    state.decisions.push_back(decision);
    if (decision.kind != DecisionKind::kRevokePhone) continue;
    for (Evidence& record : state.evidence) {
      if (RevokesPhoneOf(decision, record)) ForgetPhones(record.ids);
    }
    for (auto& [hook, hanging] : evidence_) {
      for (Kept& kept : hanging) {
        if (!RevokesPhoneOf(decision, Clean(kept.stored, policy_, ignored))) continue;
        ForgetPhones(kept.stored.ids);
        ForgetPhones(kept.original);
      }
    }
  }
  std::vector<DoorRecord> at_door;
  for (const Door& entry : door) at_door.push_back(entry.record);
  const LinkPlan plan = PlanLink(number_, state, at_door, policy_, decided || !replaced.empty());
  for (const size_t i : plan.recorded) {
    evidence_[HookOf(door[i].record)].push_back(
        {door[i].record.stored, std::move(door[i].original)});
    for (const Refusal& refusal : door[i].refusals) Open(refusal);
  }
  Take(plan);
}

void MemoryGraph::Erase(std::set<std::string> ids, bool whole_person, absl::Time at,
                        absl::Time now) {
  // What says nothing is nobody's.
  std::erase_if(ids, [&](const std::string& id) { return FaultOf(id, policy_).has_value(); });
  if (ids.empty()) return;
  if (whole_person) {
    std::set<int64_t> persons;
    for (const std::string& id : ids) {
      const auto node = nodes_.find(id);
      if (node != nodes_.end()) persons.insert(node->second.person);
    }
    persons.erase(0);
    for (const auto& [id, node] : nodes_) {
      if (persons.contains(node.person)) ids.insert(id);
    }
  }
  GraphState state = LoadState(ids, {});
  const TakenAway erased = TakeAway(ids, at, policy_, state);
  const LinkPlan plan = PlanLink(number_, state, {}, policy_, /*everything=*/true);
  const auto goes = [&](const Evidence& record) {
    return record.observed <= at && NamesAny(record.ids, ids);
  };
  for (auto& [hook, hanging] : evidence_) {
    std::erase_if(hanging, [&](const Kept& kept) { return goes(kept.stored); });
  }
  std::erase_if(parked_, goes);
  std::set<std::string> named = ids;
  named.insert(erased.gone.begin(), erased.gone.end());
  std::erase_if(refusals_, [&](const auto& held) { return NamesAny(held.first.first, named); });
  std::erase_if(decisions_, [&](const Decision& d) { return NamesAny({d.a, d.b}, named); });
  for (const std::string& id : erased.gone) {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) continue;
    std::set<std::string>& members = members_[node->second.component];
    members.erase(id);
    if (members.empty()) members_.erase(node->second.component);
    nodes_.erase(node);
  }
  for (const std::string& id : ids) {
    Tombstone& tombstone = tombstones_.try_emplace(id, Tombstone{at}).first->second;
    tombstone.erased = std::max(tombstone.erased, at);
    if (tombstone.renewed <= at) tombstone.renewed = absl::InfiniteFuture();
  }
  Take(plan);
  RunExtended(now);
}

void MemoryGraph::Bind(const std::string& appid, const std::string& account, absl::Time from,
                       absl::Time now) {
  std::vector<Binding>& bindings = bindings_[appid];
  std::erase_if(bindings, [&](const Binding& held) { return held.valid_from == from; });
  bindings.push_back({from, account});
  absl::c_sort(bindings,
               [](const Binding& a, const Binding& b) { return a.valid_from < b.valid_from; });
  ReleaseParked(now);
  std::vector<Kept> replaced;
  std::vector<Evidence> anew;
  for (const auto& [hook, hanging] : evidence_) {
    for (const Kept& kept : hanging) {
      Evidence original = kept.stored;
      original.ids = kept.original;
      Scoped scoped = ScopeUnionids(original, bindings_);
      absl::c_sort(scoped.record.ids);
      if (scoped.unknown.empty() && scoped.record.ids == kept.stored.ids) continue;
      replaced.push_back(kept);
      anew.push_back(std::move(original));
    }
  }
  if (!replaced.empty()) Apply(anew, {}, replaced, now);
  RunExtended(now);
}

void MemoryGraph::ReleaseParked(absl::Time now) {
  std::vector<Evidence> released;
  std::erase_if(parked_, [&](const Evidence& record) {
    if (!ScopeUnionids(record, bindings_).unknown.empty()) return false;
    released.push_back(record);
    return true;
  });
  if (released.empty()) return;
  std::set<std::string> known;
  for (const Evidence& record : released) known.insert(record.ids.begin(), record.ids.end());
  for (const Evidence& record : parked_) {
    for (const std::string& id : ScopeUnionids(record, bindings_).unknown) known.erase(id);
  }
  std::erase_if(refusals_, [&](const auto& held) {
    return held.first.second == Reason::kScopeUnknown && NamesAny(held.first.first, known);
  });
  Apply(released, {}, {}, now);
}

void MemoryGraph::Recompute(const std::set<std::string>& ids) {
  std::set<std::string> all = ids;
  std::vector<Refusal> ignored;
  // What was blocked may join more components, and these more again.
  for (size_t before = 0; before != all.size();) {
    before = all.size();
    for (const Evidence& record : LoadState(all, {}).evidence) {
      for (const std::string& id : Clean(record, policy_, ignored).ids) all.insert(id);
    }
  }
  std::set<std::string> fresh;
  for (const std::string& id : all) MakeNode(id, fresh);
  Take(PlanLink(number_, LoadState(all, fresh), {}, policy_, /*everything=*/true));
}

void MemoryGraph::SetPolicy(const Policy& policy, absl::Time now) {
  policy_ = policy;
  std::vector<std::set<std::string>> components;
  for (const auto& [component, members] : members_) components.push_back(members);
  for (const std::set<std::string>& members : components) Recompute(members);
  std::vector<Kept> unplaced;
  std::vector<Evidence> anew;
  for (const auto& [hook, hanging] : evidence_) {
    for (const Kept& kept : hanging) {
      std::vector<Refusal> ignored;
      if (nodes_.contains(hook) || Clean(kept.stored, policy_, ignored).ids.empty()) continue;
      unplaced.push_back(kept);
      anew.push_back(kept.stored);
      anew.back().ids = kept.original;
    }
  }
  if (!unplaced.empty()) Apply(anew, {}, unplaced, now);
  // Identifiers that the policy sees otherwise.
  std::erase_if(refusals_, [&](const auto& held) {
    const auto& [ids, reason] = held.first;
    if (ids.size() != 1 || reason == Reason::kScopeUnknown) return false;
    return IsRecordLevel(reason) && FaultOf(ids.front(), policy_) != reason;
  });
  for (const auto& [hook, hanging] : evidence_) {
    for (const Kept& kept : hanging) {
      std::vector<Refusal> refusals;
      Clean(kept.stored, policy_, refusals);
      for (const Refusal& refusal : refusals) Open(refusal);
    }
  }
  RunExtended(now);
}

std::map<int64_t, std::vector<std::string>> MemoryGraph::Persons() const {
  std::map<int64_t, std::vector<std::string>> persons;
  for (const auto& [id, node] : nodes_) {
    if (node.person != 0) persons[node.person].push_back(id);
  }
  return persons;
}

std::vector<Refusal> MemoryGraph::OpenRefusals() const {
  std::vector<Refusal> refusals;
  for (const auto& [key, refusal] : refusals_) refusals.push_back(refusal);
  return refusals;
}

bool MemoryGraph::IsWhole() const {
  return absl::c_all_of(members_, [&](const auto& component) {
    return PlanLink(number_, LoadState(component.second, {}), {}, policy_, /*everything=*/true)
        .ChangesNothing();
  });
}

}  // namespace datong::identity
