#pragma once

#include <map>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/identity/core/decision.h"
#include "services/identity/core/evidence.h"
#include "services/identity/core/scoping.h"

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
  std::vector<Decision> decisions;
  std::string erased;  // an identifier of the person, or empty
  absl::Time erased_at;
  Picture after;
};

// One worked example of testdata/scenarios.json.
struct Scenario {
  std::string name;
  bool permutable = false;
  Policy policy;
  std::vector<ScenarioStep> steps;
  Picture expect;
};

std::vector<Scenario> LoadScenarios(const std::string& path);

// The picture that the resolution function draws of the records.
Picture Draw(const std::vector<Evidence>& records, const Policy& policy,
             const std::vector<Decision>& decisions = {});

// All that was ever said, and the picture that the resolution function draws of it. The reference
// that the engines are held against: it knows nothing of components.
class World {
 public:
  explicit World(Policy policy) : policy_(std::move(policy)) {}
  void Apply(const ScenarioStep& step, absl::Time now);
  void Bind(const std::string& appid, const std::string& account, absl::Time from);
  void SetPolicy(const Policy& policy) { policy_ = policy; }
  Picture DrawAll() const;

 private:
  bool IsErased(const Evidence& record, absl::Time now);
  void ForgetWithdrawn(Evidence& record) const;
  void Erase(const std::set<std::string>& ids, absl::Time at);

  Policy policy_;
  Bindings bindings_;
  std::vector<Evidence> records_;  // as they came
  std::vector<Decision> decisions_;
  std::map<std::string, Tombstone> tombstones_;
  bool any_dropped_ = false;
};

// A random history of `count` records over few identifiers, so that they clash often. The same seed
// gives the same history.
std::vector<Evidence> RandomHistory(unsigned seed, int count, int people = 4);

// Random decisions about the same identifiers, within the time of the history.
std::vector<Decision> RandomDecisions(unsigned seed, int count, int people = 4);

}  // namespace datong::identity
