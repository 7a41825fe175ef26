#include "services/identity/core/policy_comparison.h"

#include <set>
#include <utility>

#include "services/identity/core/disjoint_sets.h"
#include "services/identity/core/resolution.h"

namespace datong::identity {
namespace {

PolicyComparison::Group TextsOf(const Resolution& resolution, const std::vector<size_t>& part) {
  PolicyComparison::Group texts;
  for (const size_t id : part) texts.push_back(resolution.ids[id].text);
  return texts;
}

std::map<std::string, int> PartsByText(const Resolution& resolution) {
  std::map<std::string, int> parts;
  for (const Resolution::Id& id : resolution.ids) {
    if (id.part >= 0) parts[id.text] = id.part;
  }
  return parts;
}

std::set<std::pair<std::vector<std::string>, Reason>> KeysOf(const Resolution& resolution) {
  std::set<std::pair<std::vector<std::string>, Reason>> keys;
  for (const Refusal& refusal : resolution.refusals) keys.emplace(refusal.ids, refusal.reason);
  return keys;
}

}  // namespace

std::vector<JoinedComponents> JoinByFreed(const std::vector<FaultyUse>& uses) {
  std::map<int64_t, uint32_t> places;
  for (const FaultyUse& use : uses) {
    places.try_emplace(use.component, static_cast<uint32_t>(places.size()));
  }
  DisjointSets sets(places.size());
  for (size_t i = 1; i < uses.size(); ++i) {
    if (uses[i].identifier != uses[i - 1].identifier) continue;
    sets.Join(places[uses[i - 1].component], places[uses[i].component]);
  }
  std::map<int64_t, int64_t> sizes;
  for (const FaultyUse& use : uses) sizes[use.component] = use.ids;
  std::map<uint32_t, JoinedComponents> groups;
  for (const auto& [component, ids] : sizes) {
    JoinedComponents& group = groups[sets.Find(places[component])];
    group.components.push_back(component);
    group.ids += ids;
  }
  std::vector<JoinedComponents> joined;
  for (auto& [root, group] : groups) {
    if (group.components.size() > 1) joined.push_back(std::move(group));
  }
  return joined;
}

PolicyComparison ComparePolicies(const GraphState& component, const Policy& current,
                                 const Policy& proposed) {
  PolicyComparison result;
  if (component.nodes.size() > current.max_component_ids ||
      component.evidence.size() > current.max_component_records) {
    result.frozen = true;
    return result;
  }
  const Resolution before = ResolveRaw(component.evidence, current, component.decisions);
  const Resolution after = ResolveRaw(component.evidence, proposed, component.decisions);
  // Persons before and after that share identifiers belong together.
  const auto count = static_cast<uint32_t>(before.parts.size());
  DisjointSets sets(before.parts.size() + after.parts.size());
  std::set<std::pair<uint32_t, uint32_t>> overlaps;
  const std::map<std::string, int> parts_after = PartsByText(after);
  for (const auto& [text, part] : PartsByText(before)) {
    const auto other = parts_after.find(text);
    if (other == parts_after.end()) continue;
    const auto from = static_cast<uint32_t>(part);
    const auto to = count + static_cast<uint32_t>(other->second);
    overlaps.emplace(from, to);
    sets.Join(from, to);
  }
  std::map<uint32_t, PolicyComparison::Regrouping> groups;
  for (uint32_t i = 0; i < before.parts.size(); ++i) {
    groups[sets.Find(i)].before.push_back(TextsOf(before, before.parts[i]));
  }
  for (uint32_t i = 0; i < after.parts.size(); ++i) {
    groups[sets.Find(count + i)].after.push_back(TextsOf(after, after.parts[i]));
  }
  for (auto& [root, group] : groups) {
    if (group.before != group.after) result.regroupings.push_back(std::move(group));
  }
  std::map<uint32_t, int64_t> degree;
  for (const auto& [from, to] : overlaps) {
    ++degree[from];
    ++degree[to];
  }
  for (const auto& [part, overlapping] : degree) {
    (part < count ? result.split : result.merged) += overlapping - 1;
  }
  const auto refused_before = KeysOf(before);
  const auto refused_after = KeysOf(after);
  for (const auto& key : refused_after) {
    if (!refused_before.contains(key)) ++result.refusals_opened[NameOf(key.second)];
  }
  for (const auto& key : refused_before) {
    if (!refused_after.contains(key)) ++result.refusals_closed[NameOf(key.second)];
  }
  return result;
}

}  // namespace datong::identity
