#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace datong::metrics {

using Labels = std::map<std::string, std::string>;
using Counter = prometheus::Counter;
using Gauge = prometheus::Gauge;
using Histogram = prometheus::Histogram;
using Buckets = std::vector<double>;

// Bucket edges: seconds, but for the last two.
extern const Buckets kRpcBuckets;
extern const Buckets kUpstreamBuckets;
extern const Buckets kDbBuckets;
extern const Buckets kJobBuckets;
extern const Buckets kLagBuckets;
extern const Buckets kSizeBuckets;   // bytes
extern const Buckets kCountBuckets;  // things

// The series of one process. A series is created when it is asked for, so a metrics class asks in
// its constructor for every combination of its closed label sets: all are then there from zero.
// Asking twice gives the same series. References live as long as the registry. Thread-safe.
class Registry {
 public:
  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& AddHistogram(const std::string& name, const std::string& help, const Buckets& buckets,
                          const Labels& labels = {});
  // Gauges per app come and go with their apps; no reference to the series may be left.
  void RemoveGauge(const std::string& name, const Labels& labels);

  // Prometheus text format 0.0.4.
  std::string Serialize() const;

 private:
  prometheus::Registry registry_;
};

// Registers process_* and keeps them current: call Update before each scrape.
class ProcessMetrics {
 public:
  explicit ProcessMetrics(Registry& registry);
  void Update();

 private:
  Counter& cpu_seconds_;
  Gauge& resident_bytes_;
  Gauge& virtual_bytes_;
  Gauge& open_fds_;
  Gauge& max_fds_;
};

}  // namespace datong::metrics
