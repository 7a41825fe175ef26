#include "tools/wechat_sim/simulator.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "common/wechat/lenient_json.h"
#include "tools/wechat_sim/admin.h"
#include "tools/wechat_sim/api.h"
#include "tools/wechat_sim/clock_followers.h"
#include "tools/wechat_sim/json_model.h"
#include "tools/wechat_sim/pages.h"
#include "tools/wechat_sim/pusher.h"
#include "tools/wechat_sim/web_login_page.h"
#include "tools/wechat_sim/wecom/call.h"
#include "tools/wechat_sim/wecom/install_page.h"
#include "tools/wechat_sim/wecom/push.h"
#include "tools/wechat_sim/wecom/web_login_page.h"

namespace datong::wechat_sim {
namespace {

constexpr int64_t kMostBytes = 128 << 20;  // a whole population at once

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

http::ServerResponse JsonResponse(int status, const json& value) {
  http::ServerResponse response;
  response.status = status;
  response.content_type = "application/json; encoding=utf-8";
  response.body = Dump(value);
  return response;
}

PusherOptions PusherOptionsOf(const SimulatorOptions& options) {
  PusherOptions pusher;
  pusher.threads = options.push_threads;
  pusher.attempts = options.push_attempts;
  pusher.deadline = options.push_deadline;
  pusher.retry_delay = options.push_retry_delay;
  return pusher;
}

// Numbers become texts, in rows too, as some answers of WeChat have them.
void NumbersToTexts(json* value) {
  if (value->is_number()) {
    *value = value->dump();
  } else if (value->is_structured()) {
    for (json& item : *value) NumbersToTexts(&item);
  }
}

void Spoil(const std::string& kind, json* answer) {
  if (kind == "text_numbers") NumbersToTexts(answer);
  if (kind != "empty_list" && kind != "null_list") return;
  for (const char* name : {"list", "user_info_list"}) {
    if (answer->contains(name)) (*answer)[name] = kind == "null_list" ? json() : json::array();
  }
}

}  // namespace

class Simulator::Core {
 public:
  explicit Core(SimulatorOptions options)
      : options_(std::move(options)), pusher_(PusherOptionsOf(options_), clock_) {
    if (options_.start_time) SetNow(*options_.start_time);
    AddTokenApi(table_);
    AddComponentApi(table_);
    AddLoginApi(table_);
    AddWebLoginApi(table_);
    AddSessionApi(table_);
    AddFollowerApi(table_);
    AddStatisticsApi(table_);
    AddAccountApi(table_);
    AddOpenApi(table_);
    wecom::AddApi(table_);
    router_.Handle("", "/*", {.metric = "wechat", .max_body_bytes = kMostBytes},
                   [this](const http::ServerRequest& request) { return Answer(request); });
    http::ServerOptions server;
    server.address = options_.address;
    server.port = options_.port;
    server.handler_threads = 32;  // some of them held by followers of the clock
    server_ = std::make_unique<http::Server>(server, router_, registry_);
    ticker_ = std::thread([this] { PushTickets(); });
  }
  ~Core() { Stop(); }

  absl::Status Start() {
    DATONG_RETURN_IF_ERROR(server_->Start());
    MutexLock lock(&mutex_);
    world_.url = url();
    return absl::OkStatus();
  }
  void Stop() {
    {
      MutexLock lock(&mutex_);
      stopped_ = true;
      changed_.SignalAll();
    }
    followers_.Stop();
    if (ticker_.joinable()) ticker_.join();
    pusher_.Stop();
    server_->Stop(absl::ZeroDuration());
  }
  std::string url() const {
    return absl::StrCat("http://", options_.address, ":", server_->port());
  }

  absl::Time Now() const { return clock_.Now(); }
  void SetNow(absl::Time now) { SetOffset(now - absl::Now()); }
  void SetOffset(absl::Duration offset) {
    Move([offset](absl::Duration) { return offset; });
  }
  void Advance(absl::Duration by) {
    Move([by](absl::Duration offset) { return offset + by; });
  }
  bool WaitForPushes(absl::Duration timeout) { return pusher_.WaitIdle(timeout); }

  // Runs `work` on the world, then sends what it put into the outbox.
  template <typename Work>
  auto With(Work work) {
    MutexLock lock(&mutex_);
    auto result = work(world_);
    Flush();
    return result;
  }

