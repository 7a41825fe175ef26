#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/api.h"

// What a mini program's user proves or tells after the login: the session, a phone number, a
// payment; and the openids of followers whose account moved.
namespace datong::wechat_sim {
namespace {

constexpr int64_t kPaidWindow = 300;
constexpr int64_t kMoveWindow = 15 * 86400;
constexpr size_t kMostOpenids = 100;

// The session key of the query's user, if the signature is made with it.
std::string* SignedSession(ApiCall& call, json* error) {
  const std::string openid = call.Query("openid");
  const auto it = call.world.logins.session_keys.find({call.app->spec.appid, openid});
  const bool is_known = it != call.world.logins.session_keys.end();
  if (openid.empty()) {
    *error = ApiError(41009);
  } else if (call.Query("sig_method") != "hmac_sha256" || !is_known ||
             call.Query("signature") != BytesToHex(crypto::HmacSha256(Secret(it->second), ""))) {
    *error = ApiError(87009);
  } else {
    return &it->second;
  }
  return nullptr;
}

json CheckSession(ApiCall& call) {
  json error;
  return SignedSession(call, &error) == nullptr ? error : ApiOk();
}

json ResetSessionKey(ApiCall& call) {
  json error;
  std::string* key = SignedSession(call, &error);
  if (key == nullptr) return error;
  *key = crypto::Base64Encode(crypto::RandomBytes(16));
  json answer = ApiOk();
  answer["openid"] = call.Query("openid");
  answer["session_key"] = *key;
  return answer;
}

json PhoneNumber(ApiCall& call) {
  const auto it = call.world.logins.phone_codes.find(call.Body("code"));
  if (it == call.world.logins.phone_codes.end() || it->second.is_used ||
      call.now_s() >= it->second.expires) {
    return ApiError(40029);
  }
  PhoneCode& code = it->second;
  if (code.appid != call.app->spec.appid) return ApiError(40013);
  const std::string openid = call.Body("openid");
  if (!openid.empty() && openid != code.openid) return ApiError(40003);
  code.is_used = true;
  const bool is_mainland = code.country == "86";
  json answer = ApiOk();
  answer["phone_info"] = {
      {"phoneNumber", is_mainland ? code.number : "+" + code.country + code.number},
      {"purePhoneNumber", code.number},
      {"countryCode", std::stoll(code.country)},
      {"watermark", {{"timestamp", call.now_s()}, {"appid", code.appid}}}};
  return answer;
}

json PaidUnionid(ApiCall& call) {
  const std::string openid = call.Query("openid");
  UserSpec* user = openid.empty() ? nullptr : call.app->population.Find(openid);
  if (user == nullptr) return ApiError(40003);
  const std::string unionid = UnionidOf(*call.app, *user);
  if (call.app->spec.open_platform_account.empty()) return ApiError(89002);
  const std::string transaction = call.Query("transaction_id");
  for (const PaidOrder& order : call.world.logins.orders) {
    const bool is_named = transaction.empty() ? order.mch_id == call.Query("mch_id") &&
                                                    order.out_trade_no == call.Query("out_trade_no")
                                              : order.transaction_id == transaction;
    if (!is_named || order.appid != call.app->spec.appid || order.openid != openid ||
        call.now_s() < order.paid || call.now_s() >= order.paid + kPaidWindow) {
      continue;
    }
    json answer = ApiOk();
    answer["unionid"] = unionid;
    return answer;
  }
  return ApiError(89300);
}

json PluginOpenpid(ApiCall& call) {
  const std::string code = call.Body("code");
  if (code.empty()) return ApiError(41008);
  const auto it = call.world.js_codes.find(code);
  if (it == call.world.js_codes.end() || it->second.is_used ||
      it->second.appid != call.app->spec.appid || call.now_s() >= it->second.expires) {
    return ApiError(40029);
  }
  it->second.is_used = true;
  json answer = ApiOk();
  answer["openpid"] = "p" + BytesToHex(crypto::Sha1(it->second.openid)).substr(0, 27);
  return answer;
}

json ChangeOpenid(ApiCall& call) {
  const json& openids = wechat::ListField(call.body, "openid_list");
  if (openids.empty()) return ApiError(63182);
  if (openids.size() > kMostOpenids) return ApiError(63179);
  const std::string from = call.Body("from_appid");
  const AccountMove* move = nullptr;
  for (const AccountMove& one : call.world.logins.moves) {
    if (one.new_appid != call.app->spec.appid) continue;
    if (call.now_s() < one.approved || call.now_s() >= one.approved + kMoveWindow) continue;
    // The page says the original id; the server takes both.
    if (from == one.old_appid || from == one.old_user_name) move = &one;
  }
  if (move == nullptr) return ApiError(63178);
  json answer = ApiOk();
  answer["result_list"] = json::array();
  for (const json& openid : openids) {
    const std::string old = openid.is_string() ? openid.get<std::string>() : "";
    const auto it = move->openids.find(old);
    json result = {{"ori_openid", old}};
    if (it != move->openids.end()) result["new_openid"] = it->second;
    result["err_msg"] = it == move->openids.end() ? "ori_openid error" : "ok";
    answer["result_list"].push_back(std::move(result));
  }
  return answer;
}

}  // namespace

void AddSessionApi(ApiTable& table) {
  table["/wxa/checksession"] = {
      .method = "GET", .auth = Auth::kAccount, .mini_sets = {18, 20}, .handle = CheckSession};
  table["/wxa/resetusersessionkey"] = {
      .method = "GET", .auth = Auth::kAccount, .mini_sets = {18}, .handle = ResetSessionKey};
  table["/wxa/business/getuserphonenumber"] = {.method = "POST",
                                               .auth = Auth::kAccount,
                                               .mini_sets = {18},
                                               .needs_body = true,
                                               .handle = PhoneNumber};
  table["/wxa/getpaidunionid"] = {
      .method = "GET", .auth = Auth::kAccount, .mini_sets = {18}, .handle = PaidUnionid};
  table["/wxa/getpluginopenpid"] = {.method = "POST",
                                    .auth = Auth::kAccount,
                                    .mini_sets = {18},
                                    .needs_body = true,
                                    .handle = PluginOpenpid};
  table["/cgi-bin/changeopenid"] = {.method = "POST",
                                    .auth = Auth::kAccount,
                                    .official_sets = {2},
                                    .official_only = true,
                                    .needs_body = true,
                                    .handle = ChangeOpenid};
}

}  // namespace datong::wechat_sim
