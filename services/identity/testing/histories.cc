#include "services/identity/testing/histories.h"

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "services/identity/core/linker.h"

namespace datong::identity {
namespace {

const absl::Time kBegin = absl::FromUnixSeconds(1'772'000'000);

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  bool OneIn(int count) { return Below(count) == 0; }

 private:
  std::mt19937 random_;
};

Policy RandomPolicy(Chance& chance, Policy policy) {
  switch (chance.Below(8)) {
    case 0:
      policy.trust_client_claims = !policy.trust_client_claims;
      break;
    case 1:
      policy.phone_may_merge = !policy.phone_may_merge;
      break;
    case 2:
      policy.hub_device_partners = 1 + chance.Below(5);
      break;
    case 3:
      policy.hub_login_partners = 1 + chance.Below(3);
      break;
    case 4:
      policy.pending_days = 1 + chance.Below(90);
      break;
    case 5:
      policy.login_max = 1 + chance.Below(2);
      break;
    case 6:
      policy.max_ids = 2 + chance.Below(12);
      break;
    default:
      policy.blocked_values = policy.blocked_values.empty()
                                  ? std::vector<std::string>{absl::StrCat("v", chance.Below(4))}
                                  : std::vector<std::string>{};
      break;
  }
  return policy;
}

std::vector<Evidence> Migrated(Chance& chance, absl::Time now) {
  Evidence record;
  record.kind = "wx.changeopenid";
  record.ids = {absl::StrCat("openid:wxmp1:v", chance.Below(4)),
                absl::StrCat("openid:wxmp2:v", chance.Below(4))};
  record.observed = now;
  return {record};
}

// Of a fact that is known the engine does not keep later repeats. What is dated back to between the
// two, a binding or late evidence that extends an erasure, would see them: in histories with
// either, all repeats of a fact are of one time.
bool RepeatsCount(unsigned seed) { return seed % 4 == 2; }

}  // namespace

Policy FirstPolicy(unsigned seed) {
  Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  policy.require_consent_after_erase = seed % 3 != 0;
  if (RepeatsCount(seed)) policy.erase_extend_days = 0;
  return policy;
}

std::vector<HistoryStep> RandomOperations(unsigned seed, int count) {
  Chance chance(seed);
  const bool erases = seed % 2 == 0;
  Policy policy = FirstPolicy(seed);
  const int people = 2 + static_cast<int>(seed % 5);
  const std::vector<Evidence> evidence = RandomHistory(seed, count * 3, people);
  const std::vector<Decision> decisions = RandomDecisions(seed, count, people);
  std::vector<HistoryStep> history;
  size_t next_record = 0;
  size_t next_decision = 0;
  std::map<std::tuple<std::string, std::vector<std::string>, bool>, absl::Time> first;
  absl::Time now = kBegin;
  for (int i = 0; i < count; ++i) {
    now += absl::Hours(1 + chance.Below(200));
    HistoryStep step;
    step.now = now;
    const int choice = chance.Below(20);
    if (choice == 0) {
      policy = RandomPolicy(chance, policy);
      step.policy = policy;
    } else if (choice == 1 && erases) {
      const Evidence& about = evidence[next_record];
      step.step.erased = about.ids[static_cast<size_t>(chance.Below(2)) % about.ids.size()];
      step.step.erased_at = now;
    } else if (choice == 1) {
      step.bound = {chance.OneIn(2) ? "wxmp1" : "wxoa1", absl::StrCat("op", 1 + chance.Below(2)),
                    now - absl::Hours(chance.Below(600))};
    } else if (choice == 2) {
      step.step.evidence = Migrated(chance, now);
    } else if (choice <= 5) {
      Decision decision = decisions[next_decision++];
      decision.at = now;
      // A blocked openid was told nothing; the engine and the function may say so at other times.
      if (decision.kind == DecisionKind::kRevokePhone && !policy.blocked_values.empty()) continue;
      if (decision.kind == DecisionKind::kRebind) {
        Evidence record;
        record.kind = "tenant.login";
        record.ids = {decision.a, absl::StrCat("openid:wxmp1:v", chance.Below(people))};
        record.observed = now;
        step.step.evidence.push_back(std::move(record));
      }
      step.step.decisions.push_back(std::move(decision));
    } else {
      for (int n = 1 + chance.Below(3); n > 0; --n) {
        Evidence record = evidence[next_record++];
        // In the past, and often before what was known already.
        record.observed = now - absl::Hours(chance.OneIn(3) ? chance.Below(24 * 60) : 0);
        if (chance.OneIn(4)) record.consent_ref = "form-1";
        if (!erases) {
          for (std::string& id : record.ids) {
            if (KindOf(id) == IdKind::kUnionid && chance.OneIn(2)) {
              id = absl::StrCat("unionid:@", chance.OneIn(2) ? "wxmp1" : "wxoa1", ":", ValueOf(id));
            }
          }
        }
        if (!RepeatsCount(seed)) {
          Evidence same = record;
          Normalise(same);
          const auto fact = std::make_tuple(same.kind, same.ids, same.snapshot);
          record.observed = first.try_emplace(fact, record.observed).first->second;
        }
        step.step.evidence.push_back(record);
        if (chance.OneIn(6)) step.step.evidence.push_back(std::move(record));
      }
    }
    for (Evidence& record : step.step.evidence) Normalise(record);
    history.push_back(std::move(step));
  }
  return history;
}

void Apply(const HistoryStep& step, World& world) {
  if (step.policy.has_value()) world.SetPolicy(*step.policy);
  if (step.bound.has_value()) world.Bind(step.bound->appid, step.bound->account, step.bound->from);
  world.Apply(step.step, step.now);
}

void Apply(const HistoryStep& step, MemoryGraph& graph) {
  if (step.policy.has_value()) graph.SetPolicy(*step.policy, step.now);
  if (step.bound.has_value()) {
    graph.Bind(step.bound->appid, step.bound->account, step.bound->from, step.now);
  }
  if (!step.step.decisions.empty()) {
    graph.Decide(step.step.decisions, step.step.evidence, step.now);
  } else if (!step.step.evidence.empty()) {
    graph.Link(step.step.evidence, step.now);
  }
  if (!step.step.erased.empty()) {
    graph.Erase({step.step.erased}, true, step.step.erased_at, step.now);
  }
}

Picture PictureOf(const MemoryGraph& graph) {
  Picture picture;
  for (const auto& [person, ids] : graph.Persons()) picture.persons.insert(ids);
  for (const Refusal& refusal : graph.OpenRefusals()) {
    picture.refused.emplace(refusal.ids, NameOf(refusal.reason));
  }
  return picture;
}

Picture WithoutRecordLevel(Picture picture) {
  std::erase_if(picture.refused, [](const auto& refused) {
    for (int i = 0; i <= static_cast<int>(kLastReason); ++i) {
      const auto reason = static_cast<Reason>(i);
      if (refused.second == NameOf(reason)) return IsRecordLevel(reason);
    }
    return false;
  });
  return picture;
}

}  // namespace datong::identity
