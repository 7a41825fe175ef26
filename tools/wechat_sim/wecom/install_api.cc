#include "absl/strings/str_cat.h"
#include "common/http/request.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/wecom/call.h"

// How a suite is installed and what it then knows: pre_auth_code to get_auth_info.
namespace datong::wechat_sim::wecom {
namespace {

constexpr size_t kShortestAuthCode = 64;
constexpr size_t kMostTemplates = 9;

json GetPreAuthCode(Call& call) {
  json answer = ApiOk();
  answer["pre_auth_code"] =
      call.estate.installs.MakePreAuthCode(call.suite->spec.suite_id, call.now());
  answer["expires_in"] = 1200;
  return answer;
}

json SetSessionInfo(Call& call) {
  PreAuthCode* code = call.estate.installs.FindPreAuthCode(call.Body("pre_auth_code"));
  if (code == nullptr || code->suite_id != call.suite->spec.suite_id) return call.Refuse(40077);
  if (call.now() >= code->expires) return call.Refuse(42007);
  code->has_session = true;
  return ApiOk();
}

json CorpInfo(Call& call, const Install& install, bool is_new_form) {
  const CorpSpec& corp = call.estate.FindCorp(install.corpid)->spec;
  json info = {{"corpid", call.estate.SeenCorpid(install)},
               {"corp_name", corp.name},
               {"corp_type", corp.verified ? "verified" : "unverified"},
               {"corp_square_logo_url", "http://wework.qpic.cn/wwpic/logo/0"},
               {"corp_user_max", 200},
               {"verified_end_time", call.now() + 335 * 86400},
               {"subject_type", corp.subject_type},
               {"corp_scale", "1-50人"},
               {"corp_industry", "IT服务"},
               {"corp_sub_industry", "计算机软件/硬件/信息服务"}};
  if (corp.verified) info["corp_full_name"] = corp.entity;
  if (is_new_form) {
    info["corp_ex_name"] = {{"name_list", corp.name}};
  } else {
    info["corp_wxqrcode"] = "http://wework.qpic.cn/wwpic/qrcode/0";
  }
  return info;
}

json AgentInfo(Call& call, const Install& install) {
  json users = json::array();
  for (const std::string& userid : install.scope) {
    users.push_back(call.estate.SeenUserid(install, userid));
  }
  const json none = json::array();
  const json everybody = install.scope.empty() ? json::array({1}) : none;
  return {{"agentid", install.agentid},
          {"name", call.suite->spec.name},
          {"round_logo_url", "http://wework.qpic.cn/wwpic/round/0"},
          {"square_logo_url", "http://wework.qpic.cn/wwpic/square/0"},
          {"appid", 1},
          {"auth_mode", install.by_admin ? 0 : 1},
          {"is_customized_app", call.suite->spec.is_agency()},
          {"auth_from_thirdapp", false},
          {"privilege",
           {{"level", 1},
            {"allow_party", everybody},
            {"allow_user", users},
            {"allow_tag", none},
            {"extra_party", none},
            {"extra_user", none},
            {"extra_tag", none}}}};
}

json UserInfo(Call& call, const Install& install) {
  const Corp& corp = *call.estate.FindCorp(install.corpid);
  const auto it = corp.members.find(install.admin_userid);
  return {
      {"userid", call.estate.SeenUserid(install, install.admin_userid)},
      {"open_userid", OpenUserid(call.suite->spec.provider, install.corpid, install.admin_userid)},
      {"name", it == corp.members.end() ? "" : it->second.name},
      {"avatar", it == corp.members.end() ? "" : it->second.avatar}};
}

// Takes the code; an errcode when it is no good.
int64_t TakeAuthCode(Call& call, AuthCode** code, Install** install) {
  const std::string value = call.Body("auth_code");
  if (value.empty()) return 40063;
  if (value.size() < kShortestAuthCode) return 40058;
  *code = call.estate.installs.FindAuthCode(value);
  if (*code == nullptr || (*code)->is_used || call.now() >= (*code)->expires ||
      (*code)->suite_id != call.suite->spec.suite_id) {
    return 40078;
  }
  *install = call.estate.installs.Find((*code)->suite_id, (*code)->corpid);
  if (*install == nullptr || !(*install)->is_standing) return 48004;
  (*code)->is_used = true;
  return 0;
}

json GetPermanentCodeV2(Call& call) {
  AuthCode* code = nullptr;
  Install* install = nullptr;
  if (const int64_t error = TakeAuthCode(call, &code, &install); error != 0) {
    return call.Refuse(error);
  }
  json answer = ApiOk();
  answer["permanent_code"] = install->permanent_code;
  answer["auth_corp_info"] = {{"corpid", call.estate.SeenCorpid(*install)},
                              {"corp_name", call.estate.FindCorp(install->corpid)->spec.name}};
  if (!install->admin_userid.empty()) answer["auth_user_info"] = UserInfo(call, *install);
  if (!code->state.empty()) answer["state"] = code->state;
  return answer;
}

json GetPermanentCode(Call& call) {
  AuthCode* code = nullptr;
  Install* install = nullptr;
  if (const int64_t error = TakeAuthCode(call, &code, &install); error != 0) {
    return call.Refuse(error);
  }
  json answer = ApiOk();
  answer["permanent_code"] = install->permanent_code;
  answer["auth_corp_info"] = CorpInfo(call, *install, false);
  answer["auth_info"] = {{"agent", {AgentInfo(call, *install)}}};
  if (!install->admin_userid.empty()) answer["auth_user_info"] = UserInfo(call, *install);
  if (call.suite->spec.is_agency()) return answer;
  const Token& token = call.api.world.tokens.Issue(TokenKind::kWecomCorp, install->corpid,
                                                   install->suite_id, call.now(), 0);
  answer["access_token"] = token.value;
  answer["expires_in"] = token.expires - call.now();
  return answer;
}

json GetAuthInfo(Call& call) {
  const Install* install = nullptr;
  if (const int64_t error = FindInstall(call, &install); error != 0) return call.Refuse(error);
  const bool is_new_form = call.api.path == "/cgi-bin/service/v2/get_auth_info";
  json answer = ApiOk();
  answer["auth_corp_info"] = CorpInfo(call, *install, is_new_form);
  answer["auth_info"] = {{"agent", {AgentInfo(call, *install)}}};
  return answer;
}

json GetAdminList(Call& call) {
  const std::string corpid = call.Body("auth_corpid");
  for (const auto& [key, install] : call.estate.installs.installs()) {
    if (install.suite_id != call.suite->spec.suite_id || !install.is_standing) continue;
    if (call.estate.SeenCorpid(install) != corpid && install.corpid != corpid) continue;
    if (wechat::NumberField(call.api.body, "agentid") != install.agentid) return call.Refuse(40056);
    json answer = ApiOk();
    answer["admin"] = json::array();
    if (!install.admin_userid.empty()) {
      const json user = UserInfo(call, install);
      answer["admin"].push_back(
          {{"userid", user["userid"]}, {"open_userid", user["open_userid"]}, {"auth_type", 1}});
    }
    return answer;
  }
  return call.Refuse(40013);
}

json GetCustomizedAuthUrl(Call& call) {
  const json& templates = wechat::ListField(call.api.body, "templateid_list");
  const std::string state = call.Body("state");
  if (templates.empty()) return call.Refuse(40063);
  if (templates.size() > kMostTemplates || state.size() > 32) return call.Refuse(40058);
  for (const json& item : templates) {
    const Suite* suite =
        item.is_string() ? call.estate.FindSuite(item.get<std::string>()) : nullptr;
    if (suite == nullptr || suite->spec.provider != call.provider->corpid)
      return call.Refuse(40083);
  }
  json answer = ApiOk();
  answer["qrcode_url"] =
      absl::StrCat(call.api.world.url,
                   "/3rdapp/customized?suite_id=", http::UrlEncode(templates[0].get<std::string>()),
                   "&state=", http::UrlEncode(state), "&until=", call.now() + 864'000);
  answer["expires_in"] = 864'000;
  return answer;
}

}  // namespace

void AddInstallApi(ApiTable& table) {
  const std::string service = "/cgi-bin/service/";
  Get(table, service + "get_pre_auth_code", {Auth::kSuite, GetPreAuthCode});
  Post(table, service + "set_session_info", {Auth::kSuite, SetSessionInfo});
  Post(table, service + "v2/get_permanent_code", {Auth::kSuite, GetPermanentCodeV2});
  Post(table, service + "get_permanent_code", {Auth::kSuite, GetPermanentCode});
  Post(table, service + "get_auth_info", {Auth::kSuite, GetAuthInfo});
  Post(table, service + "v2/get_auth_info", {Auth::kSuite, GetAuthInfo});
  Post(table, service + "get_admin_list", {Auth::kSuite, GetAdminList});
  Post(table, service + "get_customized_auth_url", {Auth::kProvider, GetCustomizedAuthUrl});
}

}  // namespace datong::wechat_sim::wecom
