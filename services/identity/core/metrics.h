#pragma once

#include <map>
#include <string>

#include "common/metrics/registry.h"
#include "services/identity/core/link_plan.h"

namespace datong::identity {

// What the graph reports. Thread-safe.
class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry);

  // A plan was committed.
  void Linked(const LinkPlan& plan);
  // Records that were refused alone, by rule.
  void Refused(Reason reason);
  void KnownRecords(int count);

 private:
  metrics::Counter& merged_;
  metrics::Counter& split_;
  metrics::Counter& recorded_;
  metrics::Counter& known_;
  metrics::Counter& frozen_;
  std::map<std::string, metrics::Counter*> conflicts_;  // by rule
  metrics::Histogram& cluster_size_;
};

}  // namespace datong::identity
