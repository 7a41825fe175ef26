#include "services/identity/core/link_plan.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/identity/core/disjoint_sets.h"
#include "services/identity/core/resolution.h"

namespace datong::identity {
namespace {

// Of a node that no evidence shows; PostgreSQL and protos can hold it.
const absl::Time kNeverObserved = absl::FromUnixSeconds(1LL << 34);

// One raw component as it is after the batch.
struct Component {
  std::vector<uint32_t> nodes;  // indexes into GraphState::nodes
  std::vector<const Evidence*> records;
  std::vector<const Refusal*> open_refusals;
  size_t first_sight = std::numeric_limits<size_t>::max();  // place in the batch
};

class Planner {
 public:
  Planner(const GraphState& state, const Policy& policy)
      : state_(state), policy_(policy), sets_(state.nodes.size()) {
    absl::flat_hash_map<int64_t, uint32_t> first_of;
    for (uint32_t i = 0; i < state.nodes.size(); ++i) {
      index_.emplace(state.nodes[i].identifier, i);
      const auto [at, is_first] = first_of.try_emplace(state.nodes[i].component, i);
      if (!is_first) sets_.Join(at->second, i);
    }
  }

  LinkPlan Plan(int32_t project_number, absl::Span<const DoorRecord> records, bool everything) {
    FindNew(project_number, records);
    CleanEvidence(everything);
    if (everything) {
      for (uint32_t i = 0; i < state_.nodes.size(); ++i) everything_.push_back(i);
    }
    Gather(records);
    std::vector<Component*> order;
    for (auto& [root, component] : components_) order.push_back(&component);
    absl::c_sort(order, [](const Component* a, const Component* b) {
      return a->first_sight < b->first_sight;
    });
    for (Component* component : order) WorkOut(*component);
    return std::move(plan_);
  }

 private:
  using PersonId = int64_t;

  void FindNew(int32_t project_number, absl::Span<const DoorRecord> records) {
    // Only what shows the same identifiers can be the same fact.
    absl::flat_hash_set<size_t> shown;
    const auto ids_of = [](const Evidence& record) { return absl::HashOf(record.ids); };
    for (const DoorRecord& record : records) shown.insert(ids_of(record.stored));
    absl::flat_hash_map<std::pair<FactKey, int>, absl::Time> known;
    const auto key_of = [&](const Evidence& record) {
      const int era = state_.decisions.empty() ? 0 : EraOf(record, state_.decisions);
      return std::make_pair(KnownKey(project_number, record), era);
    };
    for (const Evidence& record : state_.evidence) {
      if (!shown.contains(ids_of(record))) continue;
      const auto [at, added] = known.try_emplace(key_of(record), record.observed);
      at->second = std::min(at->second, record.observed);
    }
    for (size_t i = 0; i < records.size(); ++i) {
      const Evidence& record = records[i].stored;
      const auto [at, added] = known.try_emplace(key_of(record), record.observed);
      if (!added && at->second <= record.observed) continue;
      at->second = record.observed;
      plan_.recorded.push_back(i);
    }
  }

  uint32_t RootOf(const Evidence& record) { return sets_.Find(index_.at(record.ids.front())); }

  // A record of stored evidence, cleaned, and one of its nodes.
  struct Placed {
    const Evidence* record;
    uint32_t node;
  };

  void CleanEvidence(bool everything) {
    std::vector<Refusal> ignored;
    placed_.reserve(state_.evidence.size());
    for (const Evidence& stored : state_.evidence) {
      const Evidence* clean = &stored;
      if (!IsClean(stored, policy_)) {
        clean = &cleaned_.emplace_back(Clean(stored, policy_, ignored));
      }
      if (clean->ids.empty()) continue;
      // Also those of identifiers that are no nodes may have been loaded, to know repeats.
      const auto node = index_.find(clean->ids.front());
      if (node == index_.end()) continue;
      placed_.push_back({clean, node->second});
      if (!everything) continue;
      // Another policy may join what was apart.
      for (size_t j = 1; j < clean->ids.size(); ++j) {
        sets_.Join(node->second, index_.at(clean->ids[j]));
      }
    }
  }

  // The raw components that new evidence touches.
  void Gather(absl::Span<const DoorRecord> records) {
    for (const size_t i : plan_.recorded) {
      const std::vector<std::string>& ids = records[i].clean.ids;
      for (size_t j = 1; j < ids.size(); ++j) sets_.Join(index_.at(ids[0]), index_.at(ids[j]));
    }
    for (const size_t i : plan_.recorded) {
      if (records[i].clean.ids.empty()) continue;
      Component& component = components_[RootOf(records[i].clean)];
      component.first_sight = std::min(component.first_sight, i);
      component.records.push_back(&records[i].clean);
      for (const std::string& id : records[i].clean.ids) {
        sights_.try_emplace(index_.at(id), i);
      }
    }
    for (const uint32_t i : everything_) components_[sets_.Find(i)];
    for (uint32_t i = 0; i < state_.nodes.size(); ++i) {
      const auto component = components_.find(sets_.Find(i));
      if (component != components_.end()) component->second.nodes.push_back(i);
    }
    for (const Placed& placed : placed_) {
      const auto component = components_.find(sets_.Find(placed.node));
      if (component != components_.end()) component->second.records.push_back(placed.record);
    }
    for (const Refusal& refusal : state_.open_refusals) {
      const auto component = components_.find(sets_.Find(index_.at(refusal.ids.front())));
      if (component != components_.end()) component->second.open_refusals.push_back(&refusal);
    }
  }

