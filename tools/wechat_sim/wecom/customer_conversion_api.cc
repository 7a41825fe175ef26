#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/wecom/customers.h"

// From a WeChat user's unionid and openid to a customer, or to a pending_id until he is one.
namespace datong::wechat_sim::wecom {
namespace {

constexpr size_t kMostAsked = 100;

const std::vector<Limit>& BusinessLimits() {
  static const auto& limits = *new std::vector<Limit>{
      {Period::kHour, 100'000}, {Period::kDay, 480'000}, {Period::kMonth, 7'500'000}};
  return limits;
}

const std::vector<Limit>& ThirdPartyLimits() {
  static const auto& limits =
      *new std::vector<Limit>{{Period::kHour, 50'000}, {Period::kDay, 240'000}};
  return limits;
}

// The WeChat user of the body, seen by an app of that legal entity.
int64_t FindUser(Call& call, const std::string& entity, std::string* person, const App** app) {
  if (call.Body("unionid").empty() || call.Body("openid").empty()) return 40063;
  *person = PersonOfUser(call.api.world, call.Body("openid"), call.Body("unionid"), app);
  if (person->empty()) return 40073;
  return (*app)->spec.principal_name == entity ? 0 : 48002;
}

// Mini programs of the corp; contacts only.
json OwnUnionid(Call& call) {
  std::string person;
  const App* app = nullptr;
  const int64_t error = FindUser(call, call.corp->spec.entity, &person, &app);
  if (error != 0) return call.Refuse(error);
  if (!app->spec.is_mini_program()) return call.Refuse(40073);
  if (!call.corp->spec.verified) return call.Refuse(48002);
  if (!IsContact(call.estate, *call.corp, person, call.scope(), call.now())) {
    return call.Refuse(84061);
  }
  json answer = ApiOk();
  answer["external_userid"] = call.SeenExternal(person);
  return answer;
}

// Apps of the provider; in one corp, or in all that have installed the suite.
json ThirdPartyUnionid(Call& call) {
  if (!call.estate.frequency.Take(call.provider->corpid, "unionid_to_external_userid_3rd",
                                  ThirdPartyLimits(), call.now())) {
    return call.Refuse(45009);
  }
  std::string person;
  const App* app = nullptr;
  const int64_t error = FindUser(call, call.provider->entity, &person, &app);
  if (error != 0) return call.Refuse(error);
  const std::string corpid = call.Body("corpid");
  json found = json::array();
  for (const auto& [key, install] : call.estate.installs.installs()) {
    if (install.suite_id != call.suite->spec.suite_id || !install.is_standing) continue;
    const std::string seen = call.estate.SeenCorpid(install);
    if (!corpid.empty() && corpid != seen && corpid != install.corpid) continue;
    const Corp& corp = *call.estate.FindCorp(install.corpid);
    // Group contacts only where the corp is named.
    const bool is_known = corpid.empty()
                              ? IsContact(call.estate, corp, person, install.scope, call.now())
                              : IsCustomer(call.estate, corp, person, install.scope, call.now());
    if (!is_known) continue;
    found.push_back(
        {{"corpid", seen},
         {"external_userid", call.estate.ids.External(call.estate.ExternalView(install), person,
                                                      IsWechatUser(corp, person))}});
  }
  if (found.empty()) return call.Refuse(84061);
  json answer = ApiOk();
  answer["external_userid_info"] = std::move(found);
  return answer;
}

bool HasMassTicket(const Call& call) {
  const std::string ticket = call.Body("mass_call_ticket");
  return !ticket.empty() && ticket == call.install->mass_call_ticket &&
         call.now() < call.install->mass_call_until;
}

// The customer, or the pending_id of who may become one.
json AnyUnionid(Call& call) {
  const bool by_provider = wechat::NumberField(call.api.body, "subject_type").value_or(0) == 1;
  const std::string payer = by_provider ? call.provider->corpid : call.corp->spec.corpid;
  if (!HasMassTicket(call) &&
      !call.estate.frequency.Take(
          payer, absl::StrCat("unionid_to_external_userid subject_type ", by_provider ? 1 : 0),
          BusinessLimits(), call.now())) {
    return call.Refuse(45009);
  }
  if (!call.corp->spec.verified || !call.provider->verified) return call.Refuse(48002);
  std::string person;
  const App* app = nullptr;
  const int64_t error =
      FindUser(call, by_provider ? call.provider->entity : call.corp->spec.entity, &person, &app);
  if (error != 0) return call.Refuse(error);
  json answer = ApiOk();
  if (IsCustomer(call.estate, *call.corp, person, call.scope(), call.now())) {
    answer["external_userid"] = call.SeenExternal(person);
  } else {
    answer["pending_id"] =
        call.estate.pending.Issue(call.provider->corpid, call.corp->spec.corpid, person,
                                  call.estate.settings.pending_again == "replace", call.now());
  }
  return answer;
}

json ToPendingIds(Call& call) {
  const json& ids = wechat::ListField(call.api.body, "external_userid");
  if (ids.empty()) return call.Refuse(40063);
  if (ids.size() > kMostAsked) return call.Refuse(40058);
  if (!call.corp->spec.verified || !call.provider->verified) return call.Refuse(48002);
  const std::string chat_id = call.Body("chat_id");
  const Group* group = chat_id.empty() ? nullptr : call.GroupOf(chat_id);
  if (!chat_id.empty() && group == nullptr) return call.Refuse(40058);
  json result = json::array();
  for (const json& item : ids) {
    const std::string person = call.PersonOf(item.is_string() ? item.get<std::string>() : "");
    if (person.empty()) continue;
    // With a group only its owner is looked at, and who is not in it is passed over.
    const bool is_seen =
        group != nullptr ? IsInGroup(*group, person) && Holds(call.scope(), group->spec.owner)
                         : IsCustomer(call.estate, *call.corp, person, call.scope(), call.now());
    const std::string pending =
        is_seen ? call.estate.pending.Find(call.provider->corpid, call.corp->spec.corpid, person,
                                           call.now())
                : "";
    if (pending.empty() && !call.estate.settings.empty_pending_rows) continue;
    result.push_back({{"external_userid", item}, {"pending_id", pending}});
  }
  json answer = ApiOk();
  answer["result"] = std::move(result);
  return answer;
}

// Once per installation, within three months of it; for seven days.
json MassCallTicket(Call& call) {
  Install& install = *call.install;
  const bool is_late = call.now() > install.auth_time + 90 * 86400;
  if (is_late || !install.mass_call_ticket.empty()) return call.Refuse(48002);
  install.mass_call_ticket = RandomText(43);
  install.mass_call_until = call.now() + 7 * 86400;
  json answer = ApiOk();
  answer["mass_call_ticket"] = install.mass_call_ticket;
  return answer;
}

}  // namespace

void AddCustomerConversionApi(ApiTable& table) {
  Post(table, "/cgi-bin/externalcontact/unionid_to_external_userid",
       {Auth::kApp, OwnUnionid, kSuites, true});
  Post(table, "/cgi-bin/service/externalcontact/unionid_to_external_userid_3rd",
       {.auth = Auth::kSuite, .handle = ThirdPartyUnionid, .empty_list = "external_userid_info"});
  Post(table, "/cgi-bin/idconvert/unionid_to_external_userid",
       {Auth::kApp, AnyUnionid, kSuites, true});
  Post(table, "/cgi-bin/idconvert/batch/external_userid_to_pending_id",
       {Auth::kApp, ToPendingIds, kSuites, true});
  Get(table, "/cgi-bin/corp/apply_mass_call_ticket", {Auth::kApp, MassCallTicket, kSuites});
}

}  // namespace datong::wechat_sim::wecom
