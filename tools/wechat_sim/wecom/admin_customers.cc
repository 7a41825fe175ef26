#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/json_reader.h"
#include "tools/wechat_sim/wecom/admin_call.h"
#include "tools/wechat_sim/wecom/customers.h"
#include "tools/wechat_sim/wecom/events.h"
#include "tools/wechat_sim/wecom/json_model.h"
#include "tools/wechat_sim/wecom/logins.h"

// What customers and members do, and the truth about them.
namespace datong::wechat_sim::wecom {
namespace {

using wechat::ListField;
using wechat::NumberField;
using wechat::TextField;

bool Flag(const json& from, const char* name, bool otherwise) {
  const auto it = from.find(name);
  return it == from.end() || !it->is_boolean() ? otherwise : it->get<bool>();
}

FollowSpec* StandingFollow(ContactSpec& contact, const std::string& userid) {
  for (FollowSpec& follow : contact.follows) {
    if (follow.userid == userid && follow.until == 0) return &follow;
  }
  return nullptr;
}

// Adds, changes or ends the relation that an event tells of.
absl::Status Apply(const AdminCall& call, Corp& corp, const ContactEvent& event, int64_t at) {
  const bool is_addition = absl::StartsWith(event.change_type, "add_");
  if (!is_addition && corp.contacts.count(event.person) == 0) {
    return WrongField("person", "is no contact");
  }
  ContactSpec& contact = corp.contacts[event.person];
  DATONG_RETURN_IF_ERROR(ReadContact(call.body, &contact));
  if (contact.name.empty()) contact.name = contact.person;
  FollowSpec* follow = StandingFollow(contact, event.userid);
  if (is_addition && follow != nullptr) return WrongField("person", "is added already");
  if (!is_addition && follow == nullptr && event.change_type != "transfer_fail") {
    return WrongField("userid", "does not have the contact");
  }
  if (is_addition) {
    follow = &contact.follows.emplace_back();
    follow->createtime = at;
    follow->visible_from = at + call.estate.settings.visible_after_s;
  }
  if (follow != nullptr) DATONG_RETURN_IF_ERROR(ReadFollow(call.body, follow));
  if (absl::StartsWith(event.change_type, "del_")) follow->until = at;
  call.estate.Remember(corp, event.person);
  return absl::OkStatus();
}

}  // namespace

Result ChangeContact(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Corp * corp, call.FindCorp());
  ContactEvent event;
  Reader reader(call.body);
  reader.Read("change", &event.change_type);
  reader.Read("userid", &event.userid);
  reader.Read("person", &event.person);
  reader.Read("state", &event.state);
  reader.Read("source", &event.source);
  reader.Read("fail_reason", &event.fail_reason);
  reader.Require("person", event.person);
  reader.OneOf("change", event.change_type,
               {"add_external_contact", "add_half_external_contact", "edit_external_contact",
                "del_external_contact", "del_follow_user", "transfer_fail", "msg_audit_approved"});
  DATONG_RETURN_IF_ERROR(reader.status());
  if (corp->members.count(event.userid) == 0) return WrongField("userid", "is no member");
  const bool greets =
      absl::StartsWith(event.change_type, "add_") || event.change_type == "msg_audit_approved";
  const int64_t at = NumberField(call.body, "at_s").value_or(call.now);
  DATONG_RETURN_IF_ERROR(Apply(call, *corp, event, at));
  if (!greets) event.state.clear();
  if (greets && IsWechatUser(*corp, event.person) && Flag(call.body, "welcome", true)) {
    event.welcome_code = RandomText(43);
  }
  if (Flag(call.body, "push", true)) {
    PushContactEvent(call.world, *corp, event, at,
                     static_cast<int>(NumberField(call.body, "copies").value_or(1)));
  }
  return json{
      {"external_userid", call.estate.ids.External(CorpView(corp->spec.corpid), event.person,
                                                   IsWechatUser(*corp, event.person))}};
}

Result ChangeGroup(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Corp * corp, call.FindCorp());
  GroupEvent event;
  Reader reader(call.body);
  reader.Read("change", &event.change_type);
  reader.Read("detail", &event.update_detail);
  reader.Read("join_scene", &event.join_scene);
  reader.Read("quit_scene", &event.quit_scene);
  reader.OneOf("change", event.change_type, {"create", "update", "dismiss"});
  DATONG_RETURN_IF_ERROR(reader.status());
  const std::string chat = TextField(call.body, "chat");
  if ((event.change_type == "create") == (corp->groups.count(chat) == 1)) {
    return WrongField("chat", "is unknown, or known already");
  }
  Group& group = corp->groups[chat];
  event.last_version = MemberVersion(group);
  json body = call.body;
  if (event.change_type == "update") {
    for (const json& item : ListField(call.body, "members")) {
      DATONG_RETURN_IF_ERROR(ReadGroupMember(item, &event.members.emplace_back()));
    }
    body.erase("members");
  }
  DATONG_RETURN_IF_ERROR(ReadGroup(body, &group.spec));
  std::vector<GroupMemberSpec>& members = group.spec.members;
  for (const GroupMemberSpec& member : event.members) {
    members.erase(std::remove_if(members.begin(), members.end(),
                                 [&](const GroupMemberSpec& other) {
                                   return other.userid == member.userid &&
                                          other.person == member.person;
                                 }),
                  members.end());
    if (event.update_detail == "add_member") {
      members.push_back(member);
      if (member.join_time == 0) members.back().join_time = call.now;
    }
  }
  group.spec.is_dismissed = event.change_type == "dismiss";
  if (event.change_type == "update") ++group.version;
  call.estate.PutGroup(*corp, group.spec, call.now);
  if (Flag(call.body, "push", true)) {
    PushGroupEvent(call.world, *corp, group, event, call.now,
                   static_cast<int>(NumberField(call.body, "copies").value_or(1)));
  }
  return json{{"chat_id", ChatId(CorpView(corp->spec.corpid), corp->spec.corpid, chat)}};
}

