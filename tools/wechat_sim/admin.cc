#include "tools/wechat_sim/admin.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/http/request.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "tools/wechat_sim/json_model.h"
#include "tools/wechat_sim/login_admin.h"
#include "tools/wechat_sim/wecom/admin.h"

namespace datong::wechat_sim {
namespace {

using wechat::ListField;
using wechat::NumberField;
using wechat::TextField;

absl::Status Wrong(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

struct AdminCall {
  World& world;
  int64_t now;
  const std::string& query;
  const json& body;

  // The app that the body names under `field`.
  absl::StatusOr<App*> FindApp(const char* field = "appid") const {
    App* app = world.Find(TextField(body, field));
    if (app == nullptr) {
      return Wrong(absl::StrCat("\"", field, "\": no app \"", TextField(body, field), "\""));
    }
    return app;
  }
  bool Flag(const json& from, const char* name, bool otherwise) const {
    const auto it = from.find(name);
    return it == from.end() || !it->is_boolean() ? otherwise : it->get<bool>();
  }
};
using Result = absl::StatusOr<json>;

Result PutApps(const AdminCall& call) {
  const json list =
      call.body.contains("apps") ? ListField(call.body, "apps") : json::array({call.body});
  for (const json& item : list) {
    const App* known = call.world.Find(TextField(item, "appid"));
    AppSpec spec = known == nullptr ? AppSpec() : known->spec;
    DATONG_RETURN_IF_ERROR(ReadApp(item, &spec));
    PutApp(call.world, std::move(spec));
  }
  return json{{"apps", call.world.apps.size()}};
}

Result ListApps(const AdminCall& call) {
  json list = json::array();
  for (const auto& [appid, app] : call.world.apps) {
    json grants = json::array();
    for (const auto& [key, grant] : call.world.authorizations.grants()) {
      if (key.second != appid) continue;
      grants.push_back(
          {{"component_appid", key.first}, {"standing", grant.is_standing}, {"sets", grant.sets}});
    }
    list.push_back({{"appid", appid},
                    {"kind", app.spec.kind},
                    {"name", app.spec.name},
                    {"user_name", app.spec.user_name},
                    {"open_platform_account", app.spec.open_platform_account},
                    {"ticket_pushing", app.is_ticket_pushing},
                    {"users", app.population.users().size()},
                    {"followers", app.population.CountAt(call.now)},
                    {"authorizations", std::move(grants)}});
  }
  return json{{"apps", std::move(list)}};
}

Result PutUsers(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * app, call.FindApp());
  for (const json& item : ListField(call.body, "users")) {
    UserSpec user;
    DATONG_RETURN_IF_ERROR(ReadUser(item, &user));
    app->population.Put(user);
  }
  return json{{"users", app->population.users().size()}};
}

absl::Status FollowOne(const AdminCall& call, App& app, const json& item, bool follow) {
  const std::string openid = TextField(item, "openid");
  if (openid.empty()) return Wrong("\"openid\" is missing");
  const int64_t at = NumberField(item, "at_s").value_or(call.now);
  std::string scene = TextField(item, "scene");
  if (scene.empty()) scene = "ADD_SCENE_OTHERS";
  const std::string qr_scene = TextField(item, "qr_scene");
  const bool changed = follow ? app.population.Follow(openid, at, scene, qr_scene)
                              : app.population.Unfollow(openid, at);
  if (!changed) {
    return Wrong(absl::StrCat("\"", openid, "\" ", follow ? "follows already" : "does not follow"));
  }
  if (!call.Flag(item, "push", call.Flag(call.body, "push", true))) return absl::OkStatus();
  std::vector<PushField> fields = {
      {"MsgType", "event"},
      {"Event", follow ? "subscribe" : "unsubscribe"},
      {"EventKey", qr_scene.empty() || !follow ? "" : absl::StrCat("qrscene_", qr_scene)}};
  if (follow && !qr_scene.empty()) fields.push_back({"Ticket", RandomText(90)});
  PushMessage(call.world, app, openid, std::move(fields), at,
              static_cast<int>(NumberField(item, "copies").value_or(1)));
  return absl::OkStatus();
}

Result FollowMany(const AdminCall& call, bool follow) {
  DATONG_ASSIGN_OR_RETURN(App * app, call.FindApp());
  if (!call.body.contains("events")) {
    DATONG_RETURN_IF_ERROR(FollowOne(call, *app, call.body, follow));
  }
  for (const json& item : ListField(call.body, "events")) {
    DATONG_RETURN_IF_ERROR(FollowOne(call, *app, item, follow));
  }
  return json{{"followers", app->population.CountAt(call.now)}};
}

Result Push(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * app, call.FindApp());
  const std::string openid = TextField(call.body, "openid");
  const auto copies = static_cast<int>(NumberField(call.body, "copies").value_or(1));
  const size_t before = call.world.outbox.size();
  const std::string xml = TextField(call.body, "xml");
  if (!xml.empty()) {
    PushRawMessage(call.world, *app, openid, xml, copies);
  } else {
    std::vector<PushField> fields;
    const json& given = wechat::ObjectField(call.body, "fields");
    if (!given.contains("MsgType")) return Wrong("\"fields\" must have MsgType");
    for (const auto& [name, value] : given.items()) {
      fields.push_back({name, TextField(given, name), value.is_number()});
    }
    PushMessage(call.world, *app, openid, std::move(fields),
                NumberField(call.body, "at_s").value_or(call.now), copies);
  }
  return json{{"pushes", call.world.outbox.size() - before}};
}

Result JsCodes(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * app, call.FindApp());
  const auto mint = [&call, app](const std::string& openid) {
    app->population.FindOrMake(openid);
    return MintJsCode(call.world, app->spec.appid, openid, call.now);
  };
  if (!call.body.contains("openids")) {
    if (TextField(call.body, "openid").empty()) return Wrong("\"openid\" is missing");
    return json{{"code", mint(TextField(call.body, "openid"))}};
  }
  json codes = json::array();
  for (const json& openid : ListField(call.body, "openids")) {
    if (!openid.is_string()) return Wrong("\"openids\" must be texts");
    codes.push_back(mint(openid.get<std::string>()));
  }
  return json{{"codes", std::move(codes)}};
}

