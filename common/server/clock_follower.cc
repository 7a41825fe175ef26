#include "common/server/clock_follower.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "common/log/log.h"

namespace datong::server {

ClockFollower::ClockFollower(std::string url, SystemClock& clock, absl::Duration interval)
    : url_(std::move(url)),
      clock_(clock),
      interval_(interval),
      client_({.allow_private = true}),
      follows_(Follow()),
      thread_([this] { Run(); }) {}

ClockFollower::~ClockFollower() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

bool ClockFollower::Follow() {
  const absl::StatusOr<http::ClientResponse> response =
      client_.Send({.method = "GET", .url = url_ + "/admin/clock", .headers = {}, .body = {}},
                   Deadline::After(absl::Seconds(2)));
  if (!response.ok() || response->status != 200) return false;
  const nlohmann::json answer = nlohmann::json::parse(response->body, nullptr, false);
  if (!answer.is_object() || !answer.contains("offset_ms") ||
      !answer["offset_ms"].is_number_integer()) {
    return false;
  }
  clock_.SetOffset(absl::Milliseconds(answer["offset_ms"].get<int64_t>()));
  return true;
}

void ClockFollower::Run() {
  bool followed = true;
  for (bool follows = follows_;; follows = Follow()) {
    if (followed && !follows) LogWarn("the clock to follow does not answer");
    followed = follows;
    MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), interval_)) return;
  }
}

}  // namespace datong::server