Result VisitKf(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Corp * corp, call.FindCorp());
  const std::string person = TextField(call.body, "person");
  if (person.empty()) return WrongField("person", "is missing");
  corp->kf_visits[person] = {call.now, TextField(call.body, "scene"),
                             TextField(call.body, "scene_param")};
  call.estate.Remember(*corp, person);
  return json{
      {"external_userid", call.estate.ids.External(CorpView(corp->spec.corpid), person, true)}};
}

Result MakeLoginCode(const AdminCall& call) {
  LoginCode code = {.audience = AudienceOf(call.estate, TextField(call.body, "appid"))};
  if (code.audience.empty()) return WrongField("appid", "is no corp's and no suite's");
  code.is_web = TextField(call.body, "kind") != "mini_program";
  code.userid = TextField(call.body, "userid");
  code.person = TextField(call.body, "person");
  code.domain = TextField(call.body, "domain");
  code.is_private = TextField(call.body, "scope") == "snsapi_privateinfo";
  const std::string corpid = TextField(call.body, "corpid");
  const Corp* corp = call.estate.FindCorp(corpid.empty() ? code.audience : corpid);
  if (corp != nullptr) code.corpid = corp->spec.corpid;
  if (code.person.empty() && (corp == nullptr || corp->members.count(code.userid) == 0)) {
    return WrongField("userid", "is no member of the corp");
  }
  return json{{"code", MintLoginCode(call.estate, std::move(code), call.now)}};
}

Result MakeTemporaryId(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(const Corp* corp, call.FindCorp());
  TemporaryId made = {.corpid = corp->spec.corpid};
  Reader reader(call.body);
  reader.Read("business_type", &made.business_type);
  reader.Read("user_type", &made.user_type);
  reader.Read("person", &made.person);
  reader.Read("other_corpid", &made.other_corpid);
  reader.Read("userid", &made.userid);
  DATONG_RETURN_IF_ERROR(reader.status());
  const std::string id = absl::StrCat("ou", RandomText(30));
  call.estate.temporary_ids[id] = std::move(made);
  return json{{"id", id}};
}

Result Truth(const AdminCall& call) {
  json corps = json::object();
  for (const auto& [key, corp] : call.estate.corps) {
    json contacts = json::array();
    for (const auto& [person, contact] : corp.contacts) {
      json ids = {{"corp", call.estate.ids.External(CorpView(corp.spec.corpid), person,
                                                    contact.type == 1)}};
      for (const auto& [names, install] : call.estate.installs.installs()) {
        if (install.corpid != corp.spec.corpid) continue;
        ids[install.suite_id] =
            call.estate.ids.External(call.estate.ExternalView(install), person, contact.type == 1);
      }
      json follows = json::array();
      for (const FollowSpec& follow : contact.follows) {
        follows.push_back(
            {{"userid", follow.userid}, {"from", follow.createtime}, {"until", follow.until}});
      }
      contacts.push_back({{"person", person},
                          {"type", contact.type},
                          {"unionid", BoundUnionid(call.world, corp, corp.spec.developer_appid,
                                                   person, contact.unionid)},
                          {"external_userids", std::move(ids)},
                          {"follows", std::move(follows)}});
    }
    json groups = json::array();
    for (const auto& [chat, group] : corp.groups) {
      groups.push_back({{"chat", chat},
                        {"chat_id", ChatId(CorpView(corp.spec.corpid), corp.spec.corpid, chat)},
                        {"members", group.spec.members.size()},
                        {"dismissed", group.spec.is_dismissed}});
    }
    json installs = json::array();
    for (const auto& [names, install] : call.estate.installs.installs()) {
      if (install.corpid != corp.spec.corpid) continue;
      installs.push_back({{"suite_id", install.suite_id},
                          {"standing", install.is_standing},
                          {"agentid", install.agentid},
                          {"corpid", call.estate.SeenCorpid(install)},
                          {"scope", install.scope}});
    }
    corps[corp.spec.corpid] = {{"contacts", std::move(contacts)},
                               {"groups", std::move(groups)},
                               {"installs", std::move(installs)}};
  }
  return json{{"corps", std::move(corps)}};
}

}  // namespace datong::wechat_sim::wecom
