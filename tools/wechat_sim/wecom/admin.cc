#include "tools/wechat_sim/wecom/admin.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/json_reader.h"
#include "tools/wechat_sim/wecom/admin_call.h"
#include "tools/wechat_sim/wecom/json_model.h"
#include "tools/wechat_sim/wecom/push.h"

namespace datong::wechat_sim::wecom {
namespace {

using wechat::ListField;
using wechat::NumberField;
using wechat::TextField;

bool Flag(const json& from, const char* name, bool otherwise) {
  const auto it = from.find(name);
  return it == from.end() || !it->is_boolean() ? otherwise : it->get<bool>();
}

Result PutCorp(const AdminCall& call) {
  CorpSpec spec;
  if (const Corp* known = call.estate.FindCorp(TextField(call.body, "corpid")); known != nullptr) {
    spec = known->spec;
  }
  DATONG_RETURN_IF_ERROR(ReadCorp(call.body, &spec));
  if (spec.name.empty()) spec.name = spec.corpid;
  Corp& corp = call.estate.corps[absl::AsciiStrToLower(spec.corpid)];
  corp.spec = std::move(spec);
  for (const json& item : ListField(call.body, "agents")) {
    const int64_t agentid = NumberField(item, "agentid").value_or(1000002);
    AgentSpec& agent = corp.agents[agentid];
    agent.agentid = agentid;
    DATONG_RETURN_IF_ERROR(ReadAgent(item, &agent));
  }
  for (const json& item : ListField(call.body, "members")) {
    MemberSpec& member = corp.members[TextField(item, "userid")];
    DATONG_RETURN_IF_ERROR(ReadMember(item, &member));
    if (member.name.empty()) member.name = member.userid;
  }
  for (const json& item : ListField(call.body, "contacts")) {
    ContactSpec contact = corp.contacts[TextField(item, "person")];
    DATONG_RETURN_IF_ERROR(ReadContact(item, &contact));
    call.estate.PutContact(corp, std::move(contact), call.now);
  }
  for (const json& item : ListField(call.body, "groups")) {
    GroupSpec group = corp.groups[TextField(item, "chat")].spec;
    DATONG_RETURN_IF_ERROR(ReadGroup(item, &group));
    call.estate.PutGroup(corp, std::move(group), call.now);
  }
  return json{{"contacts", corp.contacts.size()}};
}

Result PutProvider(const AdminCall& call) {
  ProviderSpec provider = call.estate.providers[TextField(call.body, "corpid")];
  DATONG_RETURN_IF_ERROR(ReadProvider(call.body, &provider));
  if (provider.name.empty()) provider.name = provider.corpid;
  const std::string corpid = provider.corpid;
  call.estate.providers[corpid] = std::move(provider);
  return json::object();
}

Result PutSuite(const AdminCall& call) {
  SuiteSpec spec;
  const std::string suite_id = TextField(call.body, "suite_id");
  if (const Suite* known = call.estate.FindSuite(suite_id); known != nullptr) spec = known->spec;
  DATONG_RETURN_IF_ERROR(ReadSuite(call.body, &spec));
  if (spec.name.empty()) spec.name = suite_id;
  if (call.estate.providers.count(spec.provider) == 0) {
    return WrongField("provider", "is unknown");
  }
  call.estate.suites[suite_id].spec = std::move(spec);
  return json::object();
}

// As if installed from the app market (or a template's QR code had been scanned).
Result InstallNow(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Suite * suite, call.FindSuite());
  DATONG_ASSIGN_OR_RETURN(Corp * corp, call.FindCorp());
  std::vector<std::string> scope;
  DATONG_RETURN_IF_ERROR(ReadTexts(call.body, "scope", &scope));
  Install& install = call.estate.PutInstall(*suite, *corp, std::move(scope), call.now);
  const bool is_new = Flag(call.body, "new_ids", true);
  install.has_new_ids = is_new;
  install.has_new_external = is_new;
  install.by_admin = Flag(call.body, "by_admin", true);
  const std::string state = TextField(call.body, "state");
  if (Flag(call.body, "push", true)) {
    PushAuthorization(call.world, "create_auth", install, state, call.now);
  }
  return json{{"auth_code", call.estate.installs.MakeAuthCode(install, state, call.now)},
              {"permanent_code", install.permanent_code},
              {"corpid", call.estate.SeenCorpid(install)},
              {"agentid", install.agentid}};
}

Result ChangeAuth(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Install * install, call.FindInstall());
  DATONG_RETURN_IF_ERROR(ReadTexts(call.body, "scope", &install->scope));
  install->is_disabled = Flag(call.body, "disabled", install->is_disabled);
  install->by_admin = Flag(call.body, "by_admin", install->by_admin);
  PushAuthorization(call.world, "change_auth", *install, "", call.now);
  return json::object();
}

