#pragma once

#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/identity/core/evidence.h"

namespace datong::identity {

// Who is who, in a form that compares: persons as sets of identifiers, refusals as (ids, reason).
struct Picture {
  std::set<std::vector<std::string>> persons;
  std::set<std::pair<std::vector<std::string>, std::string>> refused;

  bool operator==(const Picture&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Picture& picture);

struct ScenarioStep {
  std::vector<Evidence> evidence;  // none for steps that never change persons
  Picture after;
};

// One worked example of testdata/scenarios.json.
struct Scenario {
  std::string name;
  bool permutable = false;
  Policy policy;
  std::vector<ScenarioStep> steps;
  Picture expect;
  // The operation that this version does not offer; the steps are then incomplete.
  std::string not_offered;
};

std::vector<Scenario> LoadScenarios(const std::string& path);

// The picture that the resolution function draws of the records.
Picture Draw(const std::vector<Evidence>& records, const Policy& policy);

// A random history of `count` records over few identifiers, so that they clash often. The same seed
// gives the same history.
std::vector<Evidence> RandomHistory(unsigned seed, int count, int people = 4);

}  // namespace datong::identity
