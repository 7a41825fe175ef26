#include "services/identity/core/metrics.h"

namespace datong::identity {
namespace {

constexpr char kMerges[] = "datong_identity_merges_total";
constexpr char kMergesHelp[] = "Persons that were merged into others or split from them.";
constexpr char kCheckJob[] = "identity_check";
constexpr char kRunsHelp[] = "Runs of background jobs that ended.";
constexpr char kEvidence[] = "datong_identity_evidence_total";
constexpr char kEvidenceHelp[] = "Evidence records received.";

}  // namespace

Metrics::Metrics(metrics::Registry& registry)
    : merged_(registry.AddCounter(kMerges, kMergesHelp, {{"rule", "R5.3"}, {"result", "merged"}})),
      split_(registry.AddCounter(kMerges, kMergesHelp, {{"rule", "R5.4"}, {"result", "split"}})),
      recorded_(registry.AddCounter(kEvidence, kEvidenceHelp, {{"result", "recorded"}})),
      known_(registry.AddCounter(kEvidence, kEvidenceHelp, {{"result", "known"}})),
      frozen_(registry.AddCounter("datong_identity_frozen_components_total",
                                  "Times that a raw component was too large to be worked out.")),
      cluster_size_(registry.AddHistogram("datong_identity_cluster_size",
                                          "Identifiers of the persons that evidence changed.",
                                          metrics::kCountBuckets)),
      incidents_(registry.AddCounter("datong_identity_incidents_total",
                                     "Apps whose strong evidence contradicted itself too often.")),
      differences_(registry.AddCounter("datong_identity_differences_total",
                                       "Identifiers and refusals that a full recomputation found "
                                       "otherwise than they are kept.")),
      checks_ok_(registry.AddCounter("datong_job_runs_total", kRunsHelp,
                                     {{"job_name", kCheckJob}, {"result", "ok"}})),
      checks_failed_(registry.AddCounter("datong_job_runs_total", kRunsHelp,
                                         {{"job_name", kCheckJob}, {"result", "error"}})),
      check_seconds_(registry.AddHistogram("datong_job_duration_seconds",
                                           "How long runs of background jobs took.",
                                           metrics::kJobBuckets, {{"job_name", kCheckJob}})),
      check_success_time_(registry.AddGauge("datong_job_last_success_timestamp_seconds",
                                            "When the job last ended well.",
                                            {{"job_name", kCheckJob}})),
      check_interval_(registry.AddGauge("datong_job_interval_seconds",
                                        "How often the job is meant to run.",
                                        {{"job_name", kCheckJob}})) {
  for (int i = 0; i <= static_cast<int>(kLastReason); ++i) {
    const char* rule = RuleOf(static_cast<Reason>(i));
    conflicts_[rule] = &registry.AddCounter("datong_identity_conflicts_total",
                                            "Links and identifiers refused.", {{"rule", rule}});
  }
}

void Metrics::Linked(const LinkPlan& plan) {
  merged_.Increment(static_cast<double>(plan.merges.size()));
  for (const int64_t split_from : plan.new_persons) {
    if (split_from != 0) split_.Increment();
  }
  split_.Increment(static_cast<double>(plan.returned.size()));
  recorded_.Increment(static_cast<double>(plan.recorded.size()));
  frozen_.Increment(static_cast<double>(plan.frozen.size()));
  for (const Refusal& refusal : plan.opened) Refused(refusal.reason);
  for (const size_t size : plan.person_sizes) cluster_size_.Observe(static_cast<double>(size));
}

void Metrics::Refused(Reason reason) { conflicts_.at(RuleOf(reason))->Increment(); }

void Metrics::KnownRecords(int count) { known_.Increment(count); }

void Metrics::IncidentsOpened(int count) { incidents_.Increment(count); }

void Metrics::Checked(int64_t differences) {
  differences_.Increment(static_cast<double>(differences));
}

void Metrics::CheckInterval(absl::Duration interval) {
  check_interval_.Set(absl::ToDoubleSeconds(interval));
}

void Metrics::CheckEnded(bool succeeded, absl::Duration took, absl::Time end_time) {
  (succeeded ? checks_ok_ : checks_failed_).Increment();
  check_seconds_.Observe(absl::ToDoubleSeconds(took));
  if (succeeded) check_success_time_.Set(static_cast<double>(absl::ToUnixSeconds(end_time)));
}

}  // namespace datong::identity
