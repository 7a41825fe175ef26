#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/http/client.h"
#include "common/time/clock.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim {

struct PusherOptions {
  int threads = 4;
  int attempts = 3;
  absl::Duration deadline = absl::Seconds(5);     // per attempt
  absl::Duration retry_delay = absl::Seconds(1);  // of real time
};

// Delivers pushes as WeChat does: signed and, where the mode says so, encrypted anew for each
// attempt; five seconds, three attempts; anything but "success", an empty body or a valid encrypted
// reply has failed. No order is promised. Thread-safe.
class Pusher {
 public:
  Pusher(PusherOptions options, const Clock& clock);
  ~Pusher();

  // Each waits a random part of `jitter` first.
  void Enqueue(std::vector<PushJob> jobs, absl::Duration jitter = absl::ZeroDuration());
  // Once no push waits or is on its way any more; false when that took longer.
  bool WaitIdle(absl::Duration timeout);
  void Stop();
  // {"pending","delivered","failed","attempts","recent":[…]}
  nlohmann::json Report() const;
  void ForgetReport();
  // Drops what still waits.
  void Clear();

  // The GET that verifies a callback URL: {"ok","status","answer"}.
  nlohmann::json VerifyUrl(const Callback& callback);
  // WeCom's, with an encrypted echostr. Errors: INVALID_ARGUMENT (the callback's key).
  absl::StatusOr<nlohmann::json> VerifyWecomUrl(const Callback& callback,
                                                const std::string& receive_id);

 private:
  void Work();
  nlohmann::json Verify(const std::string& url, const std::string& echostr);
  // Empty when it was acknowledged, else what was wrong.
  std::string Attempt(const PushJob& job);
  std::string CheckReply(const PushJob& job, const http::ClientResponse& response) const;
  void Finish(PushJob job, const std::string& problem) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const PusherOptions options_;
  const Clock& clock_;
  http::Client client_;

  mutable Mutex mutex_;
  absl::CondVar changed_;
  std::multimap<absl::Time, PushJob> queue_ ABSL_GUARDED_BY(mutex_);  // by real time
  int64_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t delivered_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<nlohmann::json> recent_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// The plain body of a push, as XML or JSON; in compatible mode `encrypt` goes along.
std::string PlainBody(const PushJob& job, const std::string& encrypt);

}  // namespace datong::wechat_sim
