#include "tools/wechat_sim/world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"

namespace datong::wechat_sim {
namespace {

constexpr int64_t kJsCodeLifetime = 300;

PushJob ComponentEvent(const App& component, const std::string& label) {
  PushJob job;
  job.label = label;
  job.appid = component.spec.appid;
  job.callback = component.spec.callback;
  job.callback.mode = "secure";
  job.callback.format = "xml";
  job.is_component_event = true;
  job.receive_id = component.spec.appid;
  job.to = component.spec.appid;
  return job;
}

// Where the messages of an app go.
bool AimAtReceiver(World& world, const App& app, PushJob* job) {
  job->appid = app.spec.appid;
  job->to = app.spec.user_name;
  for (const auto& [key, grant] : world.authorizations.grants()) {
    const App* component = key.second == app.spec.appid ? world.Find(key.first) : nullptr;
    if (component == nullptr || !grant.is_standing || component->spec.message_url.empty()) continue;
    job->callback = component->spec.callback;
    job->callback.url =
        absl::StrReplaceAll(component->spec.message_url, {{"$APPID$", app.spec.appid}});
    job->callback.mode = "secure";
    job->callback.format = "xml";
    job->receive_id = component->spec.appid;
    return true;
  }
  job->callback = app.spec.callback;
  job->receive_id = app.spec.appid;
  return !job->callback.url.empty();
}

void Send(World& world, const PushJob& job, int copies) {
  for (int i = 0; i < copies; ++i) world.outbox.push_back(job);
}

}  // namespace

App* World::Find(const std::string& appid) {
  const auto it = apps.find(appid);
  return it == apps.end() ? nullptr : &it->second;
}

App& PutApp(World& world, AppSpec spec) {
  if (spec.user_name.empty()) {
    spec.user_name = absl::StrCat("gh_", BytesToHex(crypto::Sha256(spec.appid)).substr(0, 12));
  }
  if (spec.name.empty()) spec.name = spec.appid;
  if (spec.service_type < 0) spec.service_type = spec.is_mini_program() ? 0 : 2;
  App& app = world.apps[spec.appid];
  app.is_ticket_pushing = app.is_ticket_pushing || spec.ticket_pushing;
  app.spec = std::move(spec);
  return app;
}

std::string UnionidOf(const App& app, const UserSpec& user) {
  return app.spec.open_platform_account.empty() ? "" : user.unionid;
}

std::string MintJsCode(World& world, const std::string& appid, const std::string& openid,
                       int64_t now) {
  const std::string code = RandomText(32);
  world.js_codes[code] = {appid, openid, now + kJsCodeLifetime, false};
  return code;
}

void PushTicket(World& world, App& component, int64_t now) {
  const std::string ticket = world.authorizations.MakeTicket(component.spec.appid, now);
  if (component.spec.callback.url.empty()) return;
  PushJob job = ComponentEvent(component, "component_verify_ticket");
  job.fields = {{"AppId", component.spec.appid},
                {"CreateTime", absl::StrCat(now), true},
                {"InfoType", "component_verify_ticket"},
                {"ComponentVerifyTicket", ticket}};
  Send(world, job, 1);
}

void PushAuthorizationEvent(World& world, App& component, const std::string& info_type,
                            const std::string& appid, const std::string& auth_code,
                            const std::string& pre_auth_code, int64_t now) {
  if (component.spec.callback.url.empty() || info_type.empty()) return;
  PushJob job = ComponentEvent(component, info_type);
  job.fields = {{"AppId", component.spec.appid},
                {"CreateTime", absl::StrCat(now), true},
                {"InfoType", info_type},
                {"AuthorizerAppid", appid}};
  if (info_type != "unauthorized") {
    const AuthCode* code = world.authorizations.FindAuthCode(auth_code);
    job.fields.push_back({"AuthorizationCode", auth_code});
    job.fields.push_back({"AuthorizationCodeExpiredTime",
                          absl::StrCat(code == nullptr ? now : code->expires), true});
    job.fields.push_back({"PreAuthCode", pre_auth_code});
  }
  Send(world, job, 1);
}

void PushMessage(World& world, App& app, const std::string& openid, std::vector<PushField> fields,
                 int64_t at, int copies) {
  PushJob job;
  if (!AimAtReceiver(world, app, &job)) return;
  job.openid = openid;
  job.fields = {{"ToUserName", app.spec.user_name},
                {"FromUserName", openid},
                {"CreateTime", absl::StrCat(at), true}};
  bool is_event = false;
  for (PushField& field : fields) {
    if (field.name == "MsgType") is_event = field.value == "event";
    if (field.name == "Event" || (field.name == "MsgType" && job.label.empty())) {
      job.label = field.value;
    }
    job.fields.push_back(std::move(field));
  }
  if (!is_event) {
    // 64 bits, beyond what a double holds exactly.
    uint64_t id = uint64_t{1} << 61;
    for (const char byte : crypto::RandomBytes(6)) id += id / 64 + static_cast<unsigned char>(byte);
    job.fields.push_back({"MsgId", absl::StrCat(id), true});
  }
  Send(world, job, copies);
}

void PushRawMessage(World& world, App& app, const std::string& openid, const std::string& xml,
                    int copies) {
  PushJob job;
  if (!AimAtReceiver(world, app, &job)) return;
  job.openid = openid;
  job.label = "raw";
  job.xml = xml;
  Send(world, job, copies);
}

}  // namespace datong::wechat_sim
