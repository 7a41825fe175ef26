#include "tools/wechat_sim/wecom/json_model.h"

#include <utility>

#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/json_reader.h"

namespace datong::wechat_sim::wecom {
namespace {

absl::Status ReadCallback(const json& in, Callback* callback) {
  const auto it = in.find("callback");
  if (it == in.end()) return absl::OkStatus();
  Reader reader(*it);
  reader.Read("url", &callback->url);
  reader.Read("token", &callback->token);
  reader.Read("encoding_aes_key", &callback->encoding_aes_key);
  return reader.status();
}

absl::Status ReadTags(const json& in, std::vector<Tag>* tags) {
  if (!in.contains("tags")) return absl::OkStatus();
  tags->clear();
  for (const json& item : wechat::ListField(in, "tags")) {
    Reader reader(item);
    Tag& tag = tags->emplace_back();
    reader.Read("group_name", &tag.group_name);
    reader.Read("tag_name", &tag.tag_name);
    reader.Read("tag_id", &tag.tag_id);
    reader.Read("type", &tag.type);
    DATONG_RETURN_IF_ERROR(reader.status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadTexts(const json& in, const char* name, std::vector<std::string>* values) {
  if (!in.contains(name)) return absl::OkStatus();
  values->clear();
  for (const json& item : wechat::ListField(in, name)) {
    if (!item.is_string()) return WrongField(name, "must be a list of texts");
    values->push_back(item.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadAgent(const json& in, AgentSpec* agent) {
  Reader reader(in);
  reader.Read("agentid", &agent->agentid);
  reader.Read("secret", &agent->secret);
  reader.Read("name", &agent->name);
  reader.Read("sees_customers", &agent->sees_customers);
  reader.Read("trusted_domain", &agent->trusted_domain);
  reader.Require("secret", agent->secret);
  DATONG_RETURN_IF_ERROR(reader.status());
  DATONG_RETURN_IF_ERROR(ReadTexts(in, "scope", &agent->scope));
  DATONG_RETURN_IF_ERROR(ReadTexts(in, "allowed_ips", &agent->allowed_ips));
  return ReadCallback(in, &agent->callback);
}

absl::Status ReadMember(const json& in, MemberSpec* member) {
  Reader reader(in);
  reader.Read("userid", &member->userid);
  reader.Read("name", &member->name);
  reader.Read("gender", &member->gender);
  reader.Read("avatar", &member->avatar);
  reader.Read("mobile", &member->mobile);
  reader.Read("email", &member->email);
  reader.Read("biz_mail", &member->biz_mail);
  reader.Read("address", &member->address);
  reader.Read("follows_customers", &member->follows_customers);
  reader.Require("userid", member->userid);
  return reader.status();
}

absl::Status ReadFollow(const json& in, FollowSpec* follow) {
  Reader reader(in);
  reader.Read("userid", &follow->userid);
  reader.Read("remark", &follow->remark);
  reader.Read("description", &follow->description);
  reader.Read("createtime", &follow->createtime);
  reader.Read("remark_corp_name", &follow->remark_corp_name);
  reader.Read("add_way", &follow->add_way);
  reader.Read("by_customer", &follow->by_customer);
  reader.Read("state", &follow->state);
  reader.Read("until", &follow->until);
  reader.Require("userid", follow->userid);
  DATONG_RETURN_IF_ERROR(reader.status());
  DATONG_RETURN_IF_ERROR(ReadTexts(in, "remark_mobiles", &follow->remark_mobiles));
  return ReadTags(in, &follow->tags);
}

absl::Status ReadContact(const json& in, ContactSpec* contact) {
  Reader reader(in);
  reader.Read("person", &contact->person);
  reader.Read("unionid", &contact->unionid);
  reader.Read("type", &contact->type);
  reader.Read("name", &contact->name);
  reader.Read("avatar", &contact->avatar);
  reader.Read("gender", &contact->gender);
  reader.Read("position", &contact->position);
  reader.Read("corp_name", &contact->corp_name);
  reader.Read("corp_full_name", &contact->corp_full_name);
  reader.Require("person", contact->person);
  DATONG_RETURN_IF_ERROR(reader.status());
  if (!in.contains("follows")) return absl::OkStatus();
  contact->follows.clear();
  for (const json& item : wechat::ListField(in, "follows")) {
    DATONG_RETURN_IF_ERROR(ReadFollow(item, &contact->follows.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadGroupMember(const json& in, GroupMemberSpec* member) {
  Reader reader(in);
  reader.Read("userid", &member->userid);
  reader.Read("person", &member->person);
  reader.Read("name", &member->name);
  reader.Read("group_nickname", &member->group_nickname);
  reader.Read("unionid", &member->unionid);
  reader.Read("join_time", &member->join_time);
  reader.Read("join_scene", &member->join_scene);
  reader.Read("invitor", &member->invitor);
  reader.Read("state", &member->state);
  if (member->userid.empty() == member->person.empty()) {
    return WrongField("members", "need userid or person each");
  }
  return reader.status();
}

absl::Status ReadGroup(const json& in, GroupSpec* group) {
  Reader reader(in);
  reader.Read("chat", &group->chat);
  reader.Read("opengid", &group->opengid);
  reader.Read("name", &group->name);
  reader.Read("owner", &group->owner);
  reader.Read("notice", &group->notice);
  reader.Read("create_time", &group->create_time);
  reader.Require("chat", group->chat);
  reader.Require("owner", group->owner);
  DATONG_RETURN_IF_ERROR(reader.status());
  DATONG_RETURN_IF_ERROR(ReadTexts(in, "admins", &group->admins));
  if (!in.contains("members")) return absl::OkStatus();
  group->members.clear();
  for (const json& item : wechat::ListField(in, "members")) {
    DATONG_RETURN_IF_ERROR(ReadGroupMember(item, &group->members.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadCorp(const json& in, CorpSpec* corp) {
  Reader reader(in);
  reader.Read("corpid", &corp->corpid);
  reader.Read("name", &corp->name);
  reader.Read("entity", &corp->entity);
  reader.Read("verified", &corp->verified);
  reader.Read("subject_type", &corp->subject_type);
  reader.Read("developer_appid", &corp->developer_appid);
  reader.Read("kf_developer_appid", &corp->kf_developer_appid);
  reader.Read("payment_appid", &corp->payment_appid);
  reader.Require("corpid", corp->corpid);
  return reader.status();
}

absl::Status ReadProvider(const json& in, ProviderSpec* provider) {
  Reader reader(in);
  reader.Read("corpid", &provider->corpid);
  reader.Read("secret", &provider->secret);
  reader.Read("name", &provider->name);
  reader.Read("entity", &provider->entity);
  reader.Read("verified", &provider->verified);
  reader.Require("corpid", provider->corpid);
  return reader.status();
}

absl::Status ReadSuite(const json& in, SuiteSpec* suite) {
  Reader reader(in);
  reader.Read("suite_id", &suite->suite_id);
  reader.Read("secret", &suite->secret);
  reader.Read("provider", &suite->provider);
  reader.Read("name", &suite->name);
  reader.Read("data_url", &suite->data_url);
  reader.Read("redirect_domain", &suite->redirect_domain);
  reader.Read("trusted_domain", &suite->trusted_domain);
  reader.Read("is_published", &suite->is_published);
  reader.Read("sees_customers", &suite->sees_customers);
  reader.Read("ticket_interval_s", &suite->ticket_interval_s);
  reader.Require("suite_id", suite->suite_id);
  reader.Require("provider", suite->provider);
  DATONG_RETURN_IF_ERROR(reader.status());
  DATONG_RETURN_IF_ERROR(ReadTexts(in, "allowed_ips", &suite->allowed_ips));
  return ReadCallback(in, &suite->callback);
}

absl::Status ReadWecomSettings(const json& in, WecomSettings* settings) {
  Reader reader(in);
  reader.Read("omit_errcode", &settings->omit_errcode);
  reader.Read("push_page_installs", &settings->push_page_installs);
  reader.Read("visible_after_s", &settings->visible_after_s);
  reader.Read("pending_again", &settings->pending_again);
  reader.Read("empty_pending_rows", &settings->empty_pending_rows);
  reader.Read("legacy_agency_unionid", &settings->legacy_agency_unionid);
  reader.OneOf("pending_again", settings->pending_again, {"renew", "replace"});
  return reader.status();
}

}  // namespace datong::wechat_sim::wecom
