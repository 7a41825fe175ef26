#include "tools/wechat_sim/wecom/call.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/crypto/hash.h"

namespace datong::wechat_sim::wecom {
namespace {

// The numbers are documented; of the words only those of 40058, 40078, 40082, 40096 and 84061 were
// seen.
const std::string& WordsOf(int64_t errcode) {
  static const auto& words = *new std::map<int64_t, std::string>{
      {-1, "system busy"},
      {40001, "invalid credential"},
      {40003, "invalid userid"},
      {40013, "invalid corpid"},
      {40014, "invalid access_token"},
      {40029, "invalid code"},
      {40056, "invalid agentid"},
      {40058, "invalid Request Parameter"},
      {40063, "some parameters are empty"},
      {40073, "invalid openid"},
      {40077, "invalid pre_auth_code"},
      {40078, "invalid auth_code"},
      {40080, "invalid suite secret"},
      {40082, "invalid suite_acccess_token or provider_access_token"},
      {40083, "invalid suite id"},
      {40084, "invalid permanent_code"},
      {40085, "invalid suite ticket"},
      {40091, "secret is invalid"},
      {40096, "invalid external userid"},
      {41001, "access_token missing"},
      {41002, "corpid missing"},
      {41004, "corpsecret missing"},
      {41021, "suite_id missing"},
      {41022, "suite_access_token missing"},
      {41023, "suite_ticket missing"},
      {41024, "suite secret missing"},
      {41025, "permanent_code missing"},
      {42001, "access_token expired"},
      {42007, "pre_auth_code expired"},
      {42009, "suite_access_token expired"},
      {43004, "require subscribe"},
      {45009, "api freq out of limit"},
      {47001, "data format error, Warning: wrong json format."},
      {48002, "API forbidden for the token"},
      {48003, "suite token of another suite"},
      {48004, "invalid auth relation"},
      {50001, "redirect_url unregistered domain"},
      {50002, "user not in the visible range"},
      {50003, "app disabled"},
      {60011, "no privilege to access/modify contact/party/agent"},
      {60020, "not allow to access from your ip"},
      {60111, "userid not found"},
      {84014, "user_ticket expired"},
      {84015, "invalid user_ticket"},
      {84061, "not external contact"},
      {84074, "no external contact permission"},
      {84090, "user_ticket missing"},
      {301002, "agent not operable"},
      {2000002, "corpid not exist"},
  };
  static const auto& other = *new std::string("error");
  const auto it = words.find(errcode);
  return it == words.end() ? other : it->second;
}

// 25 digits, one of the two shapes that were seen.
std::string RandomHint() {
  std::string hint = "16";
  for (const char byte : crypto::RandomBytes(23)) {
    hint += static_cast<char>('0' + static_cast<unsigned char>(byte) % 10);
  }
  return hint;
}

int64_t TokenError(const Token& token, int64_t now) {
  // One that was replaced or withdrawn is unknown.
  const int64_t error = token.CheckAt(now);
  return error == 40001 ? 40014 : error;
}

bool TakeFrequency(Call& call, const std::string& who) {
  const bool is_provider = call.corp == nullptr;
  const int64_t a_minute = is_provider ? 40'000 : 10'000;
  const int64_t an_hour = is_provider ? 1'200'000 : 150'000;
  return call.estate.frequency.Take(
      who, call.api.path, {{Period::kMinute, a_minute}, {Period::kHour, an_hour}}, call.now());
}

int64_t Check(const Endpoint& endpoint, ApiCall& api, bool needs_body, std::string* appid) {
  Call call(api);
  if (endpoint.auth != Auth::kNone) {
    if (const int64_t error = call.Identify(endpoint.auth); error != 0) return error;
    *appid = api.token->appid;
    if (endpoint.auth == Auth::kApp) {
      if ((endpoint.developers & call.developer()) == 0) return 48002;
      if (endpoint.needs_customers && !call.sees_customers()) return 84074;
    }
    if (endpoint.is_counted && !TakeFrequency(call, *appid)) return 45009;
  }
  if (needs_body && !api.body.is_object()) return 47001;
  if (!api.body.is_object()) api.body = json::object();
  return 0;
}

void Add(ApiTable& table, const std::string& path, const Endpoint& endpoint, bool needs_body) {
  const auto with_list = [endpoint](json answer) {
    const auto error = answer.find("errcode");
    if (endpoint.empty_list != nullptr && error != answer.end() && *error != 0) {
      answer[endpoint.empty_list] = json::array();
    }
    return answer;
  };
  table[path] = {
      .check = [endpoint, needs_body, with_list](ApiCall& api, const std::string&,
                                                 std::string* appid) -> std::optional<json> {
        const int64_t error = Check(endpoint, api, needs_body, appid);
        if (error == 0) return std::nullopt;
        return with_list(Error(error, api.peer));
      },
      .handle =
          [endpoint, with_list](ApiCall& api) {
            Call call(api);
            if (endpoint.auth != Auth::kNone) call.Identify(endpoint.auth);
            return with_list(endpoint.handle(call));
          }};
}

}  // namespace

json Error(int64_t errcode, const std::string& peer) {
  return {{"errcode", errcode},
          {"errmsg", absl::StrCat(WordsOf(errcode), ", hint: [", RandomHint(), "], from ip: ", peer,
                                  ", more info at https://open.work.weixin.qq.com/devtool/query?e=",
                                  errcode)}};
}

bool MayCallFrom(const std::vector<std::string>& allowed, const std::string& peer) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), peer) != allowed.end();
}

