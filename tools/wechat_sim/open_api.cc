#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "tools/wechat_sim/api.h"

// The Open Platform account of an account: which one, and binding by API.
namespace datong::wechat_sim {
namespace {

constexpr size_t kMostOfUnverified = 5;

json OpenHave(ApiCall& call) {
  json answer = ApiOk();
  answer["have_open"] = !call.app->spec.open_platform_account.empty();
  return answer;
}

json OpenGet(ApiCall& call) {
  const std::string appid = call.Body("appid");
  if (!appid.empty() && appid != call.app->spec.appid) return ApiError(40013);
  if (call.app->spec.open_platform_account.empty()) return ApiError(89002);
  json answer = ApiOk();
  answer["open_appid"] = call.app->spec.open_platform_account;
  return answer;
}

// Those of accounts made by API belong to the entity that made them; of others, to whom they are
// bound.
bool IsOfEntity(const World& world, const std::string& open_appid, const std::string& entity) {
  const auto made = world.made_open_accounts.find(open_appid);
  if (made != world.made_open_accounts.end()) return made->second == entity;
  for (const auto& [appid, app] : world.apps) {
    if (app.spec.open_platform_account == open_appid) return app.spec.principal_name == entity;
  }
  return false;
}

size_t CountBound(const World& world, const std::string& open_appid) {
  size_t count = 0;
  for (const auto& [appid, app] : world.apps) {
    if (app.spec.open_platform_account == open_appid) ++count;
  }
  return count;
}

json OpenCreate(ApiCall& call) {
  AppSpec& app = call.app->spec;
  const std::string appid = call.Body("appid");
  if (!appid.empty() && appid != app.appid) return ApiError(40013);
  if (!app.open_platform_account.empty()) return ApiError(89000);
  app.open_platform_account = absl::StrCat("wx", RandomHex(8));
  call.world.made_open_accounts[app.open_platform_account] = app.principal_name;
  json answer = ApiOk();
  answer["open_appid"] = app.open_platform_account;
  return answer;
}

json OpenBind(ApiCall& call) {
  AppSpec& app = call.app->spec;
  const std::string appid = call.Body("appid");
  const std::string open_appid = call.Body("open_appid");
  if ((!appid.empty() && appid != app.appid) || open_appid.empty()) return ApiError(40013);
  if (!app.open_platform_account.empty()) return ApiError(89000);
  if (!IsOfEntity(call.world, open_appid, app.principal_name)) return ApiError(89001);
  if (call.world.made_open_accounts.contains(open_appid) &&
      CountBound(call.world, open_appid) >= kMostOfUnverified) {
    return ApiError(89004);
  }
  app.open_platform_account = open_appid;
  return ApiOk();
}

json OpenUnbind(ApiCall& call) {
  AppSpec& app = call.app->spec;
  const std::string appid = call.Body("appid");
  if (!appid.empty() && appid != app.appid) return ApiError(40013);
  if (app.open_platform_account.empty() || call.Body("open_appid") != app.open_platform_account) {
    return ApiError(89002);
  }
  if (!call.world.made_open_accounts.contains(app.open_platform_account)) return ApiError(89003);
  app.open_platform_account.clear();
  return ApiOk();
}

}  // namespace

void AddOpenApi(ApiTable& table) {
  table["/cgi-bin/open/have"] = {.method = "GET",
                                 .auth = Auth::kAccount,
                                 .official_sets = {3},
                                 .mini_sets = {30},
                                 .handle = OpenHave};
  Endpoint managed{.method = "POST",
                   .auth = Auth::kAccount,
                   .official_sets = {24, 25},
                   .mini_sets = {24, 25},
                   .handle = OpenGet};
  table["/cgi-bin/open/get"] = managed;
  managed.handle = OpenCreate;
  table["/cgi-bin/open/create"] = managed;
  managed.handle = OpenBind;
  table["/cgi-bin/open/bind"] = managed;
  managed.handle = OpenUnbind;
  table["/cgi-bin/open/unbind"] = managed;
}

}  // namespace datong::wechat_sim
