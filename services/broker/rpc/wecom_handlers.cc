#include "services/broker/rpc/wecom_handlers.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/broker/core/wecom_errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

constexpr int kMostPending = 100;
constexpr int kMostConverted = 1000;

void ToProto(const WecomCorp& corp, v1::Corp* message) {
  message->set_app(AppName(corp.project, corp.appid));
  message->set_suite(AppName(corp.project, corp.suite));
  message->set_corpid(corp.corpid);
  message->set_mode(static_cast<v1::WecomMode>(corp.mode));
  message->set_state(static_cast<v1::AppState>(corp.state));
  message->set_corp_name(corp.corp_name);
  message->set_corp_full_name(corp.corp_full_name);
  message->set_verified(corp.verified);
  message->set_subject_type(corp.subject_type);
  message->set_agentid(corp.agentid);
  message->set_privilege_level(corp.privilege_level);
  message->set_view(WecomView{corp.corpid, corp.provider.empty() ? corp.suite : corp.provider,
                              IsAgencyTemplate(corp.suite)}
                        .name());
  SetTime(corp.authorized, message->mutable_authorize_time());
  if (corp.revoked.has_value()) SetTime(*corp.revoked, message->mutable_revoke_time());
  message->set_details_known(corp.details_known);
}

void ToProto(const App& app, const WecomRoster& roster, v1::RosterSync* message) {
  message->set_app(app.name());
  message->set_state(static_cast<v1::RosterSyncState>(roster.state));
  SetTime(roster.started, message->mutable_start_time());
  if (roster.ended.has_value()) SetTime(*roster.ended, message->mutable_end_time());
  message->set_member_count(roster.members);
  message->set_member_done_count(roster.members_done);
  message->set_contact_count(roster.contacts);
  message->set_unionid_count(roster.unionids);
  message->set_error_reason(roster.error);
}

absl::Status BatchTooLarge(int most) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE",
                     absl::StrCat("Give 1 to ", most, " external_userids."),
                     {{"most", absl::StrCat(most)}});
}

}  // namespace

absl::StatusOr<App> WecomHandlers::Admit(const rpc::CallContext& call, const std::string& name,
                                         absl::string_view action) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  absl::StatusOr<App> app = parts_.apps.GetApp(parsed.app, call.deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != parsed.project)) {
    return AppUnknown(name);
  }
  if (!app.ok()) return app.status();
  if (!parts_.audit.Count(AccessTo(*app, action, call))) return AuditUnavailable();
  return app;
}

absl::StatusOr<std::string> WecomHandlers::AppidIn(const std::string& project,
                                                   const std::string& name) {
  if (name.empty()) return std::string();
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  if (parsed.project != project) return AppUnknown(name);
  return parsed.app;
}

absl::Status WecomHandlers::Fill(const AuthorizationLink& link, Deadline deadline,
                                 v1::InstallLink* message) {
  DATONG_ASSIGN_OR_RETURN(App suite, parts_.apps.GetApp(link.component, deadline));
  message->set_link(link.id);
  message->set_url(parts_.installer.UrlOf(link));
  message->set_suite(suite.name());
  message->set_suite_display_name(suite.display_name);
  message->set_test(link.type == AuthorizationType::kTestInstall);
  SetTime(link.expires, message->mutable_expire_time());
  if (!link.appid.empty()) message->set_app(AppName(link.project, link.appid));
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateInstallLinkResponse> WecomHandlers::CreateInstallLink(
    const rpc::CallContext& call, const v1::CreateInstallLinkRequest& request) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName suite, rpc::ParseAppName(request.suite()));
  DATONG_ASSIGN_OR_RETURN(
      AuthorizationLink link,
      parts_.installer.CreateLink(suite.project, suite.app, request.test(), call.deadline));
  v1::CreateInstallLinkResponse response;
  DATONG_RETURN_IF_ERROR(Fill(link, call.deadline, response.mutable_link()));
  return response;
}

absl::StatusOr<v1::GetInstallLinkResponse> WecomHandlers::GetInstallLink(
    const rpc::CallContext& call, const v1::GetInstallLinkRequest& request) {
  DATONG_ASSIGN_OR_RETURN(AuthorizationLink link,
                          parts_.installer.GetLink(request.link(), call.deadline));
  v1::GetInstallLinkResponse response;
  DATONG_RETURN_IF_ERROR(Fill(link, call.deadline, response.mutable_link()));
  response.set_expired(parts_.installer.IsExpired(link));
  return response;
}