Result CancelAuth(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Install * install, call.FindInstall());
  install->is_standing = false;
  call.world.tokens.EndLine(TokenKind::kWecomCorp, install->corpid, install->suite_id, call.now);
  PushAuthorization(call.world, "cancel_auth", *install, "", call.now);
  return json::object();
}

Result ResetPermanentCode(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Install * install, call.FindInstall());
  install->permanent_code = InstallBook::NewPermanentCode();
  call.world.tokens.EndLine(TokenKind::kWecomCorp, install->corpid, install->suite_id, call.now);
  PushAuthorization(call.world, "reset_permanent_code", *install, "", call.now);
  return json::object();
}

Result Consent(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Install * install, call.FindInstall());
  PushConsent(call.world, *install, call.now);
  return json::object();
}

Result PushTicketNow(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(Suite * suite, call.FindSuite());
  PushSuiteTicket(call.world, *suite, call.now);
  return json::object();
}

Result SetQuota(const AdminCall& call) {
  const std::string what = TextField(call.body, "path");
  if (what.empty()) return WrongField("path", "is missing");
  const std::pair<const char*, Period> periods[] = {{"minute", Period::kMinute},
                                                    {"hour", Period::kHour},
                                                    {"day", Period::kDay},
                                                    {"month", Period::kMonth}};
  for (const auto& [name, period] : periods) {
    if (const auto calls = NumberField(call.body, name); calls) {
      call.estate.frequency.SetLimit(what, period, *calls);
    }
  }
  return json::object();
}

Result SetSettings(const AdminCall& call) {
  DATONG_RETURN_IF_ERROR(ReadWecomSettings(call.body, &call.estate.settings));
  return json::object();
}

}  // namespace

absl::StatusOr<Corp*> AdminCall::FindCorp() const {
  Corp* corp = estate.FindCorp(TextField(body, "corpid"));
  if (corp == nullptr) return WrongField("corpid", "is unknown");
  return corp;
}

absl::StatusOr<Suite*> AdminCall::FindSuite() const {
  Suite* suite = estate.FindSuite(TextField(body, "suite_id"));
  if (suite == nullptr) return WrongField("suite_id", "is unknown");
  return suite;
}

absl::StatusOr<Install*> AdminCall::FindInstall() const {
  DATONG_ASSIGN_OR_RETURN(const Suite* suite, FindSuite());
  DATONG_ASSIGN_OR_RETURN(const Corp* corp, FindCorp());
  Install* install = estate.installs.Find(suite->spec.suite_id, corp->spec.corpid);
  if (install == nullptr || !install->is_standing) {
    return WrongField("corpid", "has not installed the suite");
  }
  return install;
}

absl::StatusOr<json> Admin(World& world, int64_t now, const std::string& method,
                           const std::string& path, const json& body) {
  using Handle = Result (*)(const AdminCall&);
  static const auto& table = *new std::map<std::pair<std::string, std::string>, Handle>{
      {{"POST", "/admin/wecom/corps"}, PutCorp},
      {{"POST", "/admin/wecom/providers"}, PutProvider},
      {{"POST", "/admin/wecom/suites"}, PutSuite},
      {{"POST", "/admin/wecom/install"}, InstallNow},
      {{"POST", "/admin/wecom/change_auth"}, ChangeAuth},
      {{"POST", "/admin/wecom/cancel_auth"}, CancelAuth},
      {{"POST", "/admin/wecom/reset_permanent_code"}, ResetPermanentCode},
      {{"POST", "/admin/wecom/consent"}, Consent},
      {{"POST", "/admin/wecom/tickets/push"}, PushTicketNow},
      {{"POST", "/admin/wecom/contacts"}, ChangeContact},
      {{"POST", "/admin/wecom/chats"}, ChangeGroup},
      {{"POST", "/admin/wecom/kf_visits"}, VisitKf},
      {{"POST", "/admin/wecom/codes"}, MakeLoginCode},
      {{"POST", "/admin/wecom/tmp_ids"}, MakeTemporaryId},
      {{"GET", "/admin/wecom/truth"}, Truth},
      {{"POST", "/admin/wecom/quota"}, SetQuota},
      {{"POST", "/admin/wecom/settings"}, SetSettings},
  };
  const auto it = table.find({method, path});
  if (it == table.end()) {
    return absl::NotFoundError(absl::StrCat("there is no ", method, " ", path));
  }
  return it->second({world, world.wecom, now, body});
}

}  // namespace datong::wechat_sim::wecom
