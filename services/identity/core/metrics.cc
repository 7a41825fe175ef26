#include "services/identity/core/metrics.h"

namespace datong::identity {
namespace {

constexpr char kMerges[] = "datong_identity_merges_total";
constexpr char kMergesHelp[] = "Persons that were merged into others or split from them.";
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
                                          metrics::kCountBuckets)) {
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
  recorded_.Increment(static_cast<double>(plan.recorded.size()));
  frozen_.Increment(plan.frozen_components);
  for (const Refusal& refusal : plan.opened) Refused(refusal.reason);
  for (const size_t size : plan.person_sizes) cluster_size_.Observe(static_cast<double>(size));
}

void Metrics::Refused(Reason reason) { conflicts_.at(RuleOf(reason))->Increment(); }

void Metrics::KnownRecords(int count) { known_.Increment(count); }

}  // namespace datong::identity
