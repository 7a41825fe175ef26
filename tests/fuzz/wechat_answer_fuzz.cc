// What WeChat's interfaces answer, as the statistics and the follower list are read from it.
#include "common/wechat/answer.h"
#include "services/datacube/core/answers.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  const absl::string_view body = fuzz::Text(data, size);
  const datacube::DaySpan span{absl::CivilDay(2026, 11, 1), absl::CivilDay(2026, 11, 7)};
  const absl::StatusOr<wechat::Answer> answer = wechat::ParseAnswer(body);
  if (answer.ok()) answer->status("wx1").IgnoreError();
  datacube::ParseUserSummary(body, span).IgnoreError();
  datacube::ParseUserCumulate(body, span).IgnoreError();
  datacube::ParseRosterPage(body).IgnoreError();
  datacube::ParseFollowerInfos(body).IgnoreError();
  return 0;
}
