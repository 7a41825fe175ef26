#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/wechat_sim/model.h"

namespace datong::wechat_sim {

struct SimulatorOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: any free one
  // Where its clock begins; absent: the real time.
  std::optional<absl::Time> start_time = std::nullopt;
  int push_threads = 4;
  int push_attempts = 3;
  absl::Duration push_deadline = absl::Seconds(5);
  absl::Duration push_retry_delay = absl::Seconds(1);
};

// A WeChat server for development and tests (README.md): HTTP on one port, and the same admin calls
// in process. Thread-safe.
class Simulator {
 public:
  explicit Simulator(SimulatorOptions options = {});
  ~Simulator();

  absl::Status Start();
  void Stop();  // idempotent
  // "http://127.0.0.1:12345", after Start. Serves the api, mp and open hosts and /admin.
  std::string url() const;

  absl::Time Now() const;
  void Advance(absl::Duration by);
  void SetNow(absl::Time now);

  void AddApp(const AppSpec& app);
  void AddUsers(const std::string& appid, const std::vector<UserSpec>& users);
  std::string MintJsCode(const std::string& appid, const std::string& openid);
  // Now, with the push.
  void Follow(const std::string& appid, const std::string& openid,
              const std::string& scene = "ADD_SCENE_OTHERS");
  void Unfollow(const std::string& appid, const std::string& openid);
  // A message or event of a user: MsgType and what else it has.
  void Push(const std::string& appid, const std::string& openid, std::vector<PushField> fields);
  void AddFault(const FaultSpec& fault);
  // Calls that a path has had; "" = all.
  int64_t Calls(const std::string& path = "") const;
  // Once no push waits any more.
  bool WaitForPushes(absl::Duration timeout);

  // Any call of the admin API: Admin("POST", "/admin/js_codes", {…}).
  // Errors: INVALID_ARGUMENT, NOT_FOUND.
  absl::StatusOr<nlohmann::json> Admin(const std::string& method, const std::string& path,
                                       const nlohmann::json& body = nlohmann::json::object());

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace datong::wechat_sim
