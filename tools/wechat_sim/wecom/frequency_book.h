#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace datong::wechat_sim::wecom {

enum class Period { kMinute, kHour, kDay, kMonth };

struct Limit {
  Period period;
  int64_t calls;
};

// Calls counted by who asks and what, in windows of the clock. Too many in one window (45009)
// blocks all further ones: for 60 s, 60 minutes, the rest of the day in Shanghai, or 30 days. Not
// thread-safe.
class FrequencyBook {
 public:
  // Counts one call under every limit, unless one of them blocks it: false.
  bool Take(const std::string& who, const std::string& what, const std::vector<Limit>& limits,
            int64_t now);
  bool IsBlocked(const std::string& who, const std::string& what, Period period, int64_t now) const;
  // Replaces what callers of Take say.
  void SetLimit(const std::string& what, Period period, int64_t calls);

 private:
  struct Count {
    int64_t window = -1;
    int64_t used = 0;
    int64_t blocked_until = 0;
  };
  std::map<std::pair<std::string, std::pair<std::string, Period>>, Count> counts_;
  std::map<std::pair<std::string, Period>, int64_t> limits_;
};

}  // namespace datong::wechat_sim::wecom
