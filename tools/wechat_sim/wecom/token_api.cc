#include "absl/strings/str_cat.h"
#include "tools/wechat_sim/wecom/call.h"

// gettoken, get_provider_token, get_suite_token, get_corp_token. Asked again while it holds, each
// gives the same token.
namespace datong::wechat_sim::wecom {
namespace {

constexpr char kWrongCredentials[] = "gettoken with wrong credentials";
constexpr int64_t kWrongPerHour = 2000;

json TokenAnswer(Call& call, const char* name, TokenKind kind, const std::string& appid,
                 const std::string& component) {
  TokenBook& tokens = call.api.world.tokens;
  const Token* token = tokens.Current(kind, appid, component);
  if (token == nullptr || token->CheckAt(call.now()) != 0) {
    token = &tokens.Issue(kind, appid, component, call.now(), 0);
  }
  json answer = call.estate.settings.omit_errcode ? json::object() : ApiOk();
  answer[name] = token->value;
  answer["expires_in"] = token->expires - call.now();
  return answer;
}

const AgentSpec* AgentOfSecret(const Corp& corp, const std::string& secret) {
  for (const auto& [agentid, agent] : corp.agents) {
    if (agent.secret == secret) return &agent;
  }
  return nullptr;
}

// An agency-built app's permanent code is its secret.
const Install* InstallOfSecret(Call& call, const std::string& corpid, const std::string& secret) {
  for (const auto& [key, install] : call.estate.installs.installs()) {
    const Suite* suite = call.estate.FindSuite(install.suite_id);
    const Corp* plain = call.estate.FindCorp(corpid);
    const bool is_corp = call.estate.SeenCorpid(install) == corpid ||
                         (plain != nullptr && plain->spec.corpid == install.corpid);
    if (is_corp && install.is_standing && install.permanent_code == secret && suite != nullptr &&
        suite->spec.is_agency()) {
      return &install;
    }
  }
  return nullptr;
}

bool IsAnybodysSecret(Call& call, const std::string& secret) {
  for (const auto& [corpid, corp] : call.estate.corps) {
    if (AgentOfSecret(corp, secret) != nullptr) return true;
  }
  return false;
}

json GetToken(Call& call) {
  const std::string corpid = call.Query("corpid");
  const std::string secret = call.Query("corpsecret");
  if (corpid.empty()) return call.Refuse(41002);
  if (secret.empty()) return call.Refuse(41004);
  FrequencyBook& frequency = call.estate.frequency;
  if (frequency.IsBlocked(call.api.peer, kWrongCredentials, Period::kHour, call.now())) {
    return call.Refuse(45009);
  }
  const Corp* corp = call.estate.FindCorp(corpid);
  if (const Install* install = InstallOfSecret(call, corpid, secret); install != nullptr) {
    return TokenAnswer(call, "access_token", TokenKind::kWecomCorp, install->corpid,
                       install->suite_id);
  }
  const AgentSpec* agent = corp == nullptr ? nullptr : AgentOfSecret(*corp, secret);
  if (agent != nullptr) {
    return TokenAnswer(call, "access_token", TokenKind::kWecomApp, corp->spec.corpid,
                       absl::StrCat(agent->agentid));
  }
  static_cast<void>(frequency.Take(call.api.peer, kWrongCredentials,
                                   {{Period::kHour, kWrongPerHour}}, call.now()));
  if (corp == nullptr) return call.Refuse(40013);
  return call.Refuse(IsAnybodysSecret(call, secret) ? 40091 : 40001);
}

json GetProviderToken(Call& call) {
  const std::string corpid = call.Body("corpid");
  if (corpid.empty()) return call.Refuse(41002);
  if (call.Body("provider_secret").empty()) return call.Refuse(41004);
  const auto it = call.estate.providers.find(corpid);
  if (it == call.estate.providers.end()) return call.Refuse(40013);
  if (it->second.secret != call.Body("provider_secret")) return call.Refuse(40001);
  return TokenAnswer(call, "provider_access_token", TokenKind::kWecomProvider, corpid, "");
}

json GetSuiteToken(Call& call) {
  const std::string suite_id = call.Body("suite_id");
  const std::string ticket = call.Body("suite_ticket");
  if (suite_id.empty()) return call.Refuse(41021);
  if (call.Body("suite_secret").empty()) return call.Refuse(41024);
  if (ticket.empty()) return call.Refuse(41023);
  const Suite* suite = call.estate.FindSuite(suite_id);
  if (suite == nullptr) return call.Refuse(40083);
  if (suite->spec.secret != call.Body("suite_secret")) return call.Refuse(40080);
  if (!MayCallFrom(suite->spec.allowed_ips, call.api.peer)) return call.Refuse(60020);
  if (!call.estate.installs.IsTicketGood(suite_id, ticket, call.now())) return call.Refuse(40085);
  return TokenAnswer(call, "suite_access_token", TokenKind::kWecomSuite, suite_id, "");
}

json GetCorpToken(Call& call) {
  const Install* install = nullptr;
  if (const int64_t error = FindInstall(call, &install); error != 0) return call.Refuse(error);
  if (call.suite->spec.is_agency()) return call.Refuse(48002);
  return TokenAnswer(call, "access_token", TokenKind::kWecomCorp, install->corpid,
                     install->suite_id);
}

}  // namespace

int64_t FindInstall(Call& call, const Install** found) {
  const std::string corpid = call.Body("auth_corpid");
  const std::string code = call.Body("permanent_code");
  if (corpid.empty()) return 41002;
  if (code.empty()) return 41025;
  for (const auto& [key, install] : call.estate.installs.installs()) {
    if (install.suite_id != call.suite->spec.suite_id) continue;
    if (call.estate.SeenCorpid(install) != corpid && install.corpid != corpid) continue;
    if (install.permanent_code != code) return 40084;
    *found = &install;
    return install.is_standing ? 0 : 48004;
  }
  return 40013;
}

void AddTokenApi(ApiTable& table) {
  Get(table, "/cgi-bin/gettoken", {.handle = GetToken});
  Post(table, "/cgi-bin/service/get_provider_token", {.handle = GetProviderToken});
  Post(table, "/cgi-bin/service/get_suite_token", {.handle = GetSuiteToken});
  Post(table, "/cgi-bin/service/get_corp_token", {.auth = Auth::kSuite, .handle = GetCorpToken});
}

}  // namespace datong::wechat_sim::wecom
