#pragma once

#include <array>

#include "absl/time/time.h"
#include "common/metrics/feed_lag.h"
#include "common/metrics/registry.h"
#include "services/ingest/core/reason.h"

namespace datong::ingest {

// Who hands events in: a metric label.
enum class Door { kSdk, kGrpc, kCallback };

// The series of the service, all there from zero. Thread-safe.
class IngestMetrics {
 public:
  explicit IngestMetrics(metrics::Registry& registry);

  void Accepted(Door door, int64_t events, absl::Duration lag_of_one);
  void Duplicate(Door door, int64_t events);
  void Quarantined(Door door, Reason reason, int64_t items);
  // Not kept: no_consent.
  void RefusedForConsent(Door door, int64_t events);
  void RejectedUnknownApp(Door door);
  void RejectedTooLarge(Door door);
  void RejectedMalformed(Door door);
  void RequestEvents(Door door, int64_t events);
  void Committed(absl::Duration elapsed, int64_t rows);
  void QueueChanged(int64_t events, absl::Time oldest_or_past);
  void QueueCapacity(int64_t events);
  void EvidenceBacklog(int64_t records, absl::Time oldest_or_past);
  void QuarantineHolds(Reason reason, int64_t items);
  // Of identity's feeds.
  metrics::FeedLag& consent_lag() { return consent_lag_; }
  metrics::FeedLag& erasure_lag() { return erasure_lag_; }

 private:
  struct DoorSeries {
    metrics::Counter* accepted;
    metrics::Counter* duplicate;
    metrics::Counter* quarantined;
    metrics::Counter* rejected;
    metrics::Counter* dropped;
    metrics::Counter* no_consent;
    metrics::Counter* unknown_app;
    metrics::Counter* too_large;
    metrics::Counter* malformed;
    metrics::Histogram* batch_events;
    metrics::Histogram* event_lag;
  };
  DoorSeries& At(Door door) { return doors_[static_cast<size_t>(door)]; }

  std::array<DoorSeries, 3> doors_;
  metrics::Histogram& commit_seconds_;
  metrics::Histogram& commit_events_;
  metrics::Gauge& queue_events_;
  metrics::Gauge& queue_capacity_;
  metrics::Gauge& queue_oldest_;
  metrics::Gauge& evidence_events_;
  metrics::Gauge& evidence_oldest_;
  metrics::FeedLag consent_lag_;
  metrics::FeedLag erasure_lag_;
  std::array<metrics::Gauge*, kReasonNames.size()> quarantined_{};
};

}  // namespace datong::ingest
