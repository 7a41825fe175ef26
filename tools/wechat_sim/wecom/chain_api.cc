#include "absl/strings/str_cat.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/wecom/customers.h"

// /cgi-bin/corpgroup/*: an upstream corp's app asks about the customers of its downstream corps. It
// sees each of them by an id of its own.
namespace datong::wechat_sim::wecom {
namespace {

constexpr size_t kMostAsked = 100;

const std::vector<Limit>& ChainLimits() {
  static const auto& limits =
      *new std::vector<Limit>{{Period::kHour, 20'000}, {Period::kDay, 240'000}};
  return limits;
}

std::vector<const Corp*> DownstreamCorps(Call& call, const std::string& only) {
  std::vector<const Corp*> corps;
  for (const std::string& corpid : call.corp->spec.downstream) {
    const Corp* corp = call.estate.FindCorp(corpid);
    const bool is_asked = only.empty() || call.estate.FindCorp(only) == corp;
    if (corp != nullptr && is_asked) corps.push_back(corp);
  }
  return corps;
}

// The WeChat user of the body, seen by an app of the upstream corp.
int64_t FindUser(Call& call, std::string* person) {
  if (call.corp->spec.downstream.empty()) return 48002;
  if (call.Body("unionid").empty() || call.Body("openid").empty()) return 40063;
  const App* app = nullptr;
  *person = PersonOfUser(call.api.world, call.Body("openid"), call.Body("unionid"), &app);
  if (person->empty()) return 40073;
  if (app->spec.principal_name != call.corp->spec.entity) return 48002;
  const bool is_free =
      call.estate.frequency.Take(call.corp->spec.corpid, call.api.path, ChainLimits(), call.now());
  return is_free ? 0 : 45009;
}

json ToExternal(Call& call) {
  std::string person;
  if (const int64_t error = FindUser(call, &person); error != 0) return call.Refuse(error);
  json found = json::array();
  for (const Corp* corp : DownstreamCorps(call, call.Body("corpid"))) {
    if (!IsCustomer(call.estate, *corp, person, {}, call.now())) continue;
    found.push_back({{"corpid", corp->spec.corpid},
                     {"external_userid",
                      call.estate.ids.External(ChainView(call.corp->spec.corpid, corp->spec.corpid),
                                               person, IsWechatUser(*corp, person))}});
  }
  if (found.empty()) return call.Refuse(84061);
  json answer = ApiOk();
  answer["external_userid_info"] = std::move(found);
  return answer;
}

json ToPending(Call& call) {
  std::string person;
  if (const int64_t error = FindUser(call, &person); error != 0) return call.Refuse(error);
  json answer = ApiOk();
  answer["pending_id"] =
      call.estate.pending.Issue(call.corp->spec.corpid, "downstream", person,
                                call.estate.settings.pending_again == "replace", call.now());
  return answer;
}

json ExternalToPending(Call& call) {
  const json& ids = wechat::ListField(call.api.body, "external_userid");
  if (ids.empty()) return call.Refuse(40063);
  if (ids.size() > kMostAsked) return call.Refuse(40058);
  json result = json::array();
  for (const json& item : ids) {
    const std::string id = item.is_string() ? item.get<std::string>() : "";
    for (const Corp* corp : DownstreamCorps(call, "")) {
      const std::string person =
          call.estate.ids.PersonOf(ChainView(call.corp->spec.corpid, corp->spec.corpid), id);
      if (person.empty()) continue;
      const std::string pending =
          call.estate.pending.Find(call.corp->spec.corpid, "downstream", person, call.now());
      if (pending.empty() && !call.estate.settings.empty_pending_rows) continue;
      result.push_back({{"external_userid", item}, {"pending_id", pending}});
    }
  }
  json answer = ApiOk();
  answer["result"] = std::move(result);
  return answer;
}

}  // namespace

void AddChainApi(ApiTable& table) {
  const std::string group = "/cgi-bin/corpgroup/";
  Post(table, group + "unionid_to_external_userid",
       {Auth::kApp, ToExternal, kSelfBuilt, true, "external_userid_info"});
  Post(table, group + "unionid_to_pending_id", {Auth::kApp, ToPending, kSelfBuilt, true});
  Post(table, group + "batch/external_userid_to_pending_id",
       {Auth::kApp, ExternalToPending, kSelfBuilt, true});
}

}  // namespace datong::wechat_sim::wecom
