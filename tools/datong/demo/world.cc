#include "tools/datong/demo/world.h"

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"

namespace datong::demo {
namespace {

using Json = nlohmann::json;

int64_t FollowSecond(const Estate& estate, int day, int person) {
  return absl::ToUnixSeconds(ShanghaiMidnight(estate.first_day + day) + absl::Hours(10)) +
         person % 36'000;
}

// The account's followers of before the story, some of whom will leave in it.
Json Followers(const Estate& estate) {
  Json users = Json::array();
  for (const Person& person : estate.persons) {
    Json user = {{"openid", person.account_openid},
                 {"unionid", person.unionid},
                 {"person", std::to_string(person.id)},
                 {"follows", Json::array()}};
    if (person.follow_day < 0) {
      user["follows"].push_back({{"from", FollowSecond(estate, person.follow_day, person.id)},
                                 {"until", 0},
                                 {"scene", person.subscribe_scene}});
    }
    users.push_back(std::move(user));
  }
  return users;
}

Json Users(const Estate& estate, std::string Person::*openid) {
  Json users = Json::array();
  for (const Person& person : estate.persons) {
    users.push_back({{"openid", person.*openid},
                     {"unionid", person.unionid},
                     {"person", std::to_string(person.id)}});
  }
  return users;
}

}  // namespace

absl::Status FillSimulator(wechat_sim::Simulator& simulator, const Estate& estate,
                           const std::string& callback_url, const std::string& project) {
  const std::string base = absl::StrCat(callback_url, "/wechat/", project);
  const auto app = [](const char* appid, const char* kind, const char* name) {
    return Json{{"appid", appid},
                {"secret", absl::StrCat("secret-of-", appid)},
                {"kind", kind},
                {"name", name},
                {"open_platform_account", kOpenPlatform},
                {"principal_name", "大同演示有限公司"},
                {"verified", true}};
  };
  Json component = app(kComponentAppid, "component", "大同第三方平台");
  component["secret"] = kComponentSecret;
  component["open_platform_account"] = "";
  component["callback"] = {{"url", absl::StrCat(base, "/component/", kComponentAppid, "/events")},
                           {"token", kCallbackToken},
                           {"encoding_aes_key", kEncodingAesKey},
                           {"mode", "secure"}};
  component["message_url"] =
      absl::StrCat(base, "/component/", kComponentAppid, "/$APPID$/messages");
  Json club = app(kClubAppid, "mini_program", "大同会员");
  club["secret"] = kClubSecret;
  Json account = app(kAccountAppid, "official_account", "大同服务号");
  account["service_type"] = 2;
  const Json apps = {
      {"apps", {component, account, app(kShopAppid, "mini_program", "大同商城"), club}}};
  DATONG_RETURN_IF_ERROR(simulator.Admin("POST", "/admin/apps", apps).status());
  const std::pair<const char*, Json> users[] = {{kAccountAppid, Followers(estate)},
                                                {kShopAppid, Users(estate, &Person::shop_openid)},
                                                {kClubAppid, Users(estate, &Person::club_openid)}};
  for (const auto& [appid, list] : users) {
    DATONG_RETURN_IF_ERROR(
        simulator.Admin("POST", "/admin/users", {{"appid", appid}, {"users", list}}).status());
  }
  return absl::OkStatus();
}

}  // namespace datong::demo
