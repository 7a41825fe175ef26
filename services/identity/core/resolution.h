#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/identity/core/decision.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

// What a set of evidence says.
struct Resolution {
  struct Id {
    std::string text;
    IdKind kind = IdKind::kUnknown;
    absl::Time first_observed;
    int part = -1;  // in `parts`; -1 for a snapshot account, which is nobody
  };
  std::vector<Id> ids;                           // sorted by text
  std::vector<std::vector<size_t>> parts;        // the persons: indexes into `ids`, ascending
  std::vector<std::pair<size_t, size_t>> links;  // pairs of ids that evidence joins, also refused
  std::vector<Refusal> refusals;                 // sorted by ids and reason, without repeats
};

// The resolution function (R3): persons and refusals from clean records (see Clean). Pure, and the
// order of the records does not matter. It may be asked for one raw component at a time, or for
// all. Decisions about identifiers that the records do not hold have no effect.
Resolution Resolve(absl::Span<const Evidence* const> records, const Policy& policy,
                   absl::Span<const Decision> decisions = {});

// The same from records as they came.
Resolution ResolveRaw(absl::Span<const Evidence> records, const Policy& policy,
                      absl::Span<const Decision> decisions = {});

// The identifiers that evidence of this class or a stronger one joins to the identifier, itself
// included; none when no such evidence shows it.
std::set<std::string> StrongPart(absl::Span<const Evidence> records, const Policy& policy,
                                 absl::Span<const Decision> decisions,
                                 const std::string& identifier, int weakest_class);

}  // namespace datong::identity
