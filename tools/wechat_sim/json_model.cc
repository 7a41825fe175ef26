#include "tools/wechat_sim/json_model.h"

#include <fstream>
#include <iterator>

#include "common/status/macros.h"
#include "tools/wechat_sim/json_reader.h"

namespace datong::wechat_sim {

absl::Status ReadApp(const json& in, AppSpec* app) {
  Reader reader(in);
  reader.Read("appid", &app->appid);
  reader.Read("secret", &app->secret);
  reader.Read("kind", &app->kind);
  reader.Read("name", &app->name);
  reader.Read("user_name", &app->user_name);
  reader.Read("open_platform_account", &app->open_platform_account);
  reader.Read("principal_name", &app->principal_name);
  reader.Read("verified", &app->verified);
  reader.Read("service_type", &app->service_type);
  reader.Read("account_status", &app->account_status);
  reader.Read("realname_status", &app->realname_status);
  reader.Read("message_url", &app->message_url);
  reader.Read("launch_domain", &app->launch_domain);
  reader.Read("web_domain", &app->web_domain);
  reader.Read("ticket_pushing", &app->ticket_pushing);
  reader.Read("ticket_interval_s", &app->ticket_interval_s);
  reader.Read("token_overlap_s", &app->token_overlap_s);
  reader.Read("rotate_refresh_tokens", &app->rotate_refresh_tokens);
  reader.Read("pre_auth_code_s", &app->pre_auth_code_s);
  reader.Require("appid", app->appid);
  reader.OneOf("kind", app->kind, {"official_account", "mini_program", "web_app", "component"});
  if (const json* domains = reader.Find("request_domains"); domains != nullptr) {
    if (!domains->is_array()) return WrongField("request_domains", "must be a list of texts");
    app->request_domains.clear();
    for (const json& domain : *domains) {
      if (!domain.is_string()) return WrongField("request_domains", "must be a list of texts");
      app->request_domains.push_back(domain.get<std::string>());
    }
  }
  if (const json* sets = reader.Find("permission_sets"); sets != nullptr) {
    if (!sets->is_array()) return WrongField("permission_sets", "must be a list of numbers");
    app->permission_sets.clear();
    for (const json& set : *sets) {
      if (!set.is_number_integer())
        return WrongField("permission_sets", "must be a list of numbers");
      app->permission_sets.push_back(set.get<int>());
    }
  }
  if (const json* callback = reader.Find("callback"); callback != nullptr) {
    Reader inner(*callback);
    inner.Read("url", &app->callback.url);
    inner.Read("token", &app->callback.token);
    inner.Read("encoding_aes_key", &app->callback.encoding_aes_key);
    inner.Read("mode", &app->callback.mode);
    inner.Read("format", &app->callback.format);
    inner.OneOf("mode", app->callback.mode, {"plain", "compatible", "secure"});
    inner.OneOf("format", app->callback.format, {"xml", "json"});
    DATONG_RETURN_IF_ERROR(inner.status());
  }
  return reader.status();
}

absl::Status ReadUser(const json& in, UserSpec* user) {
  Reader reader(in);
  reader.Read("openid", &user->openid);
  reader.Read("unionid", &user->unionid);
  reader.Read("person", &user->person);
  reader.Read("blocked", &user->blocked);
  reader.Read("broken", &user->broken);
  reader.Require("openid", user->openid);
  if (const json* follows = reader.Find("follows"); follows != nullptr && follows->is_array()) {
    user->follows.clear();
    for (const json& item : *follows) {
      FollowPeriod& period = user->follows.emplace_back();
      Reader inner(item);
      inner.Read("from", &period.from);
      inner.Read("until", &period.until);
      inner.Read("scene", &period.scene);
      inner.Read("qr_scene", &period.qr_scene);
      DATONG_RETURN_IF_ERROR(inner.status());
    }
  }
  return reader.status();
}

absl::Status ReadFault(const json& in, FaultSpec* fault) {
  Reader reader(in);
  reader.Read("path", &fault->path);
  reader.Read("kind", &fault->kind);
  reader.Read("count", &fault->count);
  reader.Read("appid", &fault->appid);
  reader.Read("date", &fault->date);
  reader.Read("method", &fault->method);
  reader.Read("until_ms", &fault->until_ms);
  reader.Read("ms", &fault->ms);
  reader.Read("status", &fault->status);
  reader.Read("errcode", &fault->errcode);
  reader.Read("errmsg", &fault->errmsg);
  reader.Require("path", fault->path);
  reader.OneOf("kind", fault->kind,
               {"slow", "http", "reset", "truncate", "errcode", "empty_list", "null_list",
                "text_numbers", "expire"});
  return reader.status();
}

absl::Status ReadOverride(const json& in, OverrideSpec* value) {
  Reader reader(in);
  reader.Read("path", &value->path);
  reader.Read("appid", &value->appid);
  reader.Read("date", &value->date);
  reader.Read("status", &value->status);
  reader.Read("count", &value->count);
  reader.Read("raw", &value->body);
  reader.Require("path", value->path);
  if (const json* answer = reader.Find("answer"); answer != nullptr) value->body = answer->dump();
  std::string file;
  reader.Read("file", &file);
  if (!file.empty()) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return WrongField("file", "cannot be read");
    value->body.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    // A file of testdata/ holds the answer beside its request.
    const json held = json::parse(value->body, nullptr, false);
    if (held.is_object() && held.contains("response") && held["response"].is_object()) {
      value->body = held["response"].dump();
    }
  }
  return reader.status();
}

absl::Status ReadSettings(const json& in, Settings* settings) {
  Reader reader(in);
  reader.Read("ready_hour", &settings->ready_hour);
  reader.Read("not_ready", &settings->not_ready);
  reader.Read("authorized_push", &settings->authorized_push);
  reader.Read("push_jitter_ms", &settings->push_jitter_ms);
  reader.OneOf("not_ready", settings->not_ready, {"61503", "empty", "null", "missing"});
  reader.OneOf("authorized_push", settings->authorized_push, {"async", "first", "none"});
  return reader.status();
}

json WriteUser(const UserSpec& user) {
  json follows = json::array();
  for (const FollowPeriod& period : user.follows) {
    follows.push_back({{"from", period.from}, {"until", period.until}, {"scene", period.scene}});
  }
  return {{"openid", user.openid},
          {"unionid", user.unionid},
          {"person", user.person},
          {"follows", std::move(follows)}};
}

json WriteFault(const FaultSpec& fault) {
  return {{"path", fault.path},         {"kind", fault.kind},    {"remaining", fault.count},
          {"appid", fault.appid},       {"date", fault.date},    {"method", fault.method},
          {"until_ms", fault.until_ms}, {"ms", fault.ms},        {"status", fault.status},
          {"errcode", fault.errcode},   {"errmsg", fault.errmsg}};
}

}  // namespace datong::wechat_sim
