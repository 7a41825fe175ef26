#include "services/identity/core/explain.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"
#include "services/identity/core/resolution.h"

namespace datong::identity {
namespace {

constexpr int kRefusedStep = 1'000'000;  // more than all other steps of a path

struct Neighbour {
  size_t id;
  std::optional<Reason> refused;
};

// The strongest record that shows both.
void Describe(absl::Span<const Evidence> records, const Policy& policy, Explanation::Step& step) {
  step.observed = absl::InfiniteFuture();
  std::vector<Refusal> ignored;
  for (const Evidence& record : records) {
    const Evidence clean = Clean(record, policy, ignored);
    if (!absl::c_linear_search(clean.ids, step.from) ||
        !absl::c_linear_search(clean.ids, step.to)) {
      continue;
    }
    const int evidence_class = ClassOf(record.kind).value_or(kClaimClass);
    if (step.evidence_kind.empty() ||
        std::tie(evidence_class, record.observed) < std::tie(step.evidence_class, step.observed)) {
      step.evidence_kind = record.kind;
      step.evidence_class = evidence_class;
      step.observed = record.observed;
    }
  }
}

}  // namespace

Explanation Explain(absl::Span<const Evidence> records, absl::Span<const Decision> decisions,
                    const Policy& policy, const std::string& a, const std::string& b) {
  Explanation explanation;
  const Resolution resolution = ResolveRaw(records, policy, decisions);
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < resolution.ids.size(); ++i) index[resolution.ids[i].text] = i;
  if (!index.contains(a) || !index.contains(b)) return explanation;
  const size_t from = index[a];
  const size_t to = index[b];
  explanation.same_person =
      resolution.ids[from].part >= 0 && resolution.ids[from].part == resolution.ids[to].part;
  std::map<std::pair<size_t, size_t>, std::optional<Reason>> links;
  for (const auto& link : resolution.links) links[link];
  for (const Refusal& refusal : resolution.refusals) {
    if (refusal.ids.size() != 2) continue;
    const auto x = index.find(refusal.ids[0]);
    const auto y = index.find(refusal.ids[1]);
    if (x == index.end() || y == index.end()) continue;
    links[std::minmax(x->second, y->second)] = refusal.reason;
  }
  std::vector<std::vector<Neighbour>> neighbours(resolution.ids.size());
  for (const auto& [link, refused] : links) {
    neighbours[link.first].push_back({link.second, refused});
    neighbours[link.second].push_back({link.first, refused});
  }
  // By cost; the best way to each identifier so far.
  std::set<std::pair<int, size_t>> open = {{0, from}};
  std::map<size_t, int> cost = {{from, 0}};
  std::map<size_t, std::pair<size_t, std::optional<Reason>>> came;
  while (!open.empty()) {
    const auto [so_far, id] = *open.begin();
    open.erase(open.begin());
    if (id == to) break;
    for (const Neighbour& next : neighbours[id]) {
      // One person is explained from within.
      if (explanation.same_person && resolution.ids[next.id].part != resolution.ids[from].part) {
        continue;
      }
      const int total = so_far + (next.refused.has_value() ? kRefusedStep : 1);
      const auto held = cost.find(next.id);
      if (held != cost.end() && held->second <= total) continue;
      if (held != cost.end()) open.erase({held->second, next.id});
      cost[next.id] = total;
      came[next.id] = {id, next.refused};
      open.emplace(total, next.id);
    }
  }
  if (from == to || !came.contains(to)) return explanation;
  for (size_t id = to; id != from; id = came[id].first) {
    Explanation::Step step;
    step.from = resolution.ids[came[id].first].text;
    step.to = resolution.ids[id].text;
    step.refused = came[id].second;
    Describe(records, policy, step);
    explanation.path.push_back(std::move(step));
  }
  std::reverse(explanation.path.begin(), explanation.path.end());
  return explanation;
}

}  // namespace datong::identity
