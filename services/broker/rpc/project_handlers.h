#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/project.pb.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/mend_links.h"
#include "services/broker/core/peers.h"

namespace datong::broker {

// Answers the RPCs of datong.broker.v1.ProjectService. Thread-safe. What it is given must outlive
// it.
class ProjectHandlers {
 public:
  ProjectHandlers(AppStore& apps, IdentityPeer& identity, IngestPeer& ingest, MendLinks& mend_links,
                  AuditLog& audit)
      : apps_(apps), identity_(identity), ingest_(ingest), mend_links_(mend_links), audit_(audit) {}

  absl::StatusOr<v1::CreateProjectResponse> CreateProject(const rpc::CallContext& call,
                                                          const v1::CreateProjectRequest& request);
  absl::StatusOr<v1::GetProjectResponse> GetProject(const rpc::CallContext& call,
                                                    const v1::GetProjectRequest& request);
  absl::StatusOr<v1::ListProjectsResponse> ListProjects(const rpc::CallContext& call,
                                                        const v1::ListProjectsRequest& request);
  absl::StatusOr<v1::CreateAppResponse> CreateApp(const rpc::CallContext& call,
                                                  const v1::CreateAppRequest& request);
  absl::StatusOr<v1::GetAppResponse> GetApp(const rpc::CallContext& call,
                                            const v1::GetAppRequest& request);
  absl::StatusOr<v1::ListAppsResponse> ListApps(const rpc::CallContext& call,
                                                const v1::ListAppsRequest& request);
  absl::StatusOr<v1::UpdateAppResponse> UpdateApp(const rpc::CallContext& call,
                                                  const v1::UpdateAppRequest& request);

 private:
  AppStore& apps_;
  IdentityPeer& identity_;
  IngestPeer& ingest_;
  MendLinks& mend_links_;
  AuditLog& audit_;
};

}  // namespace datong::broker
