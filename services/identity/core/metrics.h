#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/metrics/registry.h"
#include "services/identity/core/link_plan.h"

namespace datong::identity {

// What the graph reports. Thread-safe.
class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry);

  void CheckInterval(absl::Duration interval);

  // A plan was committed.
  void Linked(const LinkPlan& plan);
  // Records that were refused alone, by rule.
  void Refused(Reason reason);
  void KnownRecords(int count);
  void IncidentsOpened(int count);
  // A round of the comparing recomputation over all projects ended.
  void Checked(int64_t differences);
  void CheckEnded(bool succeeded, absl::Duration took, absl::Time end_time);

 private:
  metrics::Counter& merged_;
  metrics::Counter& split_;
  metrics::Counter& recorded_;
  metrics::Counter& known_;
  metrics::Counter& frozen_;
  std::map<std::string, metrics::Counter*> conflicts_;  // by rule
  metrics::Histogram& cluster_size_;
  metrics::Counter& incidents_;
  metrics::Counter& differences_;
  metrics::Counter& checks_ok_;
  metrics::Counter& checks_failed_;
  metrics::Histogram& check_seconds_;
  metrics::Gauge& check_success_time_;
  metrics::Gauge& check_interval_;
};

}  // namespace datong::identity
