#include "services/identity/core/take_away.h"

#include <map>

#include "absl/algorithm/container.h"

namespace datong::identity {
namespace {

bool NamesAny(const std::vector<std::string>& ids, const std::set<std::string>& among) {
  return absl::c_any_of(ids, [&](const std::string& id) { return among.contains(id); });
}

}  // namespace

TakenAway TakeAway(const std::set<std::string>& ids, absl::Time at, const Policy& policy,
                   GraphState& state) {
  TakenAway erased;
  erased.ids = ids;
  std::set<std::string> shown;
  std::set<std::string> doubtful = ids;
  std::vector<Refusal> ignored;
  std::erase_if(state.evidence, [&](const Evidence& record) {
    const Evidence clean = Clean(record, policy, ignored);
    const bool goes = record.observed <= at && NamesAny(record.ids, ids);
    std::set<std::string>& side = goes ? doubtful : shown;
    side.insert(clean.ids.begin(), clean.ids.end());
    if (!goes) {
      // Evidence may be kept with an identifier that a later policy blocks.
      for (const std::string& id : record.ids) {
        if (FaultOf(id, policy).has_value()) shown.insert(id);
      }
    }
    return goes;
  });
  for (const std::string& id : doubtful) {
    if (!shown.contains(id)) erased.gone.insert(id);
  }
  std::map<int64_t, std::vector<int64_t>> left;  // nodes that leave, by person
  std::set<int64_t> staying;                     // persons
  for (StoredNode& node : state.nodes) {
    const bool gone = erased.gone.contains(node.identifier);
    if (gone || ids.contains(node.identifier)) {
      if (node.person != 0) left[node.person].push_back(node.node);
      // What was observed since starts as somebody new.
      node.person = 0;
      node.fresh = true;
    } else {
      staying.insert(node.person);
    }
  }
  for (const auto& [person, nodes] : left) {
    if (staying.contains(person)) {
      erased.unlinked.insert(erased.unlinked.end(), nodes.begin(), nodes.end());
    } else {
      erased.persons.push_back(person);
    }
  }
  const auto names_gone = [&](const std::vector<std::string>& named) {
    return NamesAny(named, erased.gone) || NamesAny(named, ids);
  };
  std::erase_if(state.nodes,
                [&](const StoredNode& node) { return erased.gone.contains(node.identifier); });
  std::erase_if(state.open_refusals, [&](const Refusal& r) { return names_gone(r.ids); });
  std::erase_if(state.decisions, [&](const Decision& d) { return names_gone({d.a, d.b}); });
  return erased;
}

}  // namespace datong::identity
