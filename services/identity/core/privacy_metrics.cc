#include "services/identity/core/privacy_metrics.h"

namespace datong::identity {
namespace {

metrics::Counter& Requests(metrics::Registry& registry, const std::string& type,
                           const char* result) {
  return registry.AddCounter("datong_privacy_requests_total", "What persons asked for.",
                             {{"type", type}, {"result", result}});
}
metrics::Gauge& OldestOpen(metrics::Registry& registry, const std::string& type) {
  return registry.AddGauge("datong_privacy_oldest_open_timestamp_seconds",
                           "When the oldest request that is not done was made; 0: none is open.",
                           {{"type", type}});
}

}  // namespace

PrivacyMetrics::Results::Results(metrics::Registry& registry, const std::string& type)
    : ok(Requests(registry, type, "ok")), error(Requests(registry, type, "error")) {}

PrivacyMetrics::PrivacyMetrics(metrics::Registry& registry)
    : deletes_(registry, "delete"),
      exports_(registry, "export"),
      withdrawals_(registry, "consent_withdraw"),
      oldest_delete_(OldestOpen(registry, "delete")) {
  // These are answered at once.
  OldestOpen(registry, "export");
  OldestOpen(registry, "consent_withdraw");
}

void PrivacyMetrics::Exported(bool succeeded) { exports_.Count(succeeded); }
void PrivacyMetrics::ConsentWithdrawn(bool succeeded) { withdrawals_.Count(succeeded); }
void PrivacyMetrics::Erased(bool succeeded) { deletes_.Count(succeeded); }

void PrivacyMetrics::OldestErasure(std::optional<absl::Time> requested) {
  oldest_delete_.Set(requested.has_value() ? absl::ToDoubleSeconds(*requested - absl::UnixEpoch())
                                           : 0);
}

}  // namespace datong::identity
