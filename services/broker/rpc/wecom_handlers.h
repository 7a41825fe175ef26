#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/wecom.pb.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/wecom_contacts.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_installer.h"
#include "services/broker/core/wecom_logins.h"
#include "services/broker/core/wecom_rosters.h"
#include "services/broker/core/wecom_store.h"

namespace datong::broker {

// The parts of the core that WecomHandlers asks.
struct WecomParts {
  AppStore& apps;
  WecomDirectory& directory;
  WecomStore& store;
  WecomInstaller& installer;
  WecomLogins& logins;
  WecomContacts& contacts;
  WecomRosters& rosters;
  AuditLog& audit;
};

// Answers the RPCs of datong.broker.v1.WecomService: checks the request, records the access, asks
// the core, fills the response. Thread-safe. What it is given must outlive it.
class WecomHandlers {
 public:
  explicit WecomHandlers(WecomParts parts) : parts_(parts) {}

  absl::StatusOr<v1::CreateInstallLinkResponse> CreateInstallLink(
      const rpc::CallContext& call, const v1::CreateInstallLinkRequest& request);
  absl::StatusOr<v1::GetInstallLinkResponse> GetInstallLink(
      const rpc::CallContext& call, const v1::GetInstallLinkRequest& request);
  absl::StatusOr<v1::BeginInstallResponse> BeginInstall(const rpc::CallContext& call,
                                                        const v1::BeginInstallRequest& request);
  absl::StatusOr<v1::CompleteInstallResponse> CompleteInstall(
      const rpc::CallContext& call, const v1::CompleteInstallRequest& request);
  absl::StatusOr<v1::GetCorpResponse> GetCorp(const rpc::CallContext& call,
                                              const v1::GetCorpRequest& request);
  absl::StatusOr<v1::ListCorpsResponse> ListCorps(const rpc::CallContext& call,
                                                  const v1::ListCorpsRequest& request);
  absl::StatusOr<v1::MakeWebLoginUrlResponse> MakeWebLoginUrl(
      const rpc::CallContext& call, const v1::MakeWebLoginUrlRequest& request);
  absl::StatusOr<v1::LoginWecomWebResponse> LoginWecomWeb(const rpc::CallContext& call,
                                                          const v1::LoginWecomWebRequest& request);
  absl::StatusOr<v1::LoginWecomMiniProgramResponse> LoginWecomMiniProgram(
      const rpc::CallContext& call, const v1::LoginWecomMiniProgramRequest& request);
  absl::StatusOr<v1::TransferStaffSessionResponse> TransferStaffSession(
      const rpc::CallContext& call, const v1::TransferStaffSessionRequest& request);
  absl::StatusOr<v1::GetContactResponse> GetContact(const rpc::CallContext& call,
                                                    const v1::GetContactRequest& request);
  absl::StatusOr<v1::FindContactResponse> FindContact(const rpc::CallContext& call,
                                                      const v1::FindContactRequest& request);
  absl::StatusOr<v1::ResolvePendingContactsResponse> ResolvePendingContacts(
      const rpc::CallContext& call, const v1::ResolvePendingContactsRequest& request);
  absl::StatusOr<v1::ConvertExternalUseridsResponse> ConvertExternalUserids(
      const rpc::CallContext& call, const v1::ConvertExternalUseridsRequest& request);
  absl::StatusOr<v1::GetGroupResponse> GetGroup(const rpc::CallContext& call,
                                                const v1::GetGroupRequest& request);
  absl::StatusOr<v1::StartRosterSyncResponse> StartRosterSync(
      const rpc::CallContext& call, const v1::StartRosterSyncRequest& request);
  absl::StatusOr<v1::GetRosterSyncResponse> GetRosterSync(const rpc::CallContext& call,
                                                          const v1::GetRosterSyncRequest& request);

 private:
  // Checks that the app is in the project that its name says, and records the access.
  absl::StatusOr<App> Admit(const rpc::CallContext& call, const std::string& name,
                            absl::string_view action);
  absl::Status Fill(const AuthorizationLink& link, Deadline deadline, v1::InstallLink* message);
  // The appid of a resource name in the same project; "" for "".
  static absl::StatusOr<std::string> AppidIn(const std::string& project, const std::string& name);

  const WecomParts parts_;
};

}  // namespace datong::broker
