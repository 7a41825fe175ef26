#include <algorithm>

#include "common/wechat/answer.h"
#include "tools/wechat_sim/wecom/customers.h"

// Between the views of a corp and of a provider: external_userids, userids, corpids; and the end of
// the migration from old ids to new ones.
namespace datong::wechat_sim::wecom {
namespace {

constexpr size_t kMostConverted = 1000;
constexpr size_t kMostTemporary = 100;
constexpr int64_t kWrongPerDay = 10'000;

std::string TextOf(const json& item) { return item.is_string() ? item.get<std::string>() : ""; }

std::string ProvidersExternal(Call& call, const std::string& provider, const std::string& person) {
  return call.estate.ids.External(ProviderView(provider, call.corp->spec.corpid), person,
                                  IsWechatUser(*call.corp, person));
}

// Whom an id of any view before or after the migration stands for.
std::string PersonOfAnyView(Call& call, const std::string& id) {
  const std::string& corpid = call.corp->spec.corpid;
  const std::string& provider = call.suite->spec.provider;
  for (const View& view :
       {CorpView(corpid), ProviderWideView(provider), ProviderView(provider, corpid)}) {
    const std::string person = call.estate.ids.PersonOf(view, id);
    if (!person.empty()) return person;
  }
  return "";
}

json NewExternalUserids(Call& call) {
  if (call.developer() == kThirdParty && call.install->has_new_external) return call.Refuse(48002);
  const json& ids = wechat::ListField(call.api.body, "external_userid_list");
  if (ids.empty()) return call.Refuse(40063);
  if (ids.size() > kMostConverted) return call.Refuse(40058);
  const Group* group = nullptr;
  if (call.api.path == "/cgi-bin/externalcontact/groupchat/get_new_external_userid") {
    group = call.GroupOf(call.Body("chat_id"));
    if (group == nullptr) return call.Refuse(40058);
  }
  json items = json::array();
  for (const json& item : ids) {
    const std::string person = PersonOfAnyView(call, TextOf(item));
    if (person.empty() || (group != nullptr && !IsInGroup(*group, person))) continue;
    if (group == nullptr && call.corp->contacts.count(person) == 0) continue;
    items.push_back(
        {{"external_userid", item},
         {"new_external_userid", ProvidersExternal(call, call.suite->spec.provider, person)}});
  }
  json answer = ApiOk();
  answer["items"] = std::move(items);
  return answer;
}

json ToService(Call& call) {
  if (call.install->has_new_external) return call.Refuse(48002);
  const std::string person = call.PersonOf(call.Body("external_userid"));
  if (person.empty()) return call.Refuse(40096);
  if (!IsContact(call.estate, *call.corp, person, call.scope(), call.now())) {
    return call.Refuse(84061);
  }
  json answer = ApiOk();
  answer["external_userid"] = ProvidersExternal(call, call.suite->spec.provider, person);
  return answer;
}

// The app of a provider that the corp's own app names by its agentid.
const Install* SourceOf(Call& call) {
  const auto agentid = wechat::NumberField(call.api.body, "source_agentid");
  for (const auto& [key, install] : call.estate.installs.installs()) {
    if (install.corpid == call.corp->spec.corpid && install.is_standing &&
        agentid == install.agentid) {
      return &install;
    }
  }
  return nullptr;
}

json FromService(Call& call) {
  const Install* source = SourceOf(call);
  if (source == nullptr) return call.Refuse(40056);
  const std::string person =
      call.estate.ids.PersonOf(call.estate.ExternalView(*source), call.Body("external_userid"));
  if (person.empty()) return call.Refuse(40096);
  // Whoever knows the customer must be visible to both apps.
  if (!IsCustomer(call.estate, *call.corp, person, call.scope(), call.now()) ||
      !IsCustomer(call.estate, *call.corp, person, source->scope, call.now())) {
    return call.Refuse(84061);
  }
  json answer = ApiOk();
  answer["external_userid"] = call.SeenExternal(person);
  return answer;
}

json ToOpenUserids(Call& call) {
  constexpr char kWrong[] = "userid_to_openuserid with unknown userids";
  const std::string& corpid = call.corp->spec.corpid;
  const json& userids = wechat::ListField(call.api.body, "userid_list");
  if (userids.size() > kMostConverted) return call.Refuse(40058);
  FrequencyBook& frequency = call.estate.frequency;
  if (frequency.IsBlocked(corpid, kWrong, Period::kDay, call.now())) return call.Refuse(45009);
  json known = json::array();
  json invalid = json::array();
  for (const json& item : userids) {
    const std::string userid = TextOf(item);
    if (call.corp->members.count(userid) == 0 || !Holds(call.scope(), userid)) {
      static_cast<void>(frequency.Take(corpid, kWrong, {{Period::kDay, kWrongPerDay}}, call.now()));
      invalid.push_back(item);
      continue;
    }
    known.push_back(
        {{"userid", item}, {"open_userid", OpenUserid(call.suite->spec.provider, corpid, userid)}});
  }
  json answer = ApiOk();
  answer["open_userid_list"] = std::move(known);
  answer["invalid_userid_list"] = std::move(invalid);
  return answer;
}

json FromOpenUserids(Call& call) {
  const Install* source = SourceOf(call);
  if (source == nullptr) return call.Refuse(40056);
  const json& ids = wechat::ListField(call.api.body, "open_userid_list");
  if (ids.size() > kMostConverted) return call.Refuse(40058);
  json known = json::array();
  json invalid = json::array();
  for (const json& item : ids) {
    const auto member =
        std::find_if(call.corp->members.begin(), call.corp->members.end(), [&](const auto& entry) {
          return OpenUserid(call.estate.ProviderOf(*source), call.corp->spec.corpid, entry.first) ==
                 TextOf(item);
        });
    const bool is_seen = member != call.corp->members.end() && Holds(call.scope(), member->first) &&
                         Holds(source->scope, member->first);
    if (is_seen) {
      known.push_back({{"open_userid", item}, {"userid", member->first}});
    } else {
      invalid.push_back(item);
    }
  }
  json answer = ApiOk();
  answer["userid_list"] = std::move(known);
  answer["invalid_open_userid_list"] = std::move(invalid);
  return answer;
}

json ToOpenCorpid(Call& call) {
  const Corp* corp = call.estate.FindCorp(call.Body("corpid"));
  if (corp == nullptr) return call.Refuse(2000002);
  json answer = ApiOk();
  answer["open_corpid"] = OpenCorpid(call.provider->corpid, corp->spec.corpid);
  return answer;
}

// From now on the provider's ids alone, and no unionid any more.
json FinishMigration(Call& call) {
  const auto agentid = wechat::NumberField(call.api.body, "agentid");
  bool has_ids = false;
  // The older call migrates these alone.
  bool has_external = call.api.path != "/cgi-bin/service/finish_openid_migration";
  for (const json& type : wechat::ListField(call.api.body, "openid_type")) {
    has_ids = has_ids || type == 1;
    has_external = has_external || type == 3;
  }
  bool is_known = false;
  for (auto& [key, install] : call.estate.installs.installs()) {
    const Suite* suite = call.estate.FindSuite(install.suite_id);
    if (suite->spec.provider != call.provider->corpid || !install.is_standing) continue;
    if (install.corpid != call.Body("corpid") &&
        OpenCorpid(call.provider->corpid, install.corpid) != call.Body("corpid")) {
      continue;
    }
    if (agentid ? install.agentid != *agentid : suite->spec.is_agency()) continue;
    is_known = true;
    install.has_new_ids = install.has_new_ids || has_ids;
    install.has_new_external = install.has_new_external || has_external;
  }
  return is_known ? ApiOk() : call.Refuse(48004);
}

json ConvertTemporary(Call& call) {
  const json& ids = wechat::ListField(call.api.body, "tmp_external_userid_list");
  if (ids.empty()) return call.Refuse(40063);
  if (ids.size() > kMostTemporary) return call.Refuse(40058);
  json results = json::array();
  json invalid = json::array();
  for (const json& item : ids) {
    const auto it = call.estate.temporary_ids.find(TextOf(item));
    const bool is_asked =
        it != call.estate.temporary_ids.end() && it->second.corpid == call.corp->spec.corpid &&
        wechat::NumberField(call.api.body, "business_type") == it->second.business_type &&
        wechat::NumberField(call.api.body, "user_type") == it->second.user_type;
    if (!is_asked) {
      invalid.push_back(item);
    } else if (it->second.person.empty()) {
      results.push_back({{"tmp_external_userid", item},
                         {"corpid", it->second.other_corpid},
                         {"userid", it->second.userid}});
    } else {
      results.push_back({{"tmp_external_userid", item},
                         {"external_userid", call.SeenExternal(it->second.person)}});
    }
  }
  json answer = ApiOk();
  answer["results"] = std::move(results);
  answer["invalid_tmp_external_userid_list"] = std::move(invalid);
  return answer;
}

}  // namespace

void AddProviderConversionApi(ApiTable& table) {
  const std::string contact = "/cgi-bin/externalcontact/";
  Post(table, contact + "get_new_external_userid", {Auth::kApp, NewExternalUserids, kSuites, true});
  Post(table, contact + "groupchat/get_new_external_userid",
       {Auth::kApp, NewExternalUserids, kSuites, true});
  Post(table, contact + "to_service_external_userid", {Auth::kApp, ToService, kAgency, true});
  Post(table, contact + "from_service_external_userid",
       {Auth::kApp, FromService, kSelfBuilt, true});
  Post(table, "/cgi-bin/batch/userid_to_openuserid", {Auth::kApp, ToOpenUserids, kSuites});
  Post(table, "/cgi-bin/batch/openuserid_to_userid", {Auth::kApp, FromOpenUserids, kSelfBuilt});
  const std::string service = "/cgi-bin/service/";
  Post(table, service + "corpid_to_opencorpid", {Auth::kProvider, ToOpenCorpid});
  Post(table, service + "finish_openid_migration", {Auth::kProvider, FinishMigration});
  Post(table, service + "externalcontact/finish_external_userid_migration",
       {Auth::kProvider, FinishMigration});
  Post(table, "/cgi-bin/idconvert/convert_tmp_external_userid", {Auth::kApp, ConvertTemporary});
}

}  // namespace datong::wechat_sim::wecom
