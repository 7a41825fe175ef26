#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/time/clock.h"
#include "datong/identity/v1/profile.pb.h"
#include "services/identity/core/decision_store.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/privacy_metrics.h"
#include "services/identity/core/profile_store.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.ConsentService and ProfileService. Errors: as the proto
// says. Thread-safe. What it is given must outlive it.
class ProfileHandlers {
 public:
  ProfileHandlers(GraphStore& graph, ProfileStore& profiles, DecisionStore& decisions,
                  PrivacyMetrics& metrics, const Clock& clock)
      : graph_(graph),
        profiles_(profiles),
        decisions_(decisions),
        metrics_(metrics),
        clock_(clock) {}

  absl::StatusOr<v1::RecordConsentResponse> RecordConsent(const rpc::CallContext& call,
                                                          const v1::RecordConsentRequest& request);
  absl::StatusOr<v1::GetConsentResponse> GetConsent(const rpc::CallContext& call,
                                                    const v1::GetConsentRequest& request);
  absl::StatusOr<v1::ListConsentChangesResponse> ListConsentChanges(
      const rpc::CallContext& call, const v1::ListConsentChangesRequest& request);
  absl::StatusOr<v1::SetAttributesResponse> SetAttributes(const rpc::CallContext& call,
                                                          const v1::SetAttributesRequest& request);
  absl::StatusOr<v1::GetProfileResponse> GetProfile(const rpc::CallContext& call,
                                                    const v1::GetProfileRequest& request);
  absl::StatusOr<v1::ListAttributeHistoryResponse> ListAttributeHistory(
      const rpc::CallContext& call, const v1::ListAttributeHistoryRequest& request);

 private:
  GraphStore& graph_;
  ProfileStore& profiles_;
  DecisionStore& decisions_;
  PrivacyMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace datong::identity
