#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

enum class DecisionKind {
  kRetract = 1,      // evidence of the pair a, b observed up to `at` does not count (R5.5)
  kCannotLink = 2,   // a and b are never one person (R4.3)
  kRebind = 3,       // edges of a observed before `at` do not count (R5.6)
  kRevokePhone = 4,  // phones that a's app was told up to `at` are forgotten (R5.10)
};

// What an operator, a login's owner or a person decided. Data with a time, like evidence: it may
// come before the evidence that it is about.
struct Decision {
  DecisionKind kind = DecisionKind::kRetract;
  std::string a;
  std::string b;  // of pairs alone; a < b
  absl::Time at;  // whole microseconds
  std::string actor;
  std::string reason;
};

// True when the record is one that the withdrawal of a phone forgets the phones of.
bool RevokesPhoneOf(const Decision& decision, const Evidence& record);

// Takes the phones out.
void ForgetPhones(std::vector<std::string>& ids);

// How many of the instants from which evidence counts anew lie at or before the record: repeats of
// a fact in different eras are different facts.
int EraOf(const Evidence& record, const std::vector<Decision>& decisions);

// An identifier that was erased, as far as admitting evidence goes.
struct Tombstone {
  absl::Time erased;
  absl::Time renewed = absl::InfiniteFuture();  // from when on there is a new consent
};

enum class Admission {
  kAdmit,
  kRenew,   // with a new consent (R6.3)
  kWant,    // there is no new consent for the identifier (R6.3)
  kDrop,    // observed before the erasure (R6.2)
  kExtend,  // dropped, and its other identifiers are erased too (R6.2)
};
// What becomes of a record, of which an identifier was erased.
Admission Admit(const Evidence& record, const Tombstone& tombstone, const Policy& policy,
                absl::Time now);

// True when one identifier with a new consent speaks for the others of the record: the platform
// says that they are one human's (R6.3).
bool SpeaksForAll(const Evidence& record);

// The same for all identifiers of a record, as it came and in scope. Identifiers that a new consent
// covers from now on are renewed in the tombstones.
struct Gate {
  bool dropped = false;
  std::optional<absl::Time> extend;  // the erasure that takes the record's identifiers along
  std::vector<std::string> renewed;  // identifiers
};
Gate AdmitAll(const Evidence& record, const std::set<std::string>& ids,
              std::map<std::string, Tombstone>& tombstones, const Policy& policy, absl::Time now);

}  // namespace datong::identity
