#include "services/broker/upstream/http_wecom_ids.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/strings.h"
#include "common/status/macros.h"
#include "services/broker/upstream/wecom_http.h"

namespace datong::broker {
namespace {

using nlohmann::json;
using wechat::Answer;
using wechat::ListField;
using wechat::NumberField;
using wechat::ObjectField;
using wechat::TextField;

constexpr char kVisitor[] = "/cgi-bin/auth/getuserinfo";
constexpr char kSuiteVisitor[] = "/cgi-bin/service/auth/getuserinfo3rd";
constexpr char kStaffDetails[] = "/cgi-bin/auth/getuserdetail";
constexpr char kTransferSession[] = "/cgi-bin/miniprogram/transfer_session";
constexpr char kStaff[] = "/cgi-bin/miniprogram/jscode2session";
constexpr char kSuiteStaff[] = "/cgi-bin/service/miniprogram/jscode2session";
constexpr char kMembers[] = "/cgi-bin/externalcontact/get_follow_user_list";
constexpr char kContacts[] = "/cgi-bin/externalcontact/batch/get_by_user";
constexpr char kContact[] = "/cgi-bin/externalcontact/get";
constexpr char kGroup[] = "/cgi-bin/externalcontact/groupchat/get";
constexpr char kConvertUnionid[] = "/cgi-bin/idconvert/unionid_to_external_userid";
constexpr char kFindThroughSuite[] =
    "/cgi-bin/service/externalcontact/unionid_to_external_userid_3rd";
constexpr char kPendingIds[] = "/cgi-bin/idconvert/batch/external_userid_to_pending_id";
constexpr char kNewIds[] = "/cgi-bin/externalcontact/get_new_external_userid";
constexpr char kNewGroupIds[] = "/cgi-bin/externalcontact/groupchat/get_new_external_userid";
constexpr char kToService[] = "/cgi-bin/externalcontact/to_service_external_userid";
constexpr char kFromService[] = "/cgi-bin/externalcontact/from_service_external_userid";

constexpr int kMostRows = 100;        // of batch/get_by_user
constexpr int kMostFollowPages = 20;  // of one contact: 500 followers each

PlatformHttp::Query Token(const Secret& token) { return {{"access_token", token.Expose()}}; }
PlatformHttp::Query SuiteToken(const Secret& token) {
  return {{"suite_access_token", token.Expose()}};
}

absl::Time TimeField(const json& object, const char* name) {
  return absl::FromUnixSeconds(NumberField(object, name).value_or(0));
}

WecomFollower ReadFollower(const json& row) {
  WecomFollower follower;
  follower.userid = TextField(row, "userid");
  follower.created = TimeField(row, "createtime");
  follower.add_way = static_cast<int32_t>(NumberField(row, "add_way").value_or(0));
  follower.state = SanitizeUtf8(TextField(row, "state"));
  return follower;
}

WecomContact ReadContact(const json& row) {
  WecomContact contact;
  contact.external_userid = TextField(row, "external_userid");
  contact.name = SanitizeUtf8(TextField(row, "name"));
  contact.is_wechat_user = NumberField(row, "type").value_or(0) == 1;
  contact.unionid = TextField(row, "unionid");
  return contact;
}

WecomStaff ReadStaff(const json& body) {
  return {TextField(body, "corpid"), TextField(body, "userid"), TextField(body, "open_userid"),
          Secret(TextField(body, "session_key"))};
}

json Texts(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

}  // namespace

HttpWecomIds::HttpWecomIds(std::string api_url, http::Client& http, metrics::Registry& registry)
    : http_(std::move(api_url),
            {kVisitor, kSuiteVisitor, kStaffDetails, kStaff, kSuiteStaff, kTransferSession,
             kMembers, kContacts, kContact, kGroup, kConvertUnionid, kFindThroughSuite, kPendingIds,
             kNewIds, kNewGroupIds, kToService, kFromService},
            http, registry) {}

absl::StatusOr<WecomVisitor> HttpWecomIds::GetVisitor(const Secret& token, const std::string& code,
                                                      Deadline deadline) {
  PlatformHttp::Query query = Token(token);
  query.emplace_back("code", code);
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kVisitor, query, nullptr, deadline));
  WecomVisitor visitor;
  visitor.userid = TextField(answer.body, "userid");
  visitor.openid = TextField(answer.body, "openid");
  visitor.external_userid = TextField(answer.body, "external_userid");
  visitor.user_ticket = Secret(TextField(answer.body, "user_ticket"));
  if (visitor.userid.empty() && visitor.openid.empty() && visitor.external_userid.empty()) {
    return IncompleteAnswer("userid or openid");
  }
  return visitor;
}

