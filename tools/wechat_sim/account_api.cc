#include <algorithm>

#include "absl/strings/match.h"
#include "tools/wechat_sim/api.h"

// What else an account answers: itself, quotas, messages out.
namespace datong::wechat_sim {
namespace {

constexpr size_t kRememberedMessages = 1000;

json BasicInfo(ApiCall& call) {
  const AppSpec& app = call.app->spec;
  const bool is_person = app.principal_name == "个人";
  json answer = ApiOk();
  answer.update({
      {"appid", app.appid},
      {"account_type", app.is_mini_program()   ? 3
                       : app.service_type == 2 ? 2
                                               : 1},
      {"principal_type", is_person ? 0 : 1},
      {"principal_name", app.principal_name},
      {"credential", "100000000000000000"},
      {"customer_type", app.verified ? 1 : 0},
      {"realname_status", app.realname_status},
      {"registered_country", 1017},
      {"nickname", app.name},
      {"wx_verify_info",
       {{"qualification_verify", app.verified},
        {"naming_verify", app.verified},
        {"annual_review", app.verified},
        {"annual_review_begin_time", call.now_s() - 86400 * 30},
        {"annual_review_end_time", call.now_s() + 86400 * 335}}},
      {"signature_info",
       {{"signature", "功能介绍"}, {"modify_used_count", 1}, {"modify_quota", 5}}},
      {"head_image_info",
       {{"head_image_url", "http://mmbiz.qpic.cn/mmbiz/a/0"},
        {"modify_used_count", 3},
        {"modify_quota", 5}}},
      {"nickname_info", {{"nickname", app.name}, {"modify_used_count", 1}, {"modify_quota", 2}}},
  });
  if (is_person) answer.erase("credential");
  return answer;
}

json CallbackIps(ApiCall&) { return {{"ip_list", {"127.0.0.1"}}}; }

json JsTicket(ApiCall& call) {
  const std::string type = call.Query("type");
  if (type != "jsapi" && type != "wx_card") return ApiError(40097);
  if (call.by_component) {
    const std::vector<int>& sets =
        call.world.authorizations.FindGrant(call.token->component, call.app->spec.appid)->sets;
    const int wanted = type == "jsapi" ? 4 : 8;
    if (std::find(sets.begin(), sets.end(), wanted) == sets.end()) return ApiError(61007);
  }
  json answer = ApiOk();
  answer["ticket"] = RandomText(86);
  answer["expires_in"] = 7200;
  return answer;
}

json SendCustomMessage(ApiCall& call) {
  const std::string openid = call.Body("touser");
  if (openid.empty() || call.app->population.Find(openid) == nullptr) return ApiError(40003);
  if (call.Body("msgtype").empty()) return ApiError(40035);
  std::deque<json>& messages = call.world.messages;
  if (messages.size() >= kRememberedMessages) messages.pop_front();
  messages.push_back({{"appid", call.app->spec.appid},
                      {"touser", openid},
                      {"msgtype", call.Body("msgtype")},
                      {"at_s", call.now_s()},
                      {"body", call.body}});
  return ApiOk();
}

json QuotaGet(ApiCall& call) {
  const std::string path = call.Body("cgi_path");
  if (!absl::StartsWith(path, "/")) return ApiError(76021);
  if (absl::StartsWith(path, "/sns/")) return ApiError(76022);
  const QuotaBook::Count count = call.world.quotas.Get(call.app->spec.appid, path, call.now_s());
  json answer = ApiOk();
  answer["quota"] = {{"daily_limit", count.daily_limit},
                     {"used", count.used},
                     {"remain", count.daily_limit - count.used}};
  const int64_t per_minute = count.minute_limit > 0 ? count.minute_limit : 1'000'000;
  answer["rate_limit"] = {{"call_count", per_minute}, {"refresh_second", 60}};
  answer["component_rate_limit"] = answer["rate_limit"];
  return answer;
}

json ClearQuota(ApiCall& call) {
  if (call.Body("appid") != call.app->spec.appid) return ApiError(40013);
  return call.world.quotas.Clear(call.app->spec.appid, call.now_s()) ? ApiOk() : ApiError(48006);
}

json ClearQuotaWithSecret(ApiCall& call) {
  const std::string appid = call.Either("appid");
  const std::string secret = call.Either("appsecret");
  if (appid.empty()) return ApiError(41002);
  if (secret.empty()) return ApiError(41004);
  const App* app = call.world.Find(appid);
  if (app == nullptr) return ApiError(40013);
  if (app->spec.secret != secret) return ApiError(40125);
  return call.world.quotas.Clear(appid, call.now_s()) ? ApiOk() : ApiError(48006);
}

}  // namespace

void AddAccountApi(ApiTable& table) {
  table["/cgi-bin/account/getaccountbasicinfo"] = {
      .auth = Auth::kAccount, .official_sets = {3}, .mini_sets = {30}, .handle = BasicInfo};
  table["/cgi-bin/getcallbackip"] = {
      .method = "GET", .auth = Auth::kAccount, .handle = CallbackIps};
  table["/cgi-bin/get_api_domain_ip"] = table["/cgi-bin/getcallbackip"];
  table["/cgi-bin/ticket/getticket"] = {
      .method = "GET", .auth = Auth::kAccount, .official_sets = {4, 8}, .handle = JsTicket};
  table["/cgi-bin/message/custom/send"] = {.method = "POST",
                                           .auth = Auth::kAccount,
                                           .official_sets = {1},
                                           .mini_sets = {19},
                                           .needs_body = true,
                                           .handle = SendCustomMessage};
  table["/cgi-bin/openapi/quota/get"] = {
      .method = "POST", .auth = Auth::kAccount, .needs_body = true, .handle = QuotaGet};
  table["/cgi-bin/clear_quota"] = {
      .method = "POST", .auth = Auth::kAccount, .needs_body = true, .handle = ClearQuota};
  table["/cgi-bin/clear_quota/v2"] = {.method = "POST", .handle = ClearQuotaWithSecret};
}

}  // namespace datong::wechat_sim
