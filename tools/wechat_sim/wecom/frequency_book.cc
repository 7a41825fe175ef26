#include "tools/wechat_sim/wecom/frequency_book.h"

#include "common/time/shanghai.h"

namespace datong::wechat_sim::wecom {
namespace {

int64_t WindowOf(Period period, int64_t now) {
  const absl::CivilDay day = ShanghaiDay(absl::FromUnixSeconds(now));
  switch (period) {
    case Period::kMinute:
      return now / 60;
    case Period::kHour:
      return now / 3600;
    case Period::kDay:
      return DayNumber(day);
    case Period::kMonth:
      break;
  }
  return day.year() * 12 + day.month();
}

int64_t BlockedUntil(Period period, int64_t now) {
  switch (period) {
    case Period::kMinute:
      return now + 60;
    case Period::kHour:
      return now + 3600;
    case Period::kDay:
      return absl::ToUnixSeconds(ShanghaiMidnight(ShanghaiDay(absl::FromUnixSeconds(now)) + 1));
    case Period::kMonth:
      break;
  }
  return now + 30 * 86400;
}

}  // namespace

bool FrequencyBook::Take(const std::string& who, const std::string& what,
                         const std::vector<Limit>& limits, int64_t now) {
  std::vector<Count*> counts;
  for (const Limit& limit : limits) {
    Count& count = counts_[{who, {what, limit.period}}];
    if (now < count.blocked_until) return false;
    const int64_t window = WindowOf(limit.period, now);
    if (count.window != window) count = {window};
    const auto told = limits_.find({what, limit.period});
    if (count.used >= (told == limits_.end() ? limit.calls : told->second)) {
      count.blocked_until = BlockedUntil(limit.period, now);
      return false;
    }
    counts.push_back(&count);
  }
  for (Count* count : counts) ++count->used;
  return true;
}

bool FrequencyBook::IsBlocked(const std::string& who, const std::string& what, Period period,
                              int64_t now) const {
  const auto it = counts_.find({who, {what, period}});
  return it != counts_.end() && now < it->second.blocked_until;
}

void FrequencyBook::SetLimit(const std::string& what, Period period, int64_t calls) {
  limits_[{what, period}] = calls;
}

}  // namespace datong::wechat_sim::wecom