absl::StatusOr<WecomVisitor> HttpWecomIds::GetSuiteVisitor(const Secret& suite_token,
                                                           const std::string& code,
                                                           Deadline deadline) {
  PlatformHttp::Query query = SuiteToken(suite_token);
  query.emplace_back("code", code);
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kSuiteVisitor, query, nullptr, deadline));
  WecomVisitor visitor;
  visitor.corpid = TextField(answer.body, "corpid");
  visitor.userid = TextField(answer.body, "userid");
  visitor.open_userid = TextField(answer.body, "open_userid");
  visitor.openid = TextField(answer.body, "openid");
  if (visitor.userid.empty() && visitor.openid.empty()) {
    return IncompleteAnswer("userid or openid");
  }
  return visitor;
}

absl::StatusOr<WecomStaffDetails> HttpWecomIds::GetStaffDetails(const Secret& token,
                                                                const Secret& user_ticket,
                                                                Deadline deadline) {
  const json body = {{"user_ticket", user_ticket.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kStaffDetails, Token(token), &body, deadline));
  WecomStaffDetails details;
  details.gender = TextField(answer.body, "gender");
  details.avatar = TextField(answer.body, "avatar");
  details.qr_code = TextField(answer.body, "qr_code");
  details.mobile = TextField(answer.body, "mobile");
  details.email = SanitizeUtf8(TextField(answer.body, "email"));
  details.biz_mail = SanitizeUtf8(TextField(answer.body, "biz_mail"));
  details.address = SanitizeUtf8(TextField(answer.body, "address"));
  return details;
}

absl::StatusOr<WecomStaff> HttpWecomIds::TransferSession(const Secret& token,
                                                         const std::string& userid,
                                                         const Secret& session_key,
                                                         Deadline deadline) {
  const json body = {{"userid", userid}, {"session_key", session_key.Expose()}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kTransferSession, Token(token), &body, deadline));
  WecomStaff staff = ReadStaff(answer.body);
  if (staff.userid.empty()) return IncompleteAnswer("userid");
  return staff;
}

absl::StatusOr<WecomStaff> HttpWecomIds::LogInStaff(const Secret& token, const std::string& js_code,
                                                    Deadline deadline) {
  PlatformHttp::Query query = Token(token);
  query.emplace_back("js_code", js_code);
  query.emplace_back("grant_type", "authorization_code");
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kStaff, query, nullptr, deadline));
  WecomStaff staff = ReadStaff(answer.body);
  if (staff.userid.empty()) return IncompleteAnswer("userid");
  return staff;
}

absl::StatusOr<WecomStaff> HttpWecomIds::LogInSuiteStaff(const Secret& suite_token,
                                                         const std::string& js_code,
                                                         Deadline deadline) {
  PlatformHttp::Query query = SuiteToken(suite_token);
  query.emplace_back("js_code", js_code);
  query.emplace_back("grant_type", "authorization_code");
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kSuiteStaff, query, nullptr, deadline));
  WecomStaff staff = ReadStaff(answer.body);
  if (staff.userid.empty()) return IncompleteAnswer("userid");
  return staff;
}

absl::StatusOr<std::vector<std::string>> HttpWecomIds::ListFollowMembers(const Secret& token,
                                                                         Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kMembers, Token(token), nullptr, deadline));
  std::vector<std::string> members;
  for (const json& member : ListField(answer.body, "follow_user")) {
    if (member.is_string()) members.push_back(member.get<std::string>());
  }
  return members;
}

absl::StatusOr<WecomContactPage> HttpWecomIds::ListContacts(const Secret& token,
                                                            const std::vector<std::string>& members,
                                                            const std::string& cursor,
                                                            Deadline deadline) {
  const json body = {{"userid_list", Texts(members)}, {"cursor", cursor}, {"limit", kMostRows}};
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kContacts, Token(token), &body, deadline));
  WecomContactPage page;
  page.next_cursor = TextField(answer.body, "next_cursor");
  for (const json& row : ListField(answer.body, "external_contact_list")) {
    WecomContact contact = ReadContact(ObjectField(row, "external_contact"));
    if (contact.external_userid.empty()) continue;
    contact.followers.push_back(ReadFollower(ObjectField(row, "follow_info")));
    page.contacts.push_back(std::move(contact));
  }
  return page;
}

absl::StatusOr<WecomContact> HttpWecomIds::GetContact(const Secret& token,
                                                      const std::string& external_userid,
                                                      Deadline deadline) {
  WecomContact contact;
  std::string cursor;
  for (int page = 0; page < kMostFollowPages; ++page) {
    PlatformHttp::Query query = Token(token);
    query.emplace_back("external_userid", external_userid);
    if (!cursor.empty()) query.emplace_back("cursor", cursor);
    DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kContact, query, nullptr, deadline));
    if (page == 0) contact = ReadContact(ObjectField(answer.body, "external_contact"));
    if (contact.external_userid.empty()) return IncompleteAnswer("external_contact");
    for (const json& row : ListField(answer.body, "follow_user")) {
      contact.followers.push_back(ReadFollower(row));
    }
    const std::string next = TextField(answer.body, "next_cursor");
    if (next.empty() || next == cursor) break;
    cursor = next;
  }
  return contact;
}