  // The component keeps the name that most of its nodes have already; of several the one of its
  // best and oldest identifier, whose person stays too: so the fewest nodes change.
  int64_t NameOfComponent(const Component& component) const {
    struct Share {
      int count = 0;
      std::pair<IdKind, absl::Time> best = {IdKind::kUnknown, absl::InfiniteFuture()};
    };
    std::map<int64_t, Share> shares;
    int64_t smallest = std::numeric_limits<int64_t>::max();
    std::set<int64_t> present;
    for (const uint32_t i : component.nodes) present.insert(state_.nodes[i].node);
    for (const uint32_t i : component.nodes) {
      const StoredNode& node = state_.nodes[i];
      smallest = std::min(smallest, node.node);
      // The node that it is named after may have been erased.
      if (node.fresh || !present.contains(node.component)) continue;
      Share& share = shares[node.component];
      ++share.count;
      share.best = std::min(share.best, {KindOf(node.identifier), node.first_observed});
    }
    if (shares.empty()) return smallest;
    return absl::c_max_element(shares,
                               [](const auto& a, const auto& b) {
                                 return std::tie(a.second.count, b.second.best) <
                                        std::tie(b.second.count, a.second.best);
                               })
        ->first;
  }

  void WorkOut(const Component& component) {
    const int64_t name = NameOfComponent(component);
    plan_.components.insert(name);
    for (const uint32_t i : component.nodes) plan_.components.insert(state_.nodes[i].component);
    if (component.nodes.size() > policy_.max_component_ids ||
        component.records.size() > policy_.max_component_records) {
      Freeze(component, name);
      return;
    }
    const Resolution resolution = Resolve(component.records, policy_, state_.decisions);
    std::vector<uint32_t> node_of;  // by the resolution's index
    for (const Resolution::Id& id : resolution.ids) node_of.push_back(index_.at(id.text));
    const std::vector<PersonId> persons = NameParts(resolution, node_of);
    for (size_t i = 0; i < resolution.ids.size(); ++i) {
      const Resolution::Id& id = resolution.ids[i];
      const StoredNode& node = state_.nodes[node_of[i]];
      const PersonId person = id.part < 0 ? 0 : persons[static_cast<size_t>(id.part)];
      Change(node, name, person, id.first_observed);
    }
    NameNobodies(component, name, node_of);
    DiffRefusals(component, resolution);
  }

  // Nodes that no evidence shows (any more) belong to nobody.
  void NameNobodies(const Component& component, int64_t name,
                    const std::vector<uint32_t>& node_of) {
    const std::set<uint32_t> shown(node_of.begin(), node_of.end());
    std::set<PersonId> left;
    for (const uint32_t i : component.nodes) {
      if (shown.contains(i)) continue;
      const StoredNode& node = state_.nodes[i];
      Change(node, name, 0, kNeverObserved);
      left.insert(node.person);
    }
    for (const uint32_t i : shown) left.erase(state_.nodes[i].person);
    left.erase(0);
    plan_.emptied.insert(plan_.emptied.end(), left.begin(), left.end());
  }

  void Change(const StoredNode& node, int64_t component, PersonId person, absl::Time observed) {
    if (!node.fresh && node.component == component && node.person == person &&
        node.first_observed == observed) {
      return;
    }
    plan_.nodes.push_back({node.node, node.identifier, component, person, node.person, observed});
  }

  void Freeze(const Component& component, int64_t name) {
    plan_.frozen.push_back({name, component.nodes.size(), component.records.size()});
    std::map<std::string, absl::Time> first;
    for (const Evidence* record : component.records) {
      for (const std::string& id : record->ids) {
        const auto [at, added] = first.try_emplace(id, record->observed);
        at->second = std::min(at->second, record->observed);
      }
    }
    for (const uint32_t i : component.nodes) {
      const StoredNode& node = state_.nodes[i];
      const auto seen = first.find(node.identifier);
      Change(node, name, node.fresh ? MakePerson(0) : node.person,
             seen == first.end() ? kNeverObserved : seen->second);
    }
  }

  PersonId MakePerson(PersonId split_from) {
    plan_.new_persons.push_back(split_from);
    return -static_cast<PersonId>(plan_.new_persons.size());
  }

