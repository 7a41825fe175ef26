#include "tools/wechat_sim/login_admin.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/aes.h"
#include "common/crypto/hash.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/token_book.h"

namespace datong::wechat_sim {
namespace {

using nlohmann::json;
using wechat::NumberField;
using wechat::TextField;
using Result = absl::StatusOr<json>;

constexpr int64_t kCodeLifetime = 300;

absl::Status Wrong(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

std::string TextOr(const json& body, const char* name, const std::string& otherwise) {
  const std::string text = TextField(body, name);
  return text.empty() ? otherwise : text;
}

Result PhoneCodes(World& world, int64_t now, const json& body) {
  PhoneCode code{TextField(body, "appid"),      TextField(body, "openid"),
                 TextOr(body, "country", "86"), TextField(body, "number"),
                 now + kCodeLifetime,           false};
  if (world.Find(code.appid) == nullptr) return Wrong("\"appid\" names no app");
  if (code.number.empty()) return Wrong("\"number\" is missing");
  const std::string value = BytesToHex(crypto::RandomBytes(32));
  world.logins.phone_codes[value] = std::move(code);
  return json{{"code", value}};
}

Result Payments(World& world, int64_t now, const json& body) {
  PaidOrder order{TextField(body, "appid"),
                  TextField(body, "openid"),
                  TextOr(body, "transaction_id", "4200" + BytesToHex(crypto::RandomBytes(12))),
                  TextField(body, "mch_id"),
                  TextField(body, "out_trade_no"),
                  NumberField(body, "at_s").value_or(now)};
  App* app = world.Find(order.appid);
  if (app == nullptr) return Wrong("\"appid\" names no app");
  app->population.FindOrMake(order.openid);
  json answer = {{"transaction_id", order.transaction_id}};
  world.logins.orders.push_back(std::move(order));
  return answer;
}

// What wx.getUserProfile and the like give to a mini program.
Result OpenData(World& world, int64_t now, const json& body) {
  const std::string appid = TextField(body, "appid");
  const std::string openid = TextField(body, "openid");
  App* app = world.Find(appid);
  const auto key = world.logins.session_keys.find({appid, openid});
  if (app == nullptr || key == world.logins.session_keys.end()) {
    return Wrong("the user has no session with that app");
  }
  json data = {{"nickName", "微信用户"},
               {"gender", 0},
               {"language", "zh_CN"},
               {"city", ""},
               {"province", ""},
               {"country", ""},
               {"avatarUrl", "https://thirdwx.qlogo.cn/mmopen/vi_32/0"}};
  const std::string raw_data = data.dump();
  const std::string number = TextField(body, "number");
  if (number.empty()) {
    data["openId"] = openid;
    const std::string unionid = UnionidOf(*app, app->population.FindOrMake(openid));
    if (!unionid.empty()) data["unionId"] = unionid;
  } else {
    data = {{"phoneNumber", number}, {"purePhoneNumber", number}, {"countryCode", "86"}};
  }
  data["watermark"] = {{"timestamp", NumberField(body, "at_s").value_or(now)},
                       {"appid", TextOr(body, "watermark_appid", appid)}};
  std::string plain = data.dump();
  const size_t padding = 16 - plain.size() % 16;
  plain.append(padding, static_cast<char>(padding));
  std::string raw_key;
  crypto::Base64Decode(key->second, &raw_key);
  const std::string iv = crypto::RandomBytes(16);
  return json{{"encryptedData", crypto::Base64Encode(*crypto::CbcEncrypt(raw_key, iv, plain))},
              {"iv", crypto::Base64Encode(iv)},
              {"rawData", raw_data},
              {"signature", BytesToHex(crypto::Sha1(absl::StrCat(raw_data, key->second)))}};
}

Result Moves(World& world, int64_t now, const json& body) {
  AccountMove move;
  move.old_appid = TextField(body, "old_appid");
  move.old_user_name = TextField(body, "old_user_name");
  move.new_appid = TextField(body, "appid");
  move.approved = NumberField(body, "at_s").value_or(now);
  App* app = world.Find(move.new_appid);
  if (app == nullptr) return Wrong("\"appid\" names no app");
  for (const auto& [old_openid, new_openid] : wechat::ObjectField(body, "openids").items()) {
    if (!new_openid.is_string()) return Wrong("\"openids\" must map texts to texts");
    move.openids[old_openid] = new_openid.get<std::string>();
    app->population.Follow(move.openids[old_openid], now, "ADD_SCENE_ACCOUNT_MIGRATION", "");
  }
  world.logins.moves.push_back(std::move(move));
  return json::object();
}

// The user changed the password, or the 30 days are over: what web logins gave dies.
Result EndWebLogins(World& world, int64_t now, const json& body) {
  const std::string appid = TextField(body, "appid");
  const bool refresh_too = TextField(body, "what") != "access_tokens";
  int64_t ended = 0;
  for (auto* tokens : {&world.logins.user_tokens, &world.logins.refresh_tokens}) {
    if (tokens == &world.logins.refresh_tokens && !refresh_too) continue;
    for (auto& [token, grant] : *tokens) {
      if (grant.appid != appid || grant.expires <= now) continue;
      grant.expires = now;
      ++ended;
    }
  }
  return json{{"tokens", ended}};
}

}  // namespace

std::optional<absl::StatusOr<json>> LoginAdmin(World& world, absl::Time now,
                                               const std::string& method, const std::string& path,
                                               const json& body) {
  using Handle = Result (*)(World&, int64_t, const json&);
  static const auto& table = *new std::map<std::string, Handle>{
      {"/admin/phone_codes", PhoneCodes},      {"/admin/payments", Payments},
      {"/admin/open_data", OpenData},          {"/admin/moves", Moves},
      {"/admin/web_logins/end", EndWebLogins},
  };
  const auto it = table.find(path);
  if (method != "POST" || it == table.end()) return std::nullopt;
  return it->second(world, absl::ToUnixSeconds(now), body);
}

}  // namespace datong::wechat_sim