int64_t Call::Identify(Auth auth) {
  const bool is_app = auth == Auth::kApp;
  const char* name = is_app                 ? "access_token"
                     : auth == Auth::kSuite ? "suite_access_token"
                                            : "provider_access_token";
  const std::string value = Query(name);
  if (value.empty()) return is_app ? 41001 : 41022;
  api.token = api.world.tokens.Find(value);
  if (api.token == nullptr) return is_app ? 40014 : 40082;
  const int64_t error = TokenError(*api.token, now());
  if (is_app) return error != 0 && api.token->kind != TokenKind::kWecomCorp ? error : IdentifyApp();
  const TokenKind wanted =
      auth == Auth::kSuite ? TokenKind::kWecomSuite : TokenKind::kWecomProvider;
  if (api.token->kind != wanted || error == 40014) return 40082;
  if (error != 0) return 42009;
  if (auth == Auth::kSuite) {
    suite = estate.FindSuite(api.token->appid);
    if (suite == nullptr) return 40083;
    if (!MayCallFrom(suite->spec.allowed_ips, api.peer)) return 60020;
  }
  const auto it = estate.providers.find(suite != nullptr ? suite->spec.provider : api.token->appid);
  if (it == estate.providers.end()) return 40013;
  provider = &it->second;
  return 0;
}

int64_t Call::IdentifyApp() {
  const Token& token = *api.token;
  corp = estate.FindCorp(token.appid);
  if (corp == nullptr) return 40014;
  if (token.kind == TokenKind::kWecomApp) {
    for (const auto& [agentid, spec] : corp->agents) {
      if (absl::StrCat(agentid) == token.component) agent = &spec;
    }
    if (agent == nullptr) return 40014;
    return MayCallFrom(agent->allowed_ips, api.peer) ? 0 : 60020;
  }
  if (token.kind != TokenKind::kWecomCorp) return 40014;
  install = estate.installs.Find(token.component, corp->spec.corpid);
  suite = estate.FindSuite(token.component);
  if (install == nullptr || suite == nullptr) return 40014;
  if (!install->is_standing) return 48004;
  if (const int64_t error = TokenError(token, now()); error != 0) return error;
  if (install->is_disabled) return 50003;
  const auto it = estate.providers.find(suite->spec.provider);
  provider = it == estate.providers.end() ? nullptr : &it->second;
  return MayCallFrom(suite->spec.allowed_ips, api.peer) ? 0 : 60020;
}

Developers Call::developer() const {
  if (install == nullptr) return kSelfBuilt;
  return suite->spec.is_agency() ? kAgency : kThirdParty;
}

std::string Call::SeenCorpid() const {
  return install == nullptr ? corp->spec.corpid : estate.SeenCorpid(*install);
}

std::string Call::SeenUserid(const std::string& userid) const {
  return install == nullptr ? userid : estate.SeenUserid(*install, userid);
}

std::string Call::SeenExternal(const std::string& person) const {
  const View view =
      install == nullptr ? CorpView(corp->spec.corpid) : estate.ExternalView(*install);
  return estate.ids.External(view, person, IsWechatUser(*corp, person));
}

std::string Call::PersonOf(const std::string& external_userid) const {
  const View view =
      install == nullptr ? CorpView(corp->spec.corpid) : estate.ExternalView(*install);
  return estate.ids.PersonOf(view, external_userid);
}

std::string Call::UseridOf(const std::string& seen) const {
  for (const auto& [userid, member] : corp->members) {
    if (SeenUserid(userid) == seen) return userid;
  }
  return "";
}

std::string Call::SeenChat(const std::string& chat) const {
  return ChatId(install == nullptr ? CorpView(corp->spec.corpid) : estate.ChatView(*install, now()),
                corp->spec.corpid, chat);
}

Group* Call::GroupOf(const std::string& chat_id) const {
  const bool may_be_new = developer() == kAgency;
  for (auto& [chat, group] : corp->groups) {
    if (SeenChat(chat) == chat_id) return &group;
    if (may_be_new &&
        ChatId(ProviderWideView(suite->spec.provider), corp->spec.corpid, chat) == chat_id) {
      return &group;
    }
  }
  return nullptr;
}

void Get(ApiTable& table, const std::string& path, const Endpoint& endpoint) {
  Add(table, path, endpoint, false);
}

void Post(ApiTable& table, const std::string& path, const Endpoint& endpoint) {
  Add(table, path, endpoint, true);
}

}  // namespace datong::wechat_sim::wecom
