#include "common/metrics/registry.h"

#include <prometheus/text_serializer.h>

namespace datong::metrics {

const Buckets kRpcBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                             0.25,  0.5,    1,     2.5,  5,     10};
const Buckets kUpstreamBuckets = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
const Buckets kDbBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                            0.1,    0.25,  0.5,    1,     2.5,  5};
const Buckets kJobBuckets = {1, 5, 15, 60, 300, 900, 1800, 3600, 7200};
const Buckets kLagBuckets = {1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400};
const Buckets kSizeBuckets = {256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304};
const Buckets kCountBuckets = {1, 2, 5, 10, 20, 50, 100, 500, 1000, 5000};

Counter& Registry::AddCounter(const std::string& name, const std::string& help,
                              const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
}

Gauge& Registry::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
}

Histogram& Registry::AddHistogram(const std::string& name, const std::string& help,
                                  const Buckets& buckets, const Labels& labels) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels,
                                                                                    buckets);
}

void Registry::RemoveGauge(const std::string& name, const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Register(registry_);
  family.Remove(&family.Add(labels));
}

std::string Registry::Serialize() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace datong::metrics
