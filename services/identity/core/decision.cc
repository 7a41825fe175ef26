#include "services/identity/core/decision.h"

#include <algorithm>

#include "absl/algorithm/container.h"

namespace datong::identity {
namespace {

bool Holds(const Evidence& record, const std::string& id) {
  return absl::c_linear_search(record.ids, id);
}

}  // namespace

bool RevokesPhoneOf(const Decision& decision, const Evidence& record) {
  return decision.kind == DecisionKind::kRevokePhone && record.kind == kPhoneEvidence &&
         record.observed <= decision.at && Holds(record, decision.a);
}

void ForgetPhones(std::vector<std::string>& ids) {
  std::erase_if(ids, [](const std::string& id) { return KindOf(id) == IdKind::kPhone; });
}

int EraOf(const Evidence& record, const std::vector<Decision>& decisions) {
  std::set<absl::Time> starts;
  for (const Decision& decision : decisions) {
    if (decision.kind == DecisionKind::kCannotLink || !Holds(record, decision.a)) continue;
    if (decision.kind == DecisionKind::kRetract && !Holds(record, decision.b)) continue;
    const absl::Time start =
        decision.kind == DecisionKind::kRebind ? decision.at : decision.at + absl::Microseconds(1);
    if (start <= record.observed) starts.insert(start);
  }
  return static_cast<int>(starts.size());
}

Admission Admit(const Evidence& record, const Tombstone& tombstone, const Policy& policy,
                absl::Time now) {
  if (record.observed <= tombstone.erased) {
    const bool late = now <= tombstone.erased + absl::Hours(24) * policy.erase_extend_days;
    return late && ClassOf(record.kind) == 0 ? Admission::kExtend : Admission::kDrop;
  }
  if (!policy.require_consent_after_erase || tombstone.renewed <= record.observed) {
    return Admission::kAdmit;
  }
  return record.consent_ref.empty() ? Admission::kWant : Admission::kRenew;
}

bool SpeaksForAll(const Evidence& record) {
  return ClassOf(record.kind).value_or(kClaimClass) <= kWebAuthorizationClass && !record.snapshot;
}

Gate AdmitAll(const Evidence& record, const std::set<std::string>& ids,
              std::map<std::string, Tombstone>& tombstones, const Policy& policy, absl::Time now) {
  Gate gate;
  bool agreed = false;
  std::vector<std::string> wanting;
  for (const std::string& id : ids) {
    const auto tombstone = tombstones.find(id);
    if (tombstone == tombstones.end()) continue;
    const Admission admission = Admit(record, tombstone->second, policy, now);
    if (admission == Admission::kAdmit) agreed = true;
    if (admission == Admission::kRenew) gate.renewed.push_back(id);
    if (admission == Admission::kWant) wanting.push_back(id);
    if (admission == Admission::kDrop || admission == Admission::kExtend) gate.dropped = true;
    if (admission == Admission::kExtend) {
      gate.extend = std::max(gate.extend.value_or(absl::InfinitePast()), tombstone->second.erased);
    }
  }
  if (agreed && SpeaksForAll(record)) {
    gate.renewed.insert(gate.renewed.end(), wanting.begin(), wanting.end());
  } else if (!wanting.empty()) {
    gate.dropped = true;
  }
  if (gate.dropped) gate.renewed.clear();
  for (const std::string& id : gate.renewed) tombstones[id].renewed = record.observed;
  return gate;
}

}  // namespace datong::identity