absl::StatusOr<WecomGroup> HttpWecomIds::GetGroup(const Secret& token, const std::string& chat_id,
                                                  Deadline deadline) {
  const json body = {{"chat_id", chat_id}, {"need_name", 0}};
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, kGroup, Token(token), &body, deadline));
  const json& chat = ObjectField(answer.body, "group_chat");
  WecomGroup group;
  group.name = SanitizeUtf8(TextField(chat, "name"));
  group.owner = TextField(chat, "owner");
  group.created = TimeField(chat, "create_time");
  group.member_version = TextField(chat, "member_version");
  for (const json& row : ListField(chat, "member_list")) {
    WecomGroupMember member;
    member.userid = TextField(row, "userid");
    member.is_external = NumberField(row, "type").value_or(0) == 2;
    member.unionid = TextField(row, "unionid");
    member.joined = TimeField(row, "join_time");
    member.join_scene = static_cast<int32_t>(NumberField(row, "join_scene").value_or(0));
    if (!member.userid.empty()) group.members.push_back(std::move(member));
  }
  return group;
}

absl::StatusOr<WecomConverted> HttpWecomIds::ConvertUnionid(const Secret& token,
                                                            const WecomUserIds& user,
                                                            bool app_of_provider,
                                                            const std::string& mass_call_ticket,
                                                            Deadline deadline) {
  json body = {{"unionid", user.unionid},
               {"openid", user.openid},
               {"subject_type", app_of_provider ? 1 : 0}};
  if (!mass_call_ticket.empty()) body["mass_call_ticket"] = mass_call_ticket;
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kConvertUnionid, Token(token), &body, deadline));
  return WecomConverted{TextField(answer.body, "external_userid"),
                        TextField(answer.body, "pending_id")};
}

absl::StatusOr<std::vector<WecomFound>> HttpWecomIds::FindThroughSuite(const Secret& suite_token,
                                                                       const WecomUserIds& user,
                                                                       const std::string& corpid,
                                                                       Deadline deadline) {
  json body = {{"unionid", user.unionid}, {"openid", user.openid}};
  if (!corpid.empty()) body["corpid"] = corpid;
  DATONG_ASSIGN_OR_RETURN(
      Answer answer, AskWecom(http_, kFindThroughSuite, SuiteToken(suite_token), &body, deadline));
  std::vector<WecomFound> found;
  for (const json& row : ListField(answer.body, "external_userid_info")) {
    found.push_back({TextField(row, "corpid"), TextField(row, "external_userid")});
  }
  return found;
}

absl::StatusOr<std::vector<WecomPendingMatch>> HttpWecomIds::GetPendingIds(
    const Secret& token, const std::vector<std::string>& external_userids,
    const std::string& chat_id, Deadline deadline) {
  json body = {{"external_userid", Texts(external_userids)}};
  if (!chat_id.empty()) body["chat_id"] = chat_id;
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kPendingIds, Token(token), &body, deadline));
  std::vector<WecomPendingMatch> matches;
  for (const json& row : ListField(answer.body, "result")) {
    WecomPendingMatch match{TextField(row, "external_userid"), TextField(row, "pending_id")};
    // Whether rows without one are left out or empty is not documented.
    if (!match.external_userid.empty() && !match.pending_id.empty()) matches.push_back(match);
  }
  return matches;
}

absl::StatusOr<std::vector<WecomIdPair>> HttpWecomIds::GetNewExternalUserids(
    const Secret& token, const std::vector<std::string>& external_userids,
    const std::string& chat_id, Deadline deadline) {
  json body = {{"external_userid_list", Texts(external_userids)}};
  if (!chat_id.empty()) body["chat_id"] = chat_id;
  DATONG_ASSIGN_OR_RETURN(Answer answer, AskWecom(http_, chat_id.empty() ? kNewIds : kNewGroupIds,
                                                  Token(token), &body, deadline));
  std::vector<WecomIdPair> pairs;
  for (const json& row : ListField(answer.body, "items")) {
    WecomIdPair pair{TextField(row, "external_userid"), TextField(row, "new_external_userid")};
    if (!pair.from.empty() && !pair.to.empty()) pairs.push_back(std::move(pair));
  }
  return pairs;
}

absl::StatusOr<std::string> HttpWecomIds::ToServiceExternalUserid(
    const Secret& token, const std::string& external_userid, Deadline deadline) {
  const json body = {{"external_userid", external_userid}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kToService, Token(token), &body, deadline));
  std::string converted = TextField(answer.body, "external_userid");
  if (converted.empty()) return IncompleteAnswer("external_userid");
  return converted;
}

absl::StatusOr<std::string> HttpWecomIds::FromServiceExternalUserid(
    const Secret& token, const std::string& external_userid, int64_t source_agentid,
    Deadline deadline) {
  const json body = {{"external_userid", external_userid}, {"source_agentid", source_agentid}};
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          AskWecom(http_, kFromService, Token(token), &body, deadline));
  std::string converted = TextField(answer.body, "external_userid");
  if (converted.empty()) return IncompleteAnswer("external_userid");
  return converted;
}

}  // namespace datong::broker
