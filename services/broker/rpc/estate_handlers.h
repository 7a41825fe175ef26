#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/estate.pb.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/estate.h"
#include "services/broker/core/wecom_installer.h"

namespace datong::broker {

// Answers the RPCs of datong.broker.v1.EstateService. Thread-safe. What it is given must outlive
// it.
class EstateHandlers {
 public:
  EstateHandlers(Estate& estate, WecomInstaller& installer, AppStore& apps, AuditLog& audit)
      : estate_(estate), installer_(installer), apps_(apps), audit_(audit) {}

  absl::StatusOr<v1::ImportAuthorizationsResponse> ImportAuthorizations(
      const rpc::CallContext& call, const v1::ImportAuthorizationsRequest& request);
  absl::StatusOr<v1::ReconcileAuthorizationsResponse> ReconcileAuthorizations(
      const rpc::CallContext& call, const v1::ReconcileAuthorizationsRequest& request);

 private:
  absl::StatusOr<App> GetComponent(const rpc::CallContext& call, const std::string& name);

  Estate& estate_;
  WecomInstaller& installer_;
  AppStore& apps_;
  AuditLog& audit_;
};

}  // namespace datong::broker