  absl::StatusOr<json> Admin(const std::string& method, const std::string& target,
                             const json& body);

 private:
  http::ServerResponse Answer(const http::ServerRequest& request);
  http::ServerResponse AnswerPage(const http::ServerRequest& request);
  bool IsWecomPage(const http::ServerRequest& request);
  http::ServerResponse AnswerWecomPage(const http::ServerRequest& request);
  http::ServerResponse AnswerApi(const http::ServerRequest& request);
  http::ServerResponse AnswerAdmin(const http::ServerRequest& request);
  absl::StatusOr<json> MoveClock(const json& body);
  absl::StatusOr<json> VerifyCallback(const json& body);
  absl::StatusOr<json> VerifyWecomCallback(const json& body);
  json ClockJson();
  // Of one that tells its name: it follows from now on. With the offset that it has, waits for the
  // next move.
  void FollowClock(const std::string& query);
  // False when the fault is the whole answer.
  bool ApplyFault(const FaultSpec& fault, const http::ServerRequest& request,
                  http::ServerResponse* response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  json Run(const http::ServerRequest& request, const json& body, absl::Time now, int* status,
           std::string* raw, std::string* appid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Count(const std::string& path, const std::string& appid, int64_t errcode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Flush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (world_.outbox.empty()) return;
    pusher_.Enqueue(std::exchange(world_.outbox, {}),
                    absl::Milliseconds(world_.settings.push_jitter_ms));
  }
  // To what `next` makes of the offset. Nothing is pushed by the new time before all who follow the
  // clock have it.
  template <typename Next>
  void Move(Next next) {
    {
      MutexLock lock(&mutex_);
      // In whole milliseconds, as those who follow the clock read it.
      offset_ = absl::Floor(next(offset_), absl::Milliseconds(1));
      ++moves_;
      clock_.SetOffset(offset_);
      followers_.Move(offset_);
    }
    followers_.AwaitAll();
    MutexLock lock(&mutex_);
    --moves_;
    changed_.SignalAll();
  }
  void PushTickets();

  const SimulatorOptions options_;
  SystemClock clock_;
  ApiTable table_;
  metrics::Registry registry_;
  http::Router router_;
  Mutex mutex_;
  absl::CondVar changed_;
  World world_ ABSL_GUARDED_BY(mutex_);
  absl::Duration offset_ ABSL_GUARDED_BY(mutex_);
  int moves_ ABSL_GUARDED_BY(mutex_) = 0;  // under way
  ClockFollowers followers_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  Pusher pusher_;
  std::unique_ptr<http::Server> server_;
  std::thread ticker_;
};

void Simulator::Core::PushTickets() {
  MutexLock lock(&mutex_);
  while (!stopped_) {
    if (moves_ > 0) {
      changed_.Wait(&mutex_);
      continue;
    }
    const absl::Time now = clock_.Now();
    absl::Time next = wecom::PushDueTickets(world_, now);
    for (auto& [appid, app] : world_.apps) {
      if (!app.is_ticket_pushing || !app.spec.is_component()) continue;
      const absl::Duration interval = absl::Seconds(app.spec.ticket_interval_s);
      // Due, or scheduled before the clock was set back. Many intervals at once make one ticket.
      if (absl::FromUnixMillis(app.next_ticket_ms) <= now ||
          absl::FromUnixMillis(app.next_ticket_ms) > now + interval) {
        PushTicket(world_, app, absl::ToUnixSeconds(now));
        app.next_ticket_ms = absl::ToUnixMillis(now + interval);
      }
      next = std::min(next, absl::FromUnixMillis(app.next_ticket_ms));
    }
    Flush();
    clock_.WaitUntil(mutex_, changed_, next);
  }
}

http::ServerResponse Simulator::Core::Answer(const http::ServerRequest& request) {
  if (absl::StartsWith(request.path, "/admin/")) return AnswerAdmin(request);
  if (IsWecomPage(request)) return AnswerWecomPage(request);
  if (IsAuthorizationPage(request.path) || IsWebLoginPage(request.path)) {
    return AnswerPage(request);
  }
  return AnswerApi(request);
}

http::ServerResponse Simulator::Core::AnswerPage(const http::ServerRequest& request) {
  bool confirmed = false;
  bool push_first = false;
  http::ServerResponse response;
  {
    MutexLock lock(&mutex_);
    Count(request.path, "", 0);
    response = IsWebLoginPage(request.path)
                   ? WebLoginPage(world_, request, clock_.Now())
                   : AuthorizationPage(world_, request, clock_.Now(), &confirmed);
    push_first = world_.settings.authorized_push == "first";
    Flush();
  }
  if (confirmed && push_first) static_cast<void>(pusher_.WaitIdle(absl::Seconds(20)));
  return response;
}

bool Simulator::Core::IsWecomPage(const http::ServerRequest& request) {
  if (wecom::IsInstallPage(request)) return true;
  MutexLock lock(&mutex_);
  return wecom::IsWebLogin(world_.wecom, request);
}

http::ServerResponse Simulator::Core::AnswerWecomPage(const http::ServerRequest& request) {
  MutexLock lock(&mutex_);
  Count(request.path, "", 0);
  http::ServerResponse response = wecom::IsInstallPage(request)
                                      ? wecom::InstallPage(world_, request, clock_.Now())
                                      : wecom::WebLoginPage(world_, request, clock_.Now());
  Flush();
  return response;
}

void Simulator::Core::Count(const std::string& path, const std::string& appid, int64_t errcode) {
  PathCalls& calls = world_.calls[path];
  ++calls.calls;
  if (!appid.empty()) ++calls.apps[appid];
  if (errcode == 0) return;
  ++calls.errors;
  ++calls.errcodes[errcode];
}

json Simulator::Core::Run(const http::ServerRequest& request, const json& body, absl::Time now,
                          int* status, std::string* raw, std::string* appid) {
  const auto endpoint = table_.find(request.path);
  if (endpoint == table_.end()) return ApiError(40066);
  ApiCall call{world_, now, request.method, request.path, request.query, body, request.peer};
  CallFacts facts{request.method, request.path, *appid, wechat::TextField(body, "begin_date"),
                  wechat::TextField(body, "end_date")};
  OverrideSpec replacement;
  Endpoint chosen = endpoint->second;
  if (world_.faults.TakeOverride(facts, &replacement)) {
    // Checked like any call, answered from the file.
    chosen.handle = [&replacement, status, raw](ApiCall&) {
      *status = replacement.status;
      *raw = replacement.body;
      return json::object();
    };
  }
  std::string token_owner;
  json answer = RunEndpoint(chosen, call, request.body, &token_owner);
  if (appid->empty()) *appid = token_owner;
  return answer;
}

bool Simulator::Core::ApplyFault(const FaultSpec& fault, const http::ServerRequest& request,
                                 http::ServerResponse* response) {
  if (fault.kind == "http") {
    response->status = fault.status;
    response->content_type = "text/html";
    response->body = absl::StrCat("<html><h1>", fault.status, "</h1></html>");
    return false;
  }
  if (fault.kind == "reset") {
    response->reset_connection = true;
    return false;
  }
  if (fault.kind == "errcode") {
    *response = JsonResponse(200, ApiError(fault.errcode, fault.errmsg));
    return false;
  }
  if (fault.kind == "expire") {
    for (const char* name : {"access_token", "component_access_token", "suite_access_token",
                             "provider_access_token"}) {
      Token* token = world_.tokens.Find(http::QueryValue(request.query, name));
      if (token != nullptr) token->expires = std::min(token->expires, absl::ToUnixSeconds(Now()));
    }
  }
  return true;
}

http::ServerResponse Simulator::Core::AnswerApi(const http::ServerRequest& request) {
  const json body =
      request.body.empty() ? json() : wechat::ParseLenientJson(request.body).value_or(json());
  FaultSpec fault;
  http::ServerResponse response;
  {
    MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    std::string appid = AppidOfCall(world_, request.query, body);
    const CallFacts facts{request.method, request.path, appid,
                          wechat::TextField(body, "begin_date"),
                          wechat::TextField(body, "end_date")};
    const bool is_faulty = world_.faults.Take(facts, absl::ToUnixMillis(now), &fault);
    if (is_faulty && !ApplyFault(fault, request, &response)) {
      Count(request.path, appid, fault.kind == "errcode" ? fault.errcode : -2);
      return response;
    }
    int status = 200;
    std::string raw;
    json answer = Run(request, body, now, &status, &raw, &appid);
    Count(request.path, appid, wechat::NumberField(answer, "errcode").value_or(0));
    Spoil(fault.kind, &answer);
    response = JsonResponse(status, answer);
    if (!raw.empty()) response.body = raw;
    if (absl::StartsWith(request.path, "/sns/")) response.content_type = "text/plain";
    Flush();
    changed_.SignalAll();
  }
  if (fault.kind == "truncate") response.body.resize(response.body.size() / 2);
  if (fault.kind == "slow") absl::SleepFor(absl::Milliseconds(fault.ms));
  return response;
}

http::ServerResponse Simulator::Core::AnswerAdmin(const http::ServerRequest& request) {
  const json body =
      request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
  if (!body.is_object()) return JsonResponse(400, {{"error", "the body is no JSON object"}});
  const std::string target =
      request.query.empty() ? request.path : absl::StrCat(request.path, "?", request.query);
  const auto answer = Admin(request.method, target, body);
  if (answer.ok()) return JsonResponse(200, *answer);
  return JsonResponse(absl::IsNotFound(answer.status()) ? 404 : 400,
                      {{"error", std::string(answer.status().message())}});
}

json Simulator::Core::ClockJson() {
  MutexLock lock(&mutex_);
  // The offset itself, not a difference of two readings: who follows it must not jitter.
  return {{"now_ms", absl::ToUnixMillis(clock_.Now())},
          {"offset_ms", absl::ToInt64Milliseconds(offset_)}};
}

void Simulator::Core::FollowClock(const std::string& query) {
  const std::string follower = http::QueryValue(query, "follower");
  if (follower.empty()) return;
  int64_t offset_ms = 0;
  if (absl::SimpleAtoi(http::QueryValue(query, "offset_ms"), &offset_ms)) {
    followers_.AwaitMove(follower, absl::Milliseconds(offset_ms));
  } else {
    followers_.Join(follower);
  }
}

absl::StatusOr<json> Simulator::Core::MoveClock(const json& body) {
  using wechat::NumberField;
  if (const auto by = NumberField(body, "advance_s")) {
    Advance(absl::Seconds(*by));
  } else if (const auto by_ms = NumberField(body, "advance_ms")) {
    Advance(absl::Milliseconds(*by_ms));
  } else if (const auto at = NumberField(body, "set_ms")) {
    SetNow(absl::FromUnixMillis(*at));
  } else if (const auto offset = NumberField(body, "offset_ms")) {
    SetOffset(absl::Milliseconds(*offset));
  } else {
    absl::Time at_time;
    std::string problem;
    if (!absl::ParseTime(absl::RFC3339_full, wechat::TextField(body, "set"), &at_time, &problem)) {
      return absl::InvalidArgumentError(
          "one of advance_s, advance_ms, set_ms, offset_ms or set (RFC 3339) is needed");
    }
    SetNow(at_time);
  }
  return ClockJson();
}

absl::StatusOr<json> Simulator::Core::VerifyCallback(const json& body) {
  Callback callback;
  {
    MutexLock lock(&mutex_);
    const App* app = world_.Find(wechat::TextField(body, "appid"));
    if (app == nullptr) return absl::InvalidArgumentError("\"appid\" is unknown");
    callback = app->spec.callback;
  }
  if (callback.url.empty()) return absl::InvalidArgumentError("the app has no callback");
  return pusher_.VerifyUrl(callback);
}

absl::StatusOr<json> Simulator::Core::VerifyWecomCallback(const json& body) {
  Callback callback;
  std::string receive_id;
  {
    MutexLock lock(&mutex_);
    if (!wecom::FindCallback(world_.wecom, body, &callback, &receive_id)) {
      return absl::InvalidArgumentError("\"suite_id\", or \"corpid\" and \"agentid\", are unknown");
    }
  }
  if (callback.url.empty()) return absl::InvalidArgumentError("there is no callback");
  return pusher_.VerifyWecomUrl(callback, receive_id);
}

absl::StatusOr<json> Simulator::Core::Admin(const std::string& method, const std::string& target,
                                            const json& body) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(target, absl::MaxSplits('?', 1));
  const std::string& path = parts.first;
  if (path == "/admin/clock") {
    if (method != "GET") return MoveClock(body);
    FollowClock(parts.second);
    return ClockJson();
  }
  if (path == "/admin/verify_callback" && method == "POST") return VerifyCallback(body);
  if (path == "/admin/wecom/verify_callback" && method == "POST") return VerifyWecomCallback(body);
  if (path == "/admin/pushes") {
    if (method == "GET") return pusher_.Report();
    pusher_.ForgetReport();
    return json::object();
  }
  if (path == "/admin/drain" && method == "POST") {
    const int64_t timeout = wechat::NumberField(body, "timeout_ms").value_or(5000);
    return json{{"idle", pusher_.WaitIdle(absl::Milliseconds(timeout))}};
  }
  if (path == "/admin/reset" && method == "POST") {
    const auto keep = body.find("keep_clock");
    if (keep == body.end() || *keep != json(true)) {
      SetOffset(options_.start_time ? *options_.start_time - absl::Now() : absl::ZeroDuration());
    }
    pusher_.Clear();
    MutexLock lock(&mutex_);
    world_ = World();
    world_.url = url();
    return json::object();
  }
  MutexLock lock(&mutex_);
  auto answer = WorldAdmin(world_, clock_.Now(), method, path, parts.second, body);
  Flush();
  changed_.SignalAll();
  return answer;
}

Simulator::Simulator(SimulatorOptions options)
    : core_(std::make_unique<Core>(std::move(options))) {}
Simulator::~Simulator() = default;
absl::Status Simulator::Start() { return core_->Start(); }
void Simulator::Stop() { core_->Stop(); }
std::string Simulator::url() const { return core_->url(); }
absl::Time Simulator::Now() const { return core_->Now(); }
void Simulator::Advance(absl::Duration by) { core_->Advance(by); }
void Simulator::SetNow(absl::Time now) { core_->SetNow(now); }

void Simulator::AddApp(const AppSpec& app) {
  core_->With([&](World& world) { return &PutApp(world, app); });
}

void Simulator::AddUsers(const std::string& appid, const std::vector<UserSpec>& users) {
  core_->With([&](World& world) {
    if (App* app = world.Find(appid); app != nullptr) {
      for (const UserSpec& user : users) app->population.Put(user);
    }
    return true;
  });
}

std::string Simulator::MintJsCode(const std::string& appid, const std::string& openid) {
  return core_->With([&](World& world) {
    if (App* app = world.Find(appid); app != nullptr) app->population.FindOrMake(openid);
    return wechat_sim::MintJsCode(world, appid, openid, absl::ToUnixSeconds(core_->Now()));
  });
}

void Simulator::Follow(const std::string& appid, const std::string& openid,
                       const std::string& scene) {
  static_cast<void>(core_->Admin("POST", "/admin/follow",
                                 {{"appid", appid}, {"openid", openid}, {"scene", scene}}));
}

void Simulator::Unfollow(const std::string& appid, const std::string& openid) {
  static_cast<void>(
      core_->Admin("POST", "/admin/unfollow", {{"appid", appid}, {"openid", openid}}));
}

void Simulator::Push(const std::string& appid, const std::string& openid,
                     std::vector<PushField> fields) {
  core_->With([&](World& world) {
    if (App* app = world.Find(appid); app != nullptr) {
      PushMessage(world, *app, openid, std::move(fields), absl::ToUnixSeconds(core_->Now()), 1);
    }
    return true;
  });
}

void Simulator::AddFault(const FaultSpec& fault) {
  core_->With([&](World& world) { return world.faults.AddFault(fault); });
}

int64_t Simulator::Calls(const std::string& path) const {
  return core_->With([&](World& world) {
    int64_t calls = 0;
    for (const auto& [name, count] : world.calls) {
      if (path.empty() || name == path) calls += count.calls;
    }
    return calls;
  });
}

bool Simulator::WaitForPushes(absl::Duration timeout) { return core_->WaitForPushes(timeout); }

absl::StatusOr<json> Simulator::Admin(const std::string& method, const std::string& path,
                                      const json& body) {
  return core_->Admin(method, path, body);
}

}  // namespace datong::wechat_sim