Result PushTicketNow(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * component, call.FindApp("component_appid"));
  PushTicket(call.world, *component, call.now);
  return json::object();
}

Result SetTicketInterval(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * component, call.FindApp("component_appid"));
  const int64_t seconds = NumberField(call.body, "seconds").value_or(600);
  component->is_ticket_pushing = seconds > 0;
  if (seconds > 0) component->spec.ticket_interval_s = seconds;
  component->next_ticket_ms = 0;
  return json::object();
}

Result AuthorizeNow(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * component, call.FindApp("component_appid"));
  DATONG_ASSIGN_OR_RETURN(App * app, call.FindApp());
  std::vector<int> sets = component->spec.permission_sets;
  if (call.body.contains("sets")) {
    sets.clear();
    for (const json& set : ListField(call.body, "sets")) {
      if (set.is_number_integer()) sets.push_back(set.get<int>());
    }
  }
  std::string event;
  const std::string code = call.world.authorizations.Authorize(
      component->spec.appid, app->spec.appid, sets, "", call.now, &event);
  if (call.Flag(call.body, "push", true)) {
    PushAuthorizationEvent(call.world, *component, event, app->spec.appid, code,
                           TextField(call.body, "pre_auth_code"), call.now);
  }
  return json{{"auth_code", code}, {"event", event}};
}

Result UnauthorizeNow(const AdminCall& call) {
  DATONG_ASSIGN_OR_RETURN(App * component, call.FindApp("component_appid"));
  DATONG_ASSIGN_OR_RETURN(App * app, call.FindApp());
  if (!call.world.authorizations.Unauthorize(component->spec.appid, app->spec.appid)) {
    return Wrong("there is no standing authorisation");
  }
  call.world.tokens.EndLine(TokenKind::kAuthorizer, app->spec.appid, component->spec.appid,
                            call.now);
  PushAuthorizationEvent(call.world, *component, "unauthorized", app->spec.appid, "", "", call.now);
  return json::object();
}

Result ExpireTokens(const AdminCall& call) {
  const std::string how = TextField(call.body, "how");
  if (!how.empty() && how != "expire" && how != "invalidate") {
    return Wrong("\"how\" must be expire or invalidate");
  }
  return json{
      {"tokens", call.world.tokens.End(TextField(call.body, "appid"), TextField(call.body, "kind"),
                                       how != "invalidate", call.now)}};
}

Result ListTokens(const AdminCall& call) {
  json list = json::array();
  for (const auto& [value, token] : call.world.tokens.all()) {
    const int64_t state = token.CheckAt(call.now);
    list.push_back({{"appid", token.appid},
                    {"kind", TokenKindName(token.kind)},
                    {"expires_s", token.expires},
                    {"state", state == 0       ? "valid"
                              : state == 42001 ? "expired"
                                               : "invalid"},
                    {"tail", value.substr(value.size() - 6)}});
  }
  return json{{"tokens", std::move(list)}};
}

Result AddFault(const AdminCall& call) {
  FaultSpec fault;
  DATONG_RETURN_IF_ERROR(ReadFault(call.body, &fault));
  return json{{"id", call.world.faults.AddFault(fault)}};
}

Result ListFaults(const AdminCall& call) {
  json list = json::array();
  for (const auto& [id, entry] : call.world.faults.faults()) {
    json item = WriteFault(entry.spec);
    item["id"] = id;
    item["hits"] = entry.hits;
    list.push_back(std::move(item));
  }
  return json{{"faults", std::move(list)}};
}

Result RemoveFaults(const AdminCall& call) {
  int id = 0;
  static_cast<void>(absl::SimpleAtoi(http::QueryValue(call.query, "id"), &id));
  call.world.faults.RemoveFaults(id);
  return json::object();
}

Result AddOverride(const AdminCall& call) {
  OverrideSpec value;
  DATONG_RETURN_IF_ERROR(ReadOverride(call.body, &value));
  return json{{"id", call.world.faults.AddOverride(value)}};
}