  // Names the parts after the persons that were there (R5.3, R5.4).
  std::vector<PersonId> NameParts(const Resolution& resolution,
                                  const std::vector<uint32_t>& node_of) {
    // What a person is known by: the best and oldest identifier, which decides where its name goes.
    using Standing = std::tuple<IdKind, absl::Time, std::string>;
    const auto standing = [&](size_t id) {
      const Resolution::Id& held = resolution.ids[id];
      return Standing{held.kind, held.first_observed, held.text};
    };
    std::map<PersonId, std::optional<size_t>> best;  // by person: the identifier
    for (size_t id = 0; id < resolution.ids.size(); ++id) {
      const PersonId person = state_.nodes[node_of[id]].person;
      if (person == 0) continue;
      std::optional<size_t>& held = best[person];
      if (resolution.ids[id].part < 0) continue;
      if (!held.has_value() || standing(id) < standing(*held)) held = id;
    }
    std::vector<PersonId> names(resolution.parts.size(), 0);
    std::vector<std::vector<PersonId>> claimants(resolution.parts.size());
    for (const auto& [person, id] : best) {
      if (!id.has_value()) {
        plan_.emptied.push_back(person);
        continue;
      }
      claimants[static_cast<size_t>(resolution.ids[*id].part)].push_back(person);
    }
    for (size_t part = 0; part < claimants.size(); ++part) {
      if (claimants[part].empty()) continue;
      // Rank, then earliest observation, then the smallest person: text does not count here.
      names[part] = *absl::c_min_element(claimants[part], [&](PersonId a, PersonId b) {
        const Resolution::Id& x = resolution.ids[*best[a]];
        const Resolution::Id& y = resolution.ids[*best[b]];
        return std::tie(x.kind, x.first_observed, a) < std::tie(y.kind, y.first_observed, b);
      });
      for (const PersonId person : claimants[part]) {
        if (person != names[part]) plan_.merges.push_back({person, names[part]});
      }
    }
    NameNewParts(resolution, node_of, names);
    for (const std::vector<size_t>& part : resolution.parts)
      plan_.person_sizes.push_back(part.size());
    return names;
  }

  void NameNewParts(const Resolution& resolution, const std::vector<uint32_t>& node_of,
                    std::vector<PersonId>& names) {
    struct Unnamed {
      size_t sight;
      size_t part;
      PersonId split_from;
      auto operator<=>(const Unnamed&) const = default;
    };
    std::vector<Unnamed> unnamed;
    for (size_t part = 0; part < names.size(); ++part) {
      if (names[part] != 0) continue;
      Unnamed entry{std::numeric_limits<size_t>::max(), part, 0};
      for (const size_t id : resolution.parts[part]) {
        const auto sight = sights_.find(node_of[id]);
        if (sight != sights_.end()) entry.sight = std::min(entry.sight, sight->second);
        if (entry.split_from == 0) entry.split_from = state_.nodes[node_of[id]].person;
      }
      unnamed.push_back(entry);
    }
    absl::c_sort(unnamed);
    for (const Unnamed& entry : unnamed) names[entry.part] = MakePerson(entry.split_from);
  }

  void DiffRefusals(const Component& component, const Resolution& resolution) {
    const auto key_of = [](const Refusal& refusal) {
      return std::make_pair(absl::Span<const std::string>(refusal.ids), refusal.reason);
    };
    absl::flat_hash_map<std::pair<absl::Span<const std::string>, Reason>, const Refusal*> before;
    for (const Refusal* refusal : component.open_refusals) before[key_of(*refusal)] = refusal;
    for (const Refusal& refusal : resolution.refusals) {
      const auto old = before.find(key_of(refusal));
      if (old == before.end()) {
        plan_.opened.push_back(refusal);
        continue;
      }
      if (old->second->evidence_class != refusal.evidence_class ||
          old->second->observed != refusal.observed) {
        plan_.opened.push_back(refusal);
      }
      before.erase(old);
    }
    // In the order in which they were given.
    for (const Refusal* refusal : component.open_refusals) {
      if (before.contains(key_of(*refusal))) plan_.closed.push_back(*refusal);
    }
  }

  const GraphState& state_;
  const Policy& policy_;
  DisjointSets sets_;
  std::vector<uint32_t> everything_;
  absl::flat_hash_map<absl::string_view, uint32_t> index_;
  absl::flat_hash_map<uint32_t, size_t> sights_;  // node to its first place in the batch
  std::deque<Evidence> cleaned_;                  // of the stored evidence what had to be
  std::vector<Placed> placed_;
  std::map<uint32_t, Component> components_;
  LinkPlan plan_;
};

}  // namespace

void LinkPlan::GiveBack(const std::map<int64_t, int64_t>& former) {
  std::map<int64_t, int64_t> names = former;
  std::vector<int64_t> made;
  for (size_t i = 0; i < new_persons.size(); ++i) {
    const int64_t planned = -static_cast<int64_t>(i) - 1;
    if (const auto name = former.find(planned); name != former.end()) {
      returned.push_back({name->second, new_persons[i]});
    } else {
      made.push_back(new_persons[i]);
      names[planned] = -static_cast<int64_t>(made.size());
    }
  }
  new_persons = std::move(made);
  for (NodeChange& change : nodes) {
    if (change.person < 0) change.person = names.at(change.person);
  }
}

LinkPlan PlanLink(int32_t project_number, const GraphState& state,
                  absl::Span<const DoorRecord> records, const Policy& policy, bool everything) {
  return Planner(state, policy).Plan(project_number, records, everything);
}

}  // namespace datong::identity
