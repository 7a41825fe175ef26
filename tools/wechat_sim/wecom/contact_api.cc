#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/wecom/customers.h"

// /cgi-bin/externalcontact/*: members and their customers; and the customer service's.
namespace datong::wechat_sim::wecom {
namespace {

constexpr size_t kMostFollowers = 500;
constexpr size_t kMostListed = 100;

// Cursors are opaque to clients: where to go on.
size_t ReadCursor(const std::string& cursor) {
  size_t at = 0;
  return absl::SimpleHexAtoi(cursor.substr(std::min<size_t>(cursor.size(), 8)), &at) ? at : 0;
}
std::string WriteCursor(size_t at) { return absl::StrCat("r9FqSqsI", absl::Hex(at)); }

json FollowUserList(Call& call) {
  json answer = ApiOk();
  answer["follow_user"] = json::array();
  for (const auto& [userid, member] : call.corp->members) {
    if (!member.follows_customers || !Holds(call.scope(), userid)) continue;
    answer["follow_user"].push_back(call.SeenUserid(userid));
  }
  return answer;
}

// The member of a parameter; an errcode when there is none in the visible range.
int64_t FindMember(const Call& call, const std::string& seen, std::string* userid) {
  if (seen.empty()) return 40063;
  *userid = call.UseridOf(seen);
  if (userid->empty()) return 40003;
  return Holds(call.scope(), *userid) ? 0 : 60011;
}

json List(Call& call) {
  std::string userid;
  if (const int64_t error = FindMember(call, call.Query("userid"), &userid); error != 0) {
    return call.Refuse(error);
  }
  json answer = ApiOk();
  answer["external_userid"] = json::array();
  for (const auto& [person, contact] : call.corp->contacts) {
    if (IsContact(call.estate, *call.corp, person, {userid}, call.now())) {
      answer["external_userid"].push_back(call.SeenExternal(person));
    }
  }
  return answer["external_userid"].empty() ? call.Refuse(84061) : answer;
}

json ContactJson(Call& call, const ContactSpec& contact) {
  json result = {{"external_userid", call.SeenExternal(contact.person)},
                 {"name", contact.name},
                 {"type", contact.type},
                 {"gender", contact.gender}};
  if (call.developer() != kThirdParty) result["avatar"] = contact.avatar;
  if (contact.type == 2) {
    result["position"] = contact.position;
    result["corp_name"] = contact.corp_name;
    result["corp_full_name"] = contact.corp_full_name;
    result["external_profile"] = {
        {"external_attr",
         {{{"type", 0}, {"name", "文本名称"}, {"text", {{"value", contact.corp_name}}}}}}};
  }
  const std::string unionid = ContactUnionid(call, contact.person, contact.unionid);
  if (!unionid.empty()) result["unionid"] = unionid;
  return result;
}

json FollowJson(Call& call, const ContactSpec& contact, const FollowSpec& follow) {
  json result = {{"userid", call.SeenUserid(follow.userid)},
                 {"remark", follow.remark},
                 {"description", follow.description},
                 {"createtime", follow.createtime},
                 {"add_way", follow.add_way},
                 {"oper_userid", follow.by_customer ? call.SeenExternal(contact.person)
                                                    : call.SeenUserid(follow.userid)}};
  if (call.developer() != kThirdParty) result["remark_mobiles"] = follow.remark_mobiles;
  if (!follow.remark_corp_name.empty()) result["remark_corp_name"] = follow.remark_corp_name;
  if (!follow.state.empty()) result["state"] = follow.state;
  return result;
}

json TagsJson(const FollowSpec& follow) {
  json tags = json::array();
  for (const Tag& tag : follow.tags) {
    json item = {{"group_name", tag.group_name}, {"tag_name", tag.tag_name}, {"type", tag.type}};
    if (tag.type != 2) item["tag_id"] = tag.tag_id;
    tags.push_back(std::move(item));
  }
  return tags;
}

json TagIdsJson(const FollowSpec& follow) {
  json ids = json::array();
  for (const Tag& tag : follow.tags) {
    if (tag.type != 2) ids.push_back(tag.tag_id);
  }
  return ids;
}

json GetContact(Call& call) {
  const std::string external_userid = call.Query("external_userid");
  if (external_userid.empty()) return call.Refuse(40063);
  const std::string person = call.PersonOf(external_userid);
  if (person.empty()) return call.Refuse(40096);
  const auto it = call.corp->contacts.find(person);
  if (it == call.corp->contacts.end()) return call.Refuse(84061);
  const auto follows = FollowsOf(call.estate, it->second, call.scope(), call.now());
  if (follows.empty()) return call.Refuse(84061);
  json answer = ApiOk();
  answer["external_contact"] = ContactJson(call, it->second);
  answer["follow_user"] = json::array();
  const size_t begin = ReadCursor(call.Query("cursor"));
  const size_t end = std::min(follows.size(), begin + kMostFollowers);
  for (size_t i = begin; i < end; ++i) {
    json item = FollowJson(call, it->second, *follows[i]);
    item["tags"] = TagsJson(*follows[i]);
    answer["follow_user"].push_back(std::move(item));
  }
  if (end < follows.size()) answer["next_cursor"] = WriteCursor(end);
  return answer;
}

json GetByUser(Call& call) {
  const json& list = wechat::ListField(call.api.body, "userid_list");
  if (list.empty()) return call.Refuse(40063);
  if (list.size() > kMostListed) return call.Refuse(40058);
  std::vector<std::string> userids;
  for (const json& item : list) {
    std::string userid;
    const std::string seen = item.is_string() ? item.get<std::string>() : "";
    if (const int64_t error = FindMember(call, seen, &userid); error != 0) {
      return call.Refuse(error);
    }
    userids.push_back(userid);
  }
  int64_t limit = wechat::NumberField(call.api.body, "limit").value_or(50);
  limit = limit <= 0 ? 50 : std::min<int64_t>(limit, kMostListed);
  const size_t begin = ReadCursor(call.Body("cursor"));
  const size_t end = begin + static_cast<size_t>(limit);
  json answer = ApiOk();
  answer["external_contact_list"] = json::array();
  answer["next_cursor"] = "";
  size_t row = 0;
  for (const auto& [person, contact] : call.corp->contacts) {
    for (const FollowSpec* follow : FollowsOf(call.estate, contact, userids, call.now())) {
      if (row >= begin && row < end) {
        json info = FollowJson(call, contact, *follow);
        info["tag_id"] = TagIdsJson(*follow);
        answer["external_contact_list"].push_back(
            {{"external_contact", ContactJson(call, contact)}, {"follow_info", std::move(info)}});
      }
      ++row;
    }
  }
  if (end < row) answer["next_cursor"] = WriteCursor(end);
  return answer["external_contact_list"].empty() && begin == 0 ? call.Refuse(84061) : answer;
}

json KfBatchGet(Call& call) {
  const json& list = wechat::ListField(call.api.body, "external_userid_list");
  if (list.empty()) return call.Refuse(40063);
  if (list.size() > kMostListed) return call.Refuse(40058);
  const bool with_context =
      wechat::NumberField(call.api.body, "need_enter_session_context").value_or(0) == 1;
  const bool is_own = call.developer() == kSelfBuilt;
  json customers = json::array();
  json invalid = json::array();
  for (const json& item : list) {
    const std::string id = item.is_string() ? item.get<std::string>() : "";
    const std::string person = call.PersonOf(id);
    const auto visit = call.corp->kf_visits.find(person);
    if (visit == call.corp->kf_visits.end() || call.now() >= visit->second.at + 48 * 3600) {
      invalid.push_back(item);
      continue;
    }
    const auto known = call.corp->contacts.find(person);
    const ContactSpec contact =
        known == call.corp->contacts.end() ? ContactSpec{.person = person} : known->second;
    json row = {{"external_userid", id},
                {"nickname", contact.name},
                {"gender", is_own ? contact.gender : 0}};
    if (is_own) {
      row["avatar"] = contact.avatar;
      const std::string unionid = BoundUnionid(
          call.api.world, *call.corp, call.corp->spec.kf_developer_appid, person, contact.unionid);
      if (!unionid.empty()) row["unionid"] = unionid;
    }
    if (with_context) {
      row["enter_session_context"] = {{"scene", visit->second.scene},
                                      {"scene_param", visit->second.scene_param}};
    }
    customers.push_back(std::move(row));
  }
  json answer = ApiOk();
  answer["customer_list"] = std::move(customers);
  answer["invalid_external_userid"] = std::move(invalid);
  return answer;
}

json PaymentOpenid(Call& call, const std::string& person) {
  const std::string& appid = call.corp->spec.payment_appid;
  App* app = appid.empty() ? nullptr : call.api.world.Find(appid);
  json answer = ApiOk();
  if (app == nullptr) {
    answer["openid"] =
        Derive("o", absl::StrCat("payment|", call.corp->spec.corpid, "|", person), 28);
    return answer;
  }
  const UserSpec* user = app->population.FindPerson(person);
  if (user == nullptr) return call.Refuse(43004);
  answer["openid"] = user->openid;
  return answer;
}

json ContactToOpenid(Call& call) {
  const std::string person = call.PersonOf(call.Body("external_userid"));
  if (person.empty() || !IsWechatUser(*call.corp, person)) return call.Refuse(40096);
  return PaymentOpenid(call, person);
}

json MemberToOpenid(Call& call) {
  const std::string userid = call.UseridOf(call.Body("userid"));
  if (userid.empty()) return call.Refuse(60111);
  return PaymentOpenid(call, absl::StrCat("staff|", userid));
}

}  // namespace

void AddContactApi(ApiTable& table) {
  const std::string contact = "/cgi-bin/externalcontact/";
  Get(table, contact + "get_follow_user_list",
      {.auth = Auth::kApp,
       .handle = FollowUserList,
       .needs_customers = true,
       .empty_list = "follow_user"});
  Get(table, contact + "list",
      {.auth = Auth::kApp,
       .handle = List,
       .needs_customers = true,
       .empty_list = "external_userid"});
  Get(table, contact + "get",
      {.auth = Auth::kApp,
       .handle = GetContact,
       .needs_customers = true,
       .empty_list = "follow_user"});
  Post(table, contact + "batch/get_by_user",
       {.auth = Auth::kApp,
        .handle = GetByUser,
        .needs_customers = true,
        .empty_list = "external_contact_list"});
  Post(table, contact + "convert_to_openid",
       {.auth = Auth::kApp, .handle = ContactToOpenid, .needs_customers = true});
  Post(table, "/cgi-bin/user/convert_to_openid", {.auth = Auth::kApp, .handle = MemberToOpenid});
  Post(table, "/cgi-bin/kf/customer/batchget",
       {.auth = Auth::kApp, .handle = KfBatchGet, .empty_list = "customer_list"});
}

}  // namespace datong::wechat_sim::wecom
