// Names that were absorbed and come back (R5.4).

#include <map>
#include <tuple>
#include <utility>

#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

// Of each node how it came to its person, if with another person that this one absorbed and that
// nobody has since. $2 nodes.
constexpr char kAbsorbedWith[] = R"sql(
  SELECT came.node, came.person, came.previous_person FROM (
    SELECT DISTINCT ON (node) node, kind, person, previous_person FROM identity.changes
    WHERE project_number = $1 AND node = ANY($2::bigint[]) ORDER BY node, version DESC) AS came
  JOIN identity.persons AS p ON p.project_number = $1 AND p.person = came.previous_person
    AND p.merged_into = came.person
  WHERE came.kind = 2 AND EXISTS (
    SELECT 1 FROM identity.changes AS m WHERE m.project_number = $1 AND m.kind = 4
      AND m.person = came.person AND m.previous_person = came.previous_person))sql";

}  // namespace

void GraphWriter::ReturnNames(const GraphState& state) {
  std::set<int64_t> sources(plan_.new_persons.begin(), plan_.new_persons.end());
  sources.erase(0);
  if (sources.empty()) return;
  std::map<int64_t, const StoredNode*> held;
  BigintArray nodes;
  for (const StoredNode& node : state.nodes) {
    if (!sources.contains(node.person)) continue;
    held[node.node] = &node;
    nodes.Add(node.node);
  }
  // The best and oldest identifier that each absorbed person had: it decides where the name goes.
  const auto standing = [](const StoredNode& node) {
    return std::make_tuple(KindOf(node.identifier), node.first_observed, node.identifier);
  };
  std::map<int64_t, const StoredNode*> best;  // by absorbed person
  for (const auto& row : work_.exec_params(kAbsorbedWith, project_.number, nodes.Take())) {
    const StoredNode* node = held.at(row[0].as<int64_t>());
    if (node->person != row[1].as<int64_t>()) continue;
    const auto [at, added] = best.try_emplace(row[2].as<int64_t>(), node);
    if (!added && standing(*node) < standing(*at->second)) at->second = node;
  }
  std::map<int64_t, int64_t> planned;  // by node: the person to be made
  for (const LinkPlan::NodeChange& change : plan_.nodes) {
    if (change.person < 0) planned[change.node] = change.person;
  }
  std::map<int64_t, int64_t> former;
  for (const auto& [person, node] : best) {
    const auto part = planned.find(node->node);
    if (part == planned.end()) continue;
    if (plan_.new_persons[static_cast<size_t>(-part->second - 1)] != node->person) continue;
    // A part may hold the best identifiers of several: the better one of these decides.
    const auto [at, added] = former.try_emplace(part->second, person);
    if (!added && standing(*node) < standing(*best.at(at->second))) at->second = person;
  }
  if (!former.empty()) plan_.GiveBack(former);
}

}  // namespace datong::identity
