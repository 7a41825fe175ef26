#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/metrics/registry.h"

namespace datong::identity {

// What was done of what persons may ask for. Thread-safe.
class PrivacyMetrics {
 public:
  explicit PrivacyMetrics(metrics::Registry& registry);

  void Exported(bool succeeded);
  void ConsentWithdrawn(bool succeeded);
  // An erasure came to its end, or failed and is tried again.
  void Erased(bool succeeded);
  void OldestErasure(std::optional<absl::Time> requested);

 private:
  struct Results {
    Results(metrics::Registry& registry, const std::string& type);
    void Count(bool succeeded) { (succeeded ? ok : error).Increment(); }
    metrics::Counter& ok;
    metrics::Counter& error;
  };
  Results deletes_;
  Results exports_;
  Results withdrawals_;
  metrics::Gauge& oldest_delete_;
};

}  // namespace datong::identity