absl::StatusOr<v1::BeginInstallResponse> WecomHandlers::BeginInstall(
    const rpc::CallContext& call, const v1::BeginInstallRequest& request) {
  DATONG_ASSIGN_OR_RETURN(Authorizer::Beginning beginning,
                          parts_.installer.Begin(request.link(), call.deadline));
  v1::BeginInstallResponse response;
  response.set_install_url(beginning.url);
  SetTime(beginning.expires, response.mutable_expire_time());
  return response;
}

absl::StatusOr<v1::CompleteInstallResponse> WecomHandlers::CompleteInstall(
    const rpc::CallContext& call, const v1::CompleteInstallRequest& request) {
  DATONG_ASSIGN_OR_RETURN(WecomCorp corp, parts_.installer.Complete(
                                              request.link(), request.auth_code(), call.deadline));
  v1::CompleteInstallResponse response;
  ToProto(corp, response.mutable_corp());
  return response;
}

absl::StatusOr<v1::GetCorpResponse> WecomHandlers::GetCorp(const rpc::CallContext& call,
                                                           const v1::GetCorpRequest& request) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName name, rpc::ParseAppName(request.app()));
  DATONG_ASSIGN_OR_RETURN(WecomCorp corp, parts_.store.GetCorp(name.app, call.deadline));
  if (corp.project != name.project) return AuthorizationUnknown(request.app());
  v1::GetCorpResponse response;
  ToProto(corp, response.mutable_corp());
  return response;
}

absl::StatusOr<v1::ListCorpsResponse> WecomHandlers::ListCorps(
    const rpc::CallContext& call, const v1::ListCorpsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(int32_t size, rpc::PageSize(request.page_size()));
  const std::string filter = absl::StrCat("wecom_corps/", project);
  DATONG_ASSIGN_OR_RETURN(std::string after, rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(std::vector<WecomCorp> corps,
                          parts_.store.ListCorps(project, after, size + 1, call.deadline));
  v1::ListCorpsResponse response;
  for (const WecomCorp& corp : corps) {
    if (response.corps_size() == size) {
      response.set_next_page_token(
          rpc::MakePageToken(corps[static_cast<size_t>(size) - 1].appid, filter));
      break;
    }
    ToProto(corp, response.add_corps());
  }
  return response;
}

absl::StatusOr<v1::MakeWebLoginUrlResponse> WecomHandlers::MakeWebLoginUrl(
    const rpc::CallContext& call, const v1::MakeWebLoginUrlRequest& request) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName name, rpc::ParseAppName(request.app()));
  WecomLoginPage page;
  page.redirect_url = request.redirect_uri();
  page.state = request.state();
  page.private_info = request.private_info();
  DATONG_ASSIGN_OR_RETURN(std::string url,
                          parts_.logins.MakeUrl(name.project, name.app, page, call.deadline));
  v1::MakeWebLoginUrlResponse response;
  response.set_url(std::move(url));
  return response;
}

absl::StatusOr<v1::LoginWecomWebResponse> WecomHandlers::LoginWecomWeb(
    const rpc::CallContext& call, const v1::LoginWecomWebRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "login"));
  DATONG_ASSIGN_OR_RETURN(
      WecomLoggedIn user,
      parts_.logins.LogInWeb(app.project, app.appid, request.code(), call.deadline));
  v1::LoginWecomWebResponse response;
  response.set_userid(user.visitor.userid);
  response.set_corpid(user.visitor.corpid);
  response.set_open_userid(user.visitor.open_userid);
  response.set_openid(user.visitor.openid);
  response.set_external_userid(user.visitor.external_userid);
  response.set_person(user.person);
  if (user.details.has_value()) {
    v1::StaffDetails* details = response.mutable_staff_details();
    details->set_gender(user.details->gender);
    details->set_avatar(user.details->avatar);
    details->set_qr_code(user.details->qr_code);
    details->set_mobile(user.details->mobile);
    details->set_email(user.details->email);
    details->set_biz_mail(user.details->biz_mail);
    details->set_address(user.details->address);
  }
  if (user.visitor.userid.empty()) {
    const bool is_customer = !user.visitor.external_userid.empty();
    response.set_unionid_hint(app.kind == AppKind::kWecomSuite ? v1::UNIONID_HINT_FIND_BY_UNIONID
                              : is_customer                    ? v1::UNIONID_HINT_READ_CONTACT
                                                               : v1::UNIONID_HINT_BECOME_CUSTOMER);
  }
  return response;
}

