#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace datong::wechat_sim {

// Calls of one app to one path, by day of Asia/Shanghai and by minute. Not thread-safe.
class QuotaBook {
 public:
  struct Count {
    int64_t daily_limit = 0;   // 0: by the path's default
    int64_t minute_limit = 0;  // 0: none
    int32_t day = 0;
    int64_t used = 0;
    int64_t minute = 0;
    int64_t used_in_minute = 0;
  };

  // Counts one call: 0, 45009 or 45011. A refused call is not counted.
  int64_t Take(const std::string& appid, const std::string& path, int64_t now);
  Count Get(const std::string& appid, const std::string& path, int64_t now);
  void SetLimits(const std::string& appid, const std::string& path, int64_t daily, int64_t minute);
  void SetUsed(const std::string& appid, const std::string& path, int64_t used, int64_t now);
  // False when the ten of the month are used up.
  bool Clear(const std::string& appid, int64_t now);

 private:
  Count& At(const std::string& appid, const std::string& path, int64_t now);
  std::map<std::pair<std::string, std::string>, Count> counts_;
  std::map<std::pair<std::string, int>, int> clears_;  // by appid and month
};

}  // namespace datong::wechat_sim
