#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/identity/core/decision.h"
#include "services/identity/core/evidence.h"

namespace datong::identity {

// Why two identifiers are one person, or why they are not.
struct Explanation {
  struct Step {
    std::string from;
    std::string to;
    std::string evidence_kind;
    int evidence_class = kClaimClass;
    absl::Time observed;
    std::optional<Reason> refused;
  };
  bool same_person = false;
  // With the fewest refused steps, then the fewest steps; without refused ones when they are one
  // person. Empty when nothing connects them.
  std::vector<Step> path;
};

// Explains from the evidence and the decisions of a raw component (R5.11). Pure.
Explanation Explain(absl::Span<const Evidence> records, absl::Span<const Decision> decisions,
                    const Policy& policy, const std::string& a, const std::string& b);

}  // namespace datong::identity
