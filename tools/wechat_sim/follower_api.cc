#include "common/wechat/answer.h"
#include "tools/wechat_sim/api.h"

// /cgi-bin/user/*.
namespace datong::wechat_sim {
namespace {

constexpr size_t kPage = 10000;
constexpr size_t kBatch = 100;

json UserGet(ApiCall& call) {
  std::vector<std::string> openids;
  if (!call.app->population.Page(call.Query("next_openid"), kPage, call.now_s(), &openids)) {
    return ApiError(40003);
  }
  json answer = {{"total", call.app->population.CountAt(call.now_s())},
                 {"count", openids.size()},
                 {"next_openid", openids.empty() ? "" : openids.back()}};
  // Nobody: no `data` at all.
  if (!openids.empty()) answer["data"] = {{"openid", openids}};
  return answer;
}

json InfoOf(const App& app, const UserSpec& user, int64_t now) {
  const FollowPeriod* period = PeriodAt(user, now);
  if (period == nullptr) return {{"subscribe", 0}, {"openid", user.openid}};
  json info = {{"subscribe", 1},
               {"openid", user.openid},
               {"language", "zh_CN"},
               {"subscribe_time", period->from},
               {"remark", ""},
               {"groupid", 0},
               {"tagid_list", json::array()},
               {"subscribe_scene", period->scene},
               {"qr_scene", 0},
               {"qr_scene_str", period->qr_scene}};
  const std::string unionid = UnionidOf(app, user);
  if (!unionid.empty()) info["unionid"] = unionid;
  return info;
}

json UserInfo(ApiCall& call) {
  const std::string openid = call.Query("openid");
  if (openid.empty()) return ApiError(41009);
  const UserSpec* user = call.app->population.Find(openid);
  if (user == nullptr || user->broken) return ApiError(40003);
  return InfoOf(*call.app, *user, call.now_s());
}

json UserInfoBatch(ApiCall& call) {
  const json& users = wechat::ListField(call.body, "user_list");
  if (users.empty()) return ApiError(40031);
  if (users.size() > kBatch) return ApiError(40032);
  json list = json::array();
  for (const json& item : users) {
    const UserSpec* user = call.app->population.Find(wechat::TextField(item, "openid"));
    // One bad openid spoils the whole batch.
    if (user == nullptr || user->broken) return ApiError(40003);
    list.push_back(InfoOf(*call.app, *user, call.now_s()));
  }
  return {{"user_info_list", std::move(list)}};
}

}  // namespace

void AddFollowerApi(ApiTable& table) {
  const auto add = [&table](const std::string& path, const std::string& method, bool needs_body,
                            json (*handle)(ApiCall&)) {
    table[path] = {.method = method,
                   .auth = Auth::kAccount,
                   .official_sets = {2, 100},
                   .official_only = true,
                   .needs_body = needs_body,
                   .handle = handle};
  };
  add("/cgi-bin/user/get", "GET", false, UserGet);
  add("/cgi-bin/user/info", "GET", false, UserInfo);
  add("/cgi-bin/user/info/batchget", "POST", true, UserInfoBatch);
}

}  // namespace datong::wechat_sim
