#include "common/server/clock_follower.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/log/log.h"

namespace datong::server {
namespace {

// An answer comes when the clock has moved: then the next question is asked at once.
constexpr absl::Duration kPause = absl::Milliseconds(5);
constexpr absl::Duration kPauseWithoutAnswer = absl::Milliseconds(200);
constexpr absl::Duration kTimeout = absl::Seconds(2);

}  // namespace

ClockFollower::ClockFollower(const std::string& url, SystemClock& clock)
    : url_(absl::StrCat(url, "/admin/clock")),
      name_(RandomHex(8)),
      clock_(clock),
      client_({.allow_private = true}) {
  Follow();
  thread_ = std::thread([this] { Run(); });
}

ClockFollower::~ClockFollower() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

bool ClockFollower::Follow() {
  http::ClientRequest request;
  request.method = "GET";
  request.url = absl::StrCat(url_, "?follower=", name_);
  if (offset_ms_.has_value()) absl::StrAppend(&request.url, "&offset_ms=", *offset_ms_);
  const absl::StatusOr<http::ClientResponse> response =
      client_.Send(request, Deadline::After(kTimeout));
  if (!response.ok() || response->status != 200) return false;
  const nlohmann::json answer = nlohmann::json::parse(response->body, nullptr, false);
  if (!answer.is_object() || !answer.contains("offset_ms") ||
      !answer["offset_ms"].is_number_integer()) {
    return false;
  }
  offset_ms_ = answer["offset_ms"].get<int64_t>();
  clock_.SetOffset(absl::Milliseconds(*offset_ms_));
  return true;
}

void ClockFollower::Run() {
  bool followed = true;
  while (true) {
    const std::optional<int64_t> before = offset_ms_;
    const bool follows = Follow();
    if (followed && !follows) LogWarn("the clock to follow does not answer");
    followed = follows;
    const absl::Duration pause = !follows               ? kPauseWithoutAnswer
                                 : before == offset_ms_ ? kPause
                                                        : absl::ZeroDuration();
    MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause)) return;
  }
}

}  // namespace datong::server
