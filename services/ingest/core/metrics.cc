#include "services/ingest/core/metrics.h"

#include <string>

namespace datong::ingest {
namespace {

constexpr const char* kDoorNames[] = {"sdk", "grpc", "callback"};

double Seconds(absl::Time time) {
  return time == absl::InfinitePast() ? 0.0 : absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

}  // namespace

IngestMetrics::IngestMetrics(metrics::Registry& registry)
    : commit_seconds_(registry.AddHistogram("datong_ingest_commit_seconds",
                                            "Time to commit one group of events.",
                                            metrics::kDbBuckets, {{"source", "all"}})),
      commit_events_(registry.AddHistogram(
          "datong_ingest_commit_events", "Events in one committed group.", metrics::kCountBuckets)),
      queue_events_(registry.AddGauge("datong_ingest_queue_events", "What waits to be written.",
                                      {{"queue", "writer"}})),
      queue_capacity_(registry.AddGauge("datong_ingest_queue_capacity_events",
                                        "What may wait at most.", {{"queue", "writer"}})),
      queue_oldest_(registry.AddGauge("datong_ingest_oldest_pending_timestamp_seconds",
                                      "Since when the oldest waits; 0 when nothing does.",
                                      {{"queue", "writer"}})),
      evidence_events_(registry.AddGauge("datong_ingest_queue_events", "What waits to be written.",
                                         {{"queue", "evidence"}})),
      evidence_oldest_(registry.AddGauge("datong_ingest_oldest_pending_timestamp_seconds",
                                         "Since when the oldest waits; 0 when nothing does.",
                                         {{"queue", "evidence"}})),
      consent_lag_(registry, "identity_consents"),
      erasure_lag_(registry, "identity_erasures") {
  for (size_t i = 0; i < doors_.size(); ++i) {
    const std::string source = kDoorNames[i];
    const auto events = [&](const char* result) {
      return &registry.AddCounter("datong_ingest_events_total", "Events by what became of them.",
                                  {{"source", source}, {"result", result}});
    };
    const auto rejected = [&](const char* reason) {
      return &registry.AddCounter("datong_ingest_rejected_total",
                                  "Requests and events not taken, by reason.",
                                  {{"source", source}, {"reason", reason}});
    };
    doors_[i] = {
        events("accepted"),
        events("duplicate"),
        events("quarantined"),
        events("rejected"),
        events("dropped"),
        rejected("no_consent"),
        rejected("unknown_app"),
        rejected("too_large"),
        rejected("malformed"),
        &registry.AddHistogram("datong_ingest_batch_events", "Events in one request.",
                               metrics::kCountBuckets, {{"source", source}}),
        &registry.AddHistogram("datong_ingest_event_lag_seconds", "From event time to stored.",
                               metrics::kLagBuckets, {{"source", source}})};
    rejected("bad_signature");
    rejected("stale");
    rejected("rate_limited");
  }
  for (size_t i = 1; i < kReasonNames.size(); ++i) {
    quarantined_[i] =
        &registry.AddGauge("datong_quarantined_events", "Items that wait in quarantine, by reason.",
                           {{"reason", kReasonNames[i]}});
  }
}

void IngestMetrics::Accepted(Door door, int64_t events, absl::Duration lag_of_one) {
  if (events <= 0) return;
  At(door).accepted->Increment(static_cast<double>(events));
  At(door).event_lag->Observe(absl::ToDoubleSeconds(lag_of_one));
}
void IngestMetrics::Duplicate(Door door, int64_t events) {
  At(door).duplicate->Increment(static_cast<double>(events));
}
void IngestMetrics::Quarantined(Door door, Reason reason, int64_t items) {
  At(door).quarantined->Increment(static_cast<double>(items));
  quarantined_[static_cast<size_t>(reason)]->Increment(static_cast<double>(items));
}
void IngestMetrics::RefusedForConsent(Door door, int64_t events) {
  At(door).rejected->Increment(static_cast<double>(events));
  At(door).no_consent->Increment(static_cast<double>(events));
}
void IngestMetrics::RejectedUnknownApp(Door door) { At(door).unknown_app->Increment(); }
void IngestMetrics::RejectedTooLarge(Door door) { At(door).too_large->Increment(); }
void IngestMetrics::RejectedMalformed(Door door) { At(door).malformed->Increment(); }
void IngestMetrics::RequestEvents(Door door, int64_t events) {
  At(door).batch_events->Observe(static_cast<double>(events));
}
void IngestMetrics::Committed(absl::Duration elapsed, int64_t rows) {
  commit_seconds_.Observe(absl::ToDoubleSeconds(elapsed));
  commit_events_.Observe(static_cast<double>(rows));
}
void IngestMetrics::QueueChanged(int64_t events, absl::Time oldest_or_past) {
  queue_events_.Set(static_cast<double>(events));
  queue_oldest_.Set(Seconds(oldest_or_past));
}
void IngestMetrics::QueueCapacity(int64_t events) {
  queue_capacity_.Set(static_cast<double>(events));
}
void IngestMetrics::EvidenceBacklog(int64_t records, absl::Time oldest_or_past) {
  evidence_events_.Set(static_cast<double>(records));
  evidence_oldest_.Set(Seconds(oldest_or_past));
}
void IngestMetrics::QuarantineHolds(Reason reason, int64_t items) {
  quarantined_[static_cast<size_t>(reason)]->Set(static_cast<double>(items));
}

}  // namespace datong::ingest
