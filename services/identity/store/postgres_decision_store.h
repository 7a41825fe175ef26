#pragma once

#include <vector>

#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/identity/core/decision_store.h"
#include "services/identity/core/metrics.h"

namespace datong::identity {

// Decisions and erasures in PostgreSQL, beside the graph and by its rules of locking.
class PostgresDecisionStore final : public DecisionStore {
 public:
  PostgresDecisionStore(postgres::Pool& pool, const Clock& clock, const Policy& policy,
                        Metrics& metrics)
      : pool_(pool), clock_(clock), policy_(policy), metrics_(metrics) {}

  absl::StatusOr<LinkOutcome> Decide(const Project& project, absl::Span<const Decision> decisions,
                                     absl::Span<const Evidence> records,
                                     Deadline deadline) override;
  absl::StatusOr<std::vector<Decision>> ListDecisions(const Project& project,
                                                      absl::Span<const std::string> identifiers,
                                                      Deadline deadline) override;
  absl::Status MarkRetired(const Project& project, absl::Span<const std::string> ids, absl::Time at,
                           Deadline deadline) override;
  absl::Status ForgetAttributes(const Project& project, const std::string& identifier,
                                absl::Span<const std::string> names, absl::Time at,
                                Deadline deadline) override;
  absl::StatusOr<int64_t> RequestErasure(const Project& project, const Erasure& erasure,
                                         Deadline deadline) override;
  absl::StatusOr<bool> RunErasure(Deadline deadline) override;
  absl::Status RenewConsent(const Project& project, absl::Span<const std::string> ids,
                            absl::Time at, Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const Clock& clock_;
  const Policy policy_;
  Metrics& metrics_;
};

}  // namespace datong::identity
