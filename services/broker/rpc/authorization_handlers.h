#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/authorization.pb.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/mend_links.h"

namespace datong::broker {

// Answers the RPCs of datong.broker.v1.AuthorizationService. Thread-safe. What it is given must
// outlive it.
class AuthorizationHandlers {
 public:
  AuthorizationHandlers(Authorizer& authorizer, AuthorizationStore& store, AppStore& apps,
                        MendLinks& mend_links)
      : authorizer_(authorizer), store_(store), apps_(apps), mend_links_(mend_links) {}

  absl::StatusOr<v1::CreateAuthorizationLinkResponse> CreateAuthorizationLink(
      const rpc::CallContext& call, const v1::CreateAuthorizationLinkRequest& request);
  absl::StatusOr<v1::GetAuthorizationLinkResponse> GetAuthorizationLink(
      const rpc::CallContext& call, const v1::GetAuthorizationLinkRequest& request);
  absl::StatusOr<v1::BeginAuthorizationResponse> BeginAuthorization(
      const rpc::CallContext& call, const v1::BeginAuthorizationRequest& request);
  absl::StatusOr<v1::CompleteAuthorizationResponse> CompleteAuthorization(
      const rpc::CallContext& call, const v1::CompleteAuthorizationRequest& request);
  absl::StatusOr<v1::GetAuthorizationResponse> GetAuthorization(
      const rpc::CallContext& call, const v1::GetAuthorizationRequest& request);
  absl::StatusOr<v1::ListAuthorizationsResponse> ListAuthorizations(
      const rpc::CallContext& call, const v1::ListAuthorizationsRequest& request);
  absl::StatusOr<v1::ListAccountChangesResponse> ListAccountChanges(
      const rpc::CallContext& call, const v1::ListAccountChangesRequest& request);

 private:
  absl::Status Fill(const AuthorizationLink& link, Deadline deadline,
                    v1::AuthorizationLink* message);

  Authorizer& authorizer_;
  AuthorizationStore& store_;
  AppStore& apps_;
  MendLinks& mend_links_;
};

}  // namespace datong::broker
