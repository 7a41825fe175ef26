#include "tools/wechat_sim/quota_book.h"

#include "absl/strings/match.h"
#include "common/time/shanghai.h"

namespace datong::wechat_sim {
namespace {

int64_t DefaultLimit(const std::string& path) {
  if (path == "/cgi-bin/token") return 2000;
  if (path == "/cgi-bin/component/api_component_token") return 10000;
  if (path == "/cgi-bin/user/get") return 500;
  if (absl::StartsWith(path, "/datacube/")) return 1000;
  return 500000;
}

}  // namespace

QuotaBook::Count& QuotaBook::At(const std::string& appid, const std::string& path, int64_t now) {
  Count& count = counts_[{appid, path}];
  if (count.daily_limit == 0) count.daily_limit = DefaultLimit(path);
  const int32_t day = DayNumber(ShanghaiDay(absl::FromUnixSeconds(now)));
  if (count.day != day) {
    count.day = day;
    count.used = 0;
  }
  if (count.minute != now / 60) {
    count.minute = now / 60;
    count.used_in_minute = 0;
  }
  return count;
}

int64_t QuotaBook::Take(const std::string& appid, const std::string& path, int64_t now) {
  Count& count = At(appid, path, now);
  if (count.used >= count.daily_limit) return 45009;
  if (count.minute_limit > 0 && count.used_in_minute >= count.minute_limit) return 45011;
  ++count.used;
  ++count.used_in_minute;
  return 0;
}

QuotaBook::Count QuotaBook::Get(const std::string& appid, const std::string& path, int64_t now) {
  return At(appid, path, now);
}

void QuotaBook::SetLimits(const std::string& appid, const std::string& path, int64_t daily,
                          int64_t minute) {
  Count& count = counts_[{appid, path}];
  if (daily > 0) count.daily_limit = daily;
  if (minute >= 0) count.minute_limit = minute;
}

void QuotaBook::SetUsed(const std::string& appid, const std::string& path, int64_t used,
                        int64_t now) {
  At(appid, path, now).used = used;
}

bool QuotaBook::Clear(const std::string& appid, int64_t now) {
  const absl::CivilDay day = ShanghaiDay(absl::FromUnixSeconds(now));
  int& clears = clears_[{appid, static_cast<int>(day.year()) * 12 + day.month()}];
  if (clears >= 10) return false;
  ++clears;
  for (auto& [key, count] : counts_) {
    if (key.first == appid) count.used = 0;
  }
  return true;
}

}  // namespace datong::wechat_sim
