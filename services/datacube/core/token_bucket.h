#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace datong::datacube {

// Allows `per_second` calls a second, and `burst` at once after a rest. Not thread-safe.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  bool Ready(absl::Time now) {
    Fill(now);
    return tokens_ >= 1;
  }
  void Take(absl::Time now) {
    Fill(now);
    tokens_ -= 1;
  }

 private:
  void Fill(absl::Time now) {
    if (!started_) {
      started_ = true;
      tokens_ = burst_;
    } else if (now > filled_time_) {
      tokens_ = std::min(burst_, tokens_ + absl::ToDoubleSeconds(now - filled_time_) * per_second_);
    }
    filled_time_ = std::max(filled_time_, now);
  }

  double per_second_;
  double burst_;
  double tokens_ = 0;
  bool started_ = false;
  absl::Time filled_time_ = absl::InfinitePast();
};

// One bucket over all apps, and one for each. Not thread-safe.
class CallPacer {
 public:
  struct Rates {
    double per_second = 20;
    double app_per_second = 1;
    double app_burst = 3;
  };
  explicit CallPacer(Rates rates)
      : rates_(rates), all_(rates.per_second, std::max(1.0, rates.per_second)) {}

  // Whether any call may be made.
  bool Ready(absl::Time now) { return all_.Ready(now); }
  // The apps that must rest.
  std::vector<std::string> Resting(absl::Time now) {
    std::vector<std::string> resting;
    for (auto& [appid, bucket] : apps_) {
      if (!bucket.Ready(now)) resting.push_back(appid);
    }
    return resting;
  }
  void Take(const std::string& appid, absl::Time now) {
    all_.Take(now);
    apps_.try_emplace(appid, rates_.app_per_second, rates_.app_burst).first->second.Take(now);
  }

 private:
  Rates rates_;
  TokenBucket all_;
  std::map<std::string, TokenBucket> apps_;
};

}  // namespace datong::datacube
