#include "common/time/shanghai.h"
#include "tools/wechat_sim/api.h"

// /cgi-bin/token and /cgi-bin/stable_token.
namespace datong::wechat_sim {
namespace {

constexpr int64_t kOverlap = 300;
constexpr int64_t kRefreshAhead = 300;
constexpr int64_t kForceGap = 30;
constexpr int kForcesPerDay = 20;

int64_t CheckCredential(ApiCall& call, App** app) {
  const std::string appid = call.Either("appid");
  const std::string secret = call.Either("secret");
  if (call.Either("grant_type") != "client_credential") return 40002;
  if (appid.empty()) return 41002;
  if (secret.empty()) return 41004;
  *app = call.world.Find(appid);
  if (*app == nullptr) return 40013;
  if ((*app)->spec.is_component()) return 61024;
  if ((*app)->spec.secret != secret) return 40125;
  return call.world.quotas.Take(appid, call.path, call.now_s());
}

json TokenAnswer(const Token& token, int64_t now) {
  return {{"access_token", token.value}, {"expires_in", token.expires - now}};
}

json ClassicToken(ApiCall& call) {
  App* app = nullptr;
  if (const int64_t error = CheckCredential(call, &app); error != 0) return ApiError(error);
  return TokenAnswer(
      call.world.tokens.Issue(TokenKind::kClassic, app->spec.appid, "", call.now_s(), kOverlap),
      call.now_s());
}

// Whether a forced refresh may happen; a fault in 45009.
int64_t TakeForce(App& app, int64_t now, bool* forced) {
  const int64_t day = DayNumber(ShanghaiDay(absl::FromUnixSeconds(now)));
  if (app.forced_day != day) {
    app.forced_day = day;
    app.forced_on_day = 0;
  }
  if (app.forced_on_day >= kForcesPerDay) return 45009;
  *forced = app.forced_at == 0 || now >= app.forced_at + kForceGap;
  if (*forced) {
    app.forced_at = now;
    ++app.forced_on_day;
  }
  return 0;
}

json StableToken(ApiCall& call) {
  App* app = nullptr;
  if (const int64_t error = CheckCredential(call, &app); error != 0) return ApiError(error);
  const int64_t now = call.now_s();
  const auto wish = call.body.find("force_refresh");
  bool forced = false;
  if (wish != call.body.end() && wish->is_boolean() && wish->get<bool>()) {
    if (const int64_t error = TakeForce(*app, now, &forced); error != 0) return ApiError(error);
  }
  TokenBook& tokens = call.world.tokens;
  const Token* current = tokens.Current(TokenKind::kStable, app->spec.appid);
  if (!forced && current != nullptr && current->CheckAt(now) == 0 &&
      current->expires - now > kRefreshAhead) {
    return TokenAnswer(*current, now);
  }
  return TokenAnswer(
      tokens.Issue(TokenKind::kStable, app->spec.appid, "", now, forced ? 0 : kRefreshAhead), now);
}

}  // namespace

void AddTokenApi(ApiTable& table) {
  table["/cgi-bin/token"] = {.method = "GET", .handle = ClassicToken};
  table["/cgi-bin/stable_token"] = {.method = "POST", .needs_body = true, .handle = StableToken};
}

}  // namespace datong::wechat_sim
