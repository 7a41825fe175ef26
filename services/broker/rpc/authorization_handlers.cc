#include "services/broker/rpc/authorization_handlers.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {

absl::Status AuthorizationHandlers::Fill(const AuthorizationLink& link, Deadline deadline,
                                         v1::AuthorizationLink* message) {
  DATONG_ASSIGN_OR_RETURN(App component, apps_.GetApp(link.component, deadline));
  message->set_link(link.id);
  message->set_url(authorizer_.UrlOf(link));
  message->set_component(component.name());
  message->set_component_display_name(component.display_name);
  message->set_type(static_cast<v1::AuthorizationType>(link.type));
  message->set_biz_appid(link.biz_appid);
  SetTime(link.expires, message->mutable_expire_time());
  if (!link.appid.empty()) message->set_app(AppName(link.project, link.appid));
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateAuthorizationLinkResponse> AuthorizationHandlers::CreateAuthorizationLink(
    const rpc::CallContext& call, const v1::CreateAuthorizationLinkRequest& request) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName component, rpc::ParseAppName(request.component()));
  AuthorizationType type = AuthorizationType::kBoth;
  if (request.type() != v1::AUTHORIZATION_TYPE_UNSPECIFIED) {
    if (!v1::AuthorizationType_IsValid(request.type())) {
      return BrokerError(absl::StatusCode::kInvalidArgument, "AUTHORIZATION_TYPE_INVALID",
                         "type is none of the values of AuthorizationType.");
    }
    type = static_cast<AuthorizationType>(request.type());
  }
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link,
                          authorizer_.CreateLink(component.project, component.app, type,
                                                 request.biz_appid(), call.deadline));
  v1::CreateAuthorizationLinkResponse response;
  DATONG_RETURN_IF_ERROR(Fill(link, call.deadline, response.mutable_link()));
  return response;
}

absl::StatusOr<v1::GetAuthorizationLinkResponse> AuthorizationHandlers::GetAuthorizationLink(
    const rpc::CallContext& call, const v1::GetAuthorizationLinkRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link, store_.GetLink(request.link(), call.deadline));
  v1::GetAuthorizationLinkResponse response;
  DATONG_RETURN_IF_ERROR(Fill(link, call.deadline, response.mutable_link()));
  response.set_expired(authorizer_.IsExpired(link));
  return response;
}

absl::StatusOr<v1::BeginAuthorizationResponse> AuthorizationHandlers::BeginAuthorization(
    const rpc::CallContext& call, const v1::BeginAuthorizationRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      Authorizer::Beginning beginning,
      authorizer_.Begin(request.link(), request.device() == v1::AUTHORIZATION_DEVICE_MOBILE,
                        call.deadline));
  v1::BeginAuthorizationResponse response;
  response.set_authorization_url(beginning.url);
  SetTime(beginning.expires, response.mutable_expire_time());
  return response;
}

absl::StatusOr<v1::CompleteAuthorizationResponse> AuthorizationHandlers::CompleteAuthorization(
    const rpc::CallContext& call, const v1::CompleteAuthorizationRequest& request) {
  DATONG_ASSIGN_OR_RETURN(Authorization authorization,
                          authorizer_.Complete(request.link(), request.auth_code(), call.deadline));
  v1::CompleteAuthorizationResponse response;
  ToProto(authorization, response.mutable_authorization());
  return response;
}

absl::StatusOr<v1::GetAuthorizationResponse> AuthorizationHandlers::GetAuthorization(
    const rpc::CallContext& call, const v1::GetAuthorizationRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                          rpc::ParseResourceName(request.name(), "projects/{}/authorizations/{}",
                                                 "AUTHORIZATION_NAME_INVALID"));
  DATONG_ASSIGN_OR_RETURN(Authorization authorization,
                          store_.GetAuthorization(parts[0], parts[1], call.deadline));
  v1::GetAuthorizationResponse response;
  ToProto(authorization, response.mutable_authorization());
  DATONG_ASSIGN_OR_RETURN(
      auto urls,
      mend_links_.Urls(parts[0],
                       {{authorization.appid, authorization.component, authorization.state}},
                       call.deadline));
  response.mutable_authorization()->set_mend_url(urls[authorization.appid]);
  return response;
}

absl::StatusOr<v1::ListAuthorizationsResponse> AuthorizationHandlers::ListAuthorizations(
    const rpc::CallContext& call, const v1::ListAuthorizationsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(int32_t size, rpc::PageSize(request.page_size()));
  const std::string filter = absl::StrCat("authorizations/", project);
  DATONG_ASSIGN_OR_RETURN(std::string after, rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(std::vector<Authorization> found,
                          store_.ListAuthorizations(project, after, size + 1, call.deadline));
  v1::ListAuthorizationsResponse response;
  for (const Authorization& authorization : found) {
    if (response.authorizations_size() == size) {
      response.set_next_page_token(
          rpc::MakePageToken(found[static_cast<size_t>(size) - 1].appid, filter));
      break;
    }
    ToProto(authorization, response.add_authorizations());
  }
  std::vector<MendLinks::Account> accounts;
  for (const Authorization& authorization : found) {
    accounts.push_back({authorization.appid, authorization.component, authorization.state});
  }
  DATONG_ASSIGN_OR_RETURN(auto urls, mend_links_.Urls(project, accounts, call.deadline));
  for (int i = 0; i < response.authorizations_size(); ++i) {
    response.mutable_authorizations(i)->set_mend_url(urls[found[static_cast<size_t>(i)].appid]);
  }
  return response;
}

absl::StatusOr<v1::ListAccountChangesResponse> AuthorizationHandlers::ListAccountChanges(
    const rpc::CallContext& call, const v1::ListAccountChangesRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(int32_t size, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(AccountFeedPage page,
                          apps_.ReadFeed(project, request.page_token(), size, call.deadline));
  v1::ListAccountChangesResponse response;
  for (const AccountFeedPage::Entry& entry : page.entries) {
    v1::AccountChange* change = response.add_changes();
    ToProto(entry.app, change->mutable_app());
    if (entry.authorization.has_value()) {
      ToProto(*entry.authorization, change->mutable_authorization());
    }
    SetTime(entry.changed, change->mutable_change_time());
  }
  response.set_next_page_token(page.next_cursor);
  response.set_caught_up(page.caught_up);
  return response;
}

}  // namespace datong::broker
