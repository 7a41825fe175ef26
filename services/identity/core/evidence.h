#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/identity/core/kinds.h"

namespace datong::identity {

// What the check of an encrypted answer's watermark said.
enum class Watermark { kNone = 0, kValid = 1, kAppidMismatch = 2, kStale = 3 };

// One fact: these identifiers were shown together (R2.1).
struct Evidence {
  std::string kind;
  std::vector<std::string> ids;
  absl::Time observed;  // whole microseconds
  std::string appid;
  std::string request_id;
  bool snapshot = false;
  Watermark watermark = Watermark::kNone;
  std::string obtained_by;
  std::string consent_ref;  // the person's new consent after an erasure (R6.3)
};

// A link or an identifier that is refused, with the strongest evidence for it.
struct Refusal {
  std::vector<std::string> ids;  // sorted
  Reason reason = Reason::kBlockedValue;
  int evidence_class = 0;
  absl::Time observed;

  bool SameAs(const Refusal& other) const { return ids == other.ids && reason == other.reason; }
};

// The class of trust of a kind of evidence, 0 (strongest) to 4; none for a kind that is not known.
std::optional<int> ClassOf(absl::string_view evidence_kind);
constexpr int kWebAuthorizationClass = 1;
constexpr int kClaimClass = 4;
constexpr char kPhoneEvidence[] = "mp.phone_number";

// The rules that a project may choose (the platform's facts are not among them).
struct Policy {
  bool trust_client_claims = false;
  bool phone_may_merge = false;
  int hub_device_partners = 20;
  int hub_login_partners = 5;
  int pending_days = 90;
  int login_max = 1;
  int max_ids = 200;
  bool form_checks = false;  // R1.10
  int erase_extend_days = 30;
  bool require_consent_after_erase = true;
  // Above these a raw component is frozen (R3.7).
  size_t max_component_ids = 5000;
  size_t max_component_records = 50000;
  // With more conflicts of one app in a day its unionids wait (R4.5); 0: never.
  int incident_conflicts = 0;
  std::vector<std::string> blocked_values = {};  // in lower case (R1.9)

  bool operator==(const Policy&) const = default;
};

// True when the value says nothing (R1.9).
bool IsBlockedValue(absl::string_view value);

// What is wrong with an identifier alone.
std::optional<Reason> FaultOf(const std::string& identifier, const Policy& policy);

// What is wrong with a record alone is taken out of it: its identifiers are trimmed, sorted and
// unique afterwards, and may be none. The refusals are added to `refusals`.
Evidence Clean(const Evidence& record, const Policy& policy, std::vector<Refusal>& refusals);

// True when cleaning would change nothing and refuse nothing.
bool IsClean(const Evidence& record, const Policy& policy);

// Says which facts are the same: a record is known when one with its key was observed at the same
// time or before. Within 30 days later repeats of one fact add nothing to any rule; where the time
// of each counts (pending ids), the key holds the instant.
struct FactKey {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const FactKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const FactKey& key) {
    return H::combine(std::move(state), key.high, key.low);
  }
};
FactKey KnownKey(int32_t project_number, const Evidence& record);

// The idempotency key of a record (R2.1).
std::string EvidenceId(int32_t project_number, const Evidence& record);

}  // namespace datong::identity