absl::StatusOr<v1::LoginWecomMiniProgramResponse> WecomHandlers::LoginWecomMiniProgram(
    const rpc::CallContext& call, const v1::LoginWecomMiniProgramRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "login"));
  DATONG_ASSIGN_OR_RETURN(
      WecomStaff staff,
      parts_.logins.LogInMiniProgram(app.project, app.appid, request.js_code(), call.deadline));
  v1::LoginWecomMiniProgramResponse response;
  response.set_corpid(staff.corpid);
  response.set_userid(staff.userid);
  response.set_open_userid(staff.open_userid);
  return response;
}

absl::StatusOr<v1::TransferStaffSessionResponse> WecomHandlers::TransferStaffSession(
    const rpc::CallContext& call, const v1::TransferStaffSessionRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "login"));
  DATONG_ASSIGN_OR_RETURN(std::string login_app, AppidIn(app.project, request.login_app()));
  v1::TransferStaffSessionResponse response;
  DATONG_ASSIGN_OR_RETURN(
      *response.mutable_userid(),
      parts_.logins.TransferSession(app.project, app.appid, login_app,
                                    {request.corpid(), request.userid()}, call.deadline));
  return response;
}

absl::StatusOr<v1::GetContactResponse> WecomHandlers::GetContact(
    const rpc::CallContext& call, const v1::GetContactRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "read_contact"));
  DATONG_ASSIGN_OR_RETURN(
      WecomKnownContact known,
      parts_.contacts.Get(app.project, app.appid, request.external_userid(), call.deadline));
  v1::GetContactResponse response;
  response.set_identifier(known.identifier);
  response.set_name(known.contact.name);
  response.set_wechat_user(known.contact.is_wechat_user);
  response.set_unionid(known.contact.unionid);
  for (const WecomFollower& follower : known.contact.followers) {
    v1::ContactFollower* message = response.add_followers();
    message->set_userid(follower.userid);
    SetTime(follower.created, message->mutable_create_time());
    message->set_add_way(follower.add_way);
    message->set_state(follower.state);
  }
  response.set_person(known.person);
  if (known.contact.unionid.empty() && known.contact.is_wechat_user) {
    response.set_unionid_hint(app.component.empty() ? v1::UNIONID_HINT_BIND_DEVELOPER_ID
                                                    : v1::UNIONID_HINT_FIND_BY_UNIONID);
  }
  return response;
}

absl::StatusOr<v1::FindContactResponse> WecomHandlers::FindContact(
    const rpc::CallContext& call, const v1::FindContactRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "find_contact"));
  WecomSearch search;
  DATONG_ASSIGN_OR_RETURN(search.user_app, AppidIn(app.project, request.user_app()));
  search.user = {request.openid(), request.unionid()};
  search.app_of_provider = request.subject_type() == v1::SUBJECT_TYPE_PROVIDER;
  search.corpid = request.corpid();
  search.mass_call_ticket = request.mass_call_ticket();
  DATONG_ASSIGN_OR_RETURN(WecomFoundContacts found,
                          parts_.contacts.Find(app.project, app.appid, search, call.deadline));
  v1::FindContactResponse response;
  for (size_t i = 0; i < found.contacts.size(); ++i) {
    v1::FoundContact* message = response.add_contacts();
    message->set_corpid(found.contacts[i].corpid);
    message->set_external_userid(found.contacts[i].external_userid);
    message->set_identifier(found.identifiers[i]);
  }
  response.set_pending_id(found.pending_id);
  response.set_person(found.person);
  return response;
}

