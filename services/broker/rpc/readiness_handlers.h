#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/readiness.pb.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/readiness.h"

namespace datong::broker {

// Answers the RPC of datong.broker.v1.ReadinessService. Thread-safe. What it is given must outlive
// it.
class ReadinessHandlers {
 public:
  ReadinessHandlers(Readiness& readiness, AppStore& apps) : readiness_(readiness), apps_(apps) {}

  absl::StatusOr<v1::CheckReadinessResponse> CheckReadiness(
      const rpc::CallContext& call, const v1::CheckReadinessRequest& request);

 private:
  Readiness& readiness_;
  AppStore& apps_;
};

}  // namespace datong::broker
