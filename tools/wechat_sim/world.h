#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/wechat_sim/authorization_book.h"
#include "tools/wechat_sim/fault_book.h"
#include "tools/wechat_sim/login_book.h"
#include "tools/wechat_sim/model.h"
#include "tools/wechat_sim/population.h"
#include "tools/wechat_sim/quota_book.h"
#include "tools/wechat_sim/token_book.h"
#include "tools/wechat_sim/wecom/estate.h"

namespace datong::wechat_sim {

// One push on its way to a callback URL, up to WeChat's three attempts.
struct PushJob {
  std::string label = {};  // "component_verify_ticket", "subscribe", …
  std::string appid = {};  // about whom
  Callback callback = {};
  bool is_component_event = false;  // body with AppId, no openid in the query
  bool is_wecom = false;            // msg_signature alone, body with AgentID
  std::string receive_id = {};
  std::string to = {};      // ToUserName or AppId
  std::string openid = {};  // the sender, in the query
  std::string agent_id = {};
  std::vector<PushField> fields = {};
  std::string xml = {};          // instead of fields, sent as it is
  int64_t answer_within_ms = 0;  // 0: the pusher's own deadline
  int attempts = 0;
};

struct App {
  AppSpec spec;
  Population population;
  std::map<std::string, std::string> options = {
      {"location_report", "0"}, {"voice_recognize", "0"}, {"customer_service", "0"}};
  // Stable tokens.
  int64_t forced_at = 0;
  int64_t forced_day = -1;
  int forced_on_day = 0;
  // Components.
  bool is_ticket_pushing = false;
  int64_t next_ticket_ms = 0;
};

struct JsCode {
  std::string appid = {};
  std::string openid = {};
  int64_t expires = 0;
  bool is_used = false;
};

struct PathCalls {
  int64_t calls = 0;
  int64_t errors = 0;
  std::map<std::string, int64_t> apps = {};
  std::map<int64_t, int64_t> errcodes = {};
};

// Everything the simulator knows. Not thread-safe: guarded by the simulator's mutex.
struct World {
  std::map<std::string, App> apps = {};
  TokenBook tokens;
  AuthorizationBook authorizations;
  QuotaBook quotas;
  FaultBook faults;
  Settings settings;
  std::string url = {};  // of the simulator itself
  wecom::Estate wecom;
  std::map<std::string, JsCode> js_codes = {};
  std::map<std::string, std::string> made_open_accounts = {};  // by API: the entity, by open_appid
  LoginBook logins = {};
  std::map<std::string, PathCalls> calls = {};
  std::deque<nlohmann::json> messages;  // customer-service messages, the newest 1000
  std::vector<PushJob> outbox = {};     // handed to the pusher when the mutex is let go

  App* Find(const std::string& appid);
};

// Adds an app, or changes the one of that appid.
App& PutApp(World& world, AppSpec spec);

// The unionid that an app sees of a user: "" while it is bound to no Open Platform account.
std::string UnionidOf(const App& app, const UserSpec& user);

std::string MintJsCode(World& world, const std::string& appid, const std::string& openid,
                       int64_t now);

// Put pushes into the outbox.
void PushTicket(World& world, App& component, int64_t now);
void PushAuthorizationEvent(World& world, App& component, const std::string& info_type,
                            const std::string& appid, const std::string& auth_code,
                            const std::string& pre_auth_code, int64_t now);
// To the standing component's message URL, else to the app's own callback; nothing when it has
// neither.
void PushMessage(World& world, App& app, const std::string& openid, std::vector<PushField> fields,
                 int64_t at, int copies);
void PushRawMessage(World& world, App& app, const std::string& openid, const std::string& xml,
                    int copies);

}  // namespace datong::wechat_sim
