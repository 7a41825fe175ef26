#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/wecom/customers.h"

// Customer groups: list, detail, and the conversions of chat_ids.
namespace datong::wechat_sim::wecom {
namespace {

constexpr int64_t kMostListed = 1000;
constexpr int64_t kWeek = 7 * 86400;

json ListGroups(Call& call) {
  const int64_t limit = wechat::NumberField(call.api.body, "limit").value_or(0);
  if (limit < 1 || limit > kMostListed) return call.Refuse(40058);
  std::vector<std::string> owners;
  const json& filter = wechat::ObjectField(call.api.body, "owner_filter");
  for (const json& item : wechat::ListField(filter, "userid_list")) {
    const std::string userid = item.is_string() ? call.UseridOf(item.get<std::string>()) : "";
    if (userid.empty()) return call.Refuse(60111);
    owners.push_back(userid);
  }
  const std::string cursor = call.Body("cursor");
  bool is_before = !cursor.empty();
  json answer = ApiOk();
  json& list = answer["group_chat_list"] = json::array();
  for (const auto& [chat, group] : call.corp->groups) {
    const std::string chat_id = call.SeenChat(chat);
    if (is_before) {
      is_before = chat_id != cursor;
      continue;
    }
    if (group.spec.is_dismissed || !Holds(call.scope(), group.spec.owner) ||
        !Holds(owners, group.spec.owner)) {
      continue;
    }
    if (static_cast<int64_t>(list.size()) == limit) {
      answer["next_cursor"] = list.back()["chat_id"];
      break;
    }
    list.push_back({{"chat_id", chat_id}, {"status", 0}});
  }
  return answer;
}

json MemberJson(Call& call, const GroupMemberSpec& member, bool with_name) {
  const bool is_staff = !member.userid.empty();
  json result = {
      {"userid", is_staff ? call.SeenUserid(member.userid) : call.SeenExternal(member.person)},
      {"type", is_staff ? 1 : 2},
      {"join_time", member.join_time},
      {"join_scene", member.join_scene},
      {"group_nickname", member.group_nickname}};
  if (!member.invitor.empty()) result["invitor"] = {{"userid", call.SeenUserid(member.invitor)}};
  if (!member.state.empty()) result["state"] = member.state;
  if (with_name) result["name"] = member.name;
  if (!is_staff) {
    const std::string unionid = ContactUnionid(call, member.person, member.unionid);
    if (!unionid.empty()) result["unionid"] = unionid;
  }
  return result;
}

json GetGroup(Call& call) {
  const Group* group = call.GroupOf(call.Body("chat_id"));
  if (group == nullptr || group->spec.is_dismissed) return call.Refuse(40058);
  if (!Holds(call.scope(), group->spec.owner)) return call.Refuse(60011);
  const bool with_name = wechat::NumberField(call.api.body, "need_name").value_or(0) == 1;
  json members = json::array();
  for (const GroupMemberSpec& member : group->spec.members) {
    members.push_back(MemberJson(call, member, with_name));
  }
  json admins = json::array();
  for (const std::string& userid : group->spec.admins) {
    admins.push_back({{"userid", call.SeenUserid(userid)}});
  }
  json answer = ApiOk();
  answer["group_chat"] = {{"chat_id", call.SeenChat(group->spec.chat)},
                          {"name", group->spec.name},
                          {"owner", call.SeenUserid(group->spec.owner)},
                          {"create_time", group->spec.create_time},
                          {"notice", group->spec.notice},
                          {"member_list", std::move(members)},
                          {"admin_list", std::move(admins)},
                          {"member_version", MemberVersion(*group)}};
  return answer;
}

json OpengidToChatid(Call& call) {
  const std::string opengid = call.Body("opengid");
  if (opengid.empty()) return call.Refuse(40063);
  for (const auto& [chat, group] : call.corp->groups) {
    if (group.spec.opengid != opengid || group.spec.is_dismissed) continue;
    if (!Holds(call.scope(), group.spec.owner)) return call.Refuse(60011);
    json answer = ApiOk();
    answer["chat_id"] = call.SeenChat(chat);
    return answer;
  }
  return call.Refuse(40058);
}

json ApplyToUpgrade(Call& call) {
  const int64_t at = wechat::NumberField(call.api.body, "upgrade_time").value_or(0);
  if (at < call.now() || at > call.now() + kWeek) return call.Refuse(40058);
  call.install->new_chats_from = at;
  return ApiOk();
}

json UpgradeForNewCorps(Call& call) {
  call.suite->has_new_chats = true;
  return ApiOk();
}

// The provider's view of chat_ids, until the upgrade takes effect.
json NewChatids(Call& call) {
  const int64_t from = call.install->new_chats_from;
  if (from != 0 && call.now() >= from) return call.Refuse(48002);
  json items = json::array();
  json invalid = json::array();
  for (const json& item : wechat::ListField(call.api.body, "chat_id_list")) {
    const Group* group = item.is_string() ? call.GroupOf(item.get<std::string>()) : nullptr;
    if (group == nullptr) {
      invalid.push_back(item);
      continue;
    }
    items.push_back({{"chat_id", item},
                     {"new_chat_id", ChatId(ProviderWideView(call.suite->spec.provider),
                                            call.corp->spec.corpid, group->spec.chat)}});
  }
  json answer = ApiOk();
  answer["items"] = std::move(items);
  answer["invalid_chat_id_list"] = std::move(invalid);
  return answer;
}

}  // namespace

void AddGroupApi(ApiTable& table) {
  const std::string contact = "/cgi-bin/externalcontact/";
  Post(table, contact + "groupchat/list",
       {.auth = Auth::kApp,
        .handle = ListGroups,
        .needs_customers = true,
        .empty_list = "group_chat_list"});
  Post(table, contact + "groupchat/get",
       {.auth = Auth::kApp, .handle = GetGroup, .needs_customers = true});
  Post(table, contact + "opengid_to_chatid",
       {.auth = Auth::kApp, .handle = OpengidToChatid, .needs_customers = true});
  const std::string convert = "/cgi-bin/idconvert/";
  Post(table, convert + "apply_to_upgrade_chatid", {Auth::kApp, ApplyToUpgrade, kAgency});
  Post(table, convert + "upgrade_chatid_for_new_corp", {Auth::kApp, UpgradeForNewCorps, kAgency});
  Post(table, convert + "chatid", {Auth::kApp, NewChatids, kAgency});
}

}  // namespace datong::wechat_sim::wecom