absl::StatusOr<v1::ResolvePendingContactsResponse> WecomHandlers::ResolvePendingContacts(
    const rpc::CallContext& call, const v1::ResolvePendingContactsRequest& request) {
  if (request.external_userids().empty() || request.external_userids_size() > kMostPending) {
    return BatchTooLarge(kMostPending);
  }
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "find_contact"));
  DATONG_ASSIGN_OR_RETURN(std::vector<WecomPendingMatch> matches,
                          parts_.contacts.ResolvePending(app.project, app.appid,
                                                         {request.external_userids().begin(),
                                                          request.external_userids().end()},
                                                         request.chat_id(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry,
                          parts_.directory.Find(app.project, app.appid, call.deadline));
  std::vector<std::string> identifiers;
  for (const WecomPendingMatch& match : matches) {
    identifiers.push_back(entry.view.Ext(match.external_userid));
  }
  const std::vector<std::string> persons =
      parts_.contacts.PersonsOf(app.project, identifiers, call.deadline);
  v1::ResolvePendingContactsResponse response;
  for (size_t i = 0; i < matches.size(); ++i) {
    auto* message = response.add_matches();
    message->set_external_userid(matches[i].external_userid);
    message->set_pending_id(matches[i].pending_id);
    message->set_identifier(identifiers[i]);
    message->set_person(persons[i]);
  }
  return response;
}

absl::StatusOr<v1::ConvertExternalUseridsResponse> WecomHandlers::ConvertExternalUserids(
    const rpc::CallContext& call, const v1::ConvertExternalUseridsRequest& request) {
  if (request.external_userids().empty() || request.external_userids_size() > kMostConverted) {
    return BatchTooLarge(kMostConverted);
  }
  if (request.conversion() == v1::CONVERSION_UNSPECIFIED ||
      !v1::Conversion_IsValid(request.conversion())) {
    return ConversionInvalid("is none of the values of Conversion");
  }
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "find_contact"));
  WecomConversionAsk ask;
  ask.conversion = static_cast<WecomConversion>(request.conversion());
  ask.external_userids = {request.external_userids().begin(), request.external_userids().end()};
  ask.chat_id = request.chat_id();
  DATONG_ASSIGN_OR_RETURN(ask.other_app, AppidIn(app.project, request.other_app()));
  DATONG_ASSIGN_OR_RETURN(WecomPairs converted,
                          parts_.contacts.Convert(app.project, app.appid, ask, call.deadline));
  std::vector<std::string> identifiers;
  for (const WecomIdPair& pair : converted.pairs) {
    identifiers.push_back(converted.to.Ext(pair.to));
  }
  const std::vector<std::string> persons =
      parts_.contacts.PersonsOf(app.project, identifiers, call.deadline);
  v1::ConvertExternalUseridsResponse response;
  for (size_t i = 0; i < converted.pairs.size(); ++i) {
    auto* message = response.add_pairs();
    message->set_external_userid(converted.pairs[i].from);
    message->set_converted(converted.pairs[i].to);
    message->set_identifier(identifiers[i]);
    message->set_person(persons[i]);
  }
  return response;
}

absl::StatusOr<v1::GetGroupResponse> WecomHandlers::GetGroup(const rpc::CallContext& call,
                                                             const v1::GetGroupRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "read_contact"));
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry,
                          parts_.directory.Find(app.project, app.appid, call.deadline));
  DATONG_ASSIGN_OR_RETURN(WecomGroup group,
                          parts_.contacts.GetGroup(entry, request.chat_id(), call.deadline));
  std::vector<std::string> identifiers;
  for (const WecomGroupMember& member : group.members) {
    if (member.is_external) identifiers.push_back(entry.view.Ext(member.userid));
  }
  const std::vector<std::string> persons =
      parts_.contacts.PersonsOf(app.project, identifiers, call.deadline);
  size_t outsider = 0;
  v1::GetGroupResponse response;
  response.set_name(group.name);
  response.set_owner(group.owner);
  SetTime(group.created, response.mutable_create_time());
  response.set_member_version(group.member_version);
  for (const WecomGroupMember& member : group.members) {
    v1::GroupMember* message = response.add_members();
    message->set_userid(member.userid);
    message->set_external(member.is_external);
    message->set_unionid(member.unionid);
    SetTime(member.joined, message->mutable_join_time());
    message->set_join_scene(member.join_scene);
    if (!member.is_external) continue;
    message->set_identifier(identifiers[outsider]);
    message->set_person(persons[outsider++]);
  }
  return response;
}

absl::StatusOr<v1::StartRosterSyncResponse> WecomHandlers::StartRosterSync(
    const rpc::CallContext& call, const v1::StartRosterSyncRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, Admit(call, request.app(), "sync_contacts"));
  DATONG_ASSIGN_OR_RETURN(WecomRoster roster,
                          parts_.rosters.Start(app.project, app.appid, call.deadline));
  v1::StartRosterSyncResponse response;
  ToProto(app, roster, response.mutable_sync());
  return response;
}

absl::StatusOr<v1::GetRosterSyncResponse> WecomHandlers::GetRosterSync(
    const rpc::CallContext& call, const v1::GetRosterSyncRequest& request) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName name, rpc::ParseAppName(request.app()));
  DATONG_ASSIGN_OR_RETURN(App app, parts_.apps.GetApp(name.app, call.deadline));
  DATONG_ASSIGN_OR_RETURN(WecomRoster roster,
                          parts_.rosters.Get(name.project, name.app, call.deadline));
  v1::GetRosterSyncResponse response;
  ToProto(app, roster, response.mutable_sync());
  return response;
}

}  // namespace datong::broker