Result RemoveOverrides(const AdminCall& call) {
  call.world.faults.RemoveOverrides();
  return json::object();
}

Result SetQuota(const AdminCall& call) {
  const std::string appid = TextField(call.body, "appid");
  const std::string path = TextField(call.body, "path");
  if (appid.empty() || path.empty()) return Wrong("\"appid\" and \"path\" are needed");
  call.world.quotas.SetLimits(appid, path, NumberField(call.body, "daily_limit").value_or(0),
                              NumberField(call.body, "minute_limit").value_or(-1));
  if (const auto used = NumberField(call.body, "used"); used) {
    call.world.quotas.SetUsed(appid, path, *used, call.now);
  }
  return json::object();
}

Result SetSettings(const AdminCall& call) {
  DATONG_RETURN_IF_ERROR(ReadSettings(call.body, &call.world.settings));
  const Settings& settings = call.world.settings;
  return json{{"ready_hour", settings.ready_hour},
              {"not_ready", settings.not_ready},
              {"authorized_push", settings.authorized_push},
              {"push_jitter_ms", settings.push_jitter_ms}};
}

Result ListCalls(const AdminCall& call) {
  int64_t total = 0;
  int64_t errors = 0;
  json paths = json::object();
  for (const auto& [path, calls] : call.world.calls) {
    total += calls.calls;
    errors += calls.errors;
    json codes = json::object();
    for (const auto& [code, count] : calls.errcodes) codes[absl::StrCat(code)] = count;
    paths[path] = {{"calls", calls.calls},
                   {"errors", calls.errors},
                   {"apps", calls.apps},
                   {"errcodes", std::move(codes)}};
  }
  return json{{"total", total}, {"errors", errors}, {"paths", std::move(paths)}};
}

Result ForgetCalls(const AdminCall& call) {
  call.world.calls.clear();
  return json::object();
}

Result Truth(const AdminCall& call) {
  const std::string only = http::QueryValue(call.query, "appid");
  json apps = json::object();
  for (const auto& [appid, app] : call.world.apps) {
    if (!only.empty() && only != appid) continue;
    json users = json::array();
    for (const UserSpec& user : app.population.users()) users.push_back(WriteUser(user));
    apps[appid] = {{"kind", app.spec.kind},
                   {"open_platform_account", app.spec.open_platform_account},
                   {"followers", app.population.CountAt(call.now)},
                   {"users", std::move(users)}};
  }
  return json{{"apps", std::move(apps)}};
}

Result Messages(const AdminCall& call) { return json{{"messages", call.world.messages}}; }

}  // namespace

absl::StatusOr<json> WorldAdmin(World& world, absl::Time now, const std::string& method,
                                const std::string& path, const std::string& query,
                                const json& body) {
  if (absl::StartsWith(path, "/admin/wecom/")) {
    return wecom::Admin(world, absl::ToUnixSeconds(now), method, path, body);
  }
  using Handle = Result (*)(const AdminCall&);
  static const auto& table = *new std::map<std::pair<std::string, std::string>, Handle>{
      {{"POST", "/admin/apps"}, PutApps},
      {{"GET", "/admin/apps"}, ListApps},
      {{"POST", "/admin/users"}, PutUsers},
      {{"POST", "/admin/follow"}, [](const AdminCall& call) { return FollowMany(call, true); }},
      {{"POST", "/admin/unfollow"}, [](const AdminCall& call) { return FollowMany(call, false); }},
      {{"POST", "/admin/push"}, Push},
      {{"POST", "/admin/js_codes"}, JsCodes},
      {{"POST", "/admin/tickets/push"}, PushTicketNow},
      {{"POST", "/admin/tickets/interval"}, SetTicketInterval},
      {{"POST", "/admin/authorize"}, AuthorizeNow},
      {{"POST", "/admin/unauthorize"}, UnauthorizeNow},
      {{"POST", "/admin/tokens/expire"}, ExpireTokens},
      {{"GET", "/admin/tokens"}, ListTokens},
      {{"POST", "/admin/faults"}, AddFault},
      {{"GET", "/admin/faults"}, ListFaults},
      {{"DELETE", "/admin/faults"}, RemoveFaults},
      {{"POST", "/admin/overrides"}, AddOverride},
      {{"DELETE", "/admin/overrides"}, RemoveOverrides},
      {{"POST", "/admin/quota"}, SetQuota},
      {{"POST", "/admin/settings"}, SetSettings},
      {{"GET", "/admin/calls"}, ListCalls},
      {{"DELETE", "/admin/calls"}, ForgetCalls},
      {{"GET", "/admin/truth"}, Truth},
      {{"GET", "/admin/messages"}, Messages},
  };
  const auto it = table.find({method, path});
  if (it == table.end()) {
    if (auto answer = LoginAdmin(world, now, method, path, body)) return *std::move(answer);
    return absl::NotFoundError(absl::StrCat("there is no ", method, " ", path));
  }
  return it->second({world, absl::ToUnixSeconds(now), query, body});
}

}  // namespace datong::wechat_sim
