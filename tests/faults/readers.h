#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "tests/faults/fleet.h"
#include "tests/faults/history.h"

namespace datong::faults {

struct ReaderOptions {
  int per_replica = 2;
  absl::Duration pause = absl::Milliseconds(5);  // between two calls of a reader
  absl::Duration deadline = absl::Seconds(5);    // of each call
  // Every reader asks any replica, and again where a client of ours would: then what it saw has no
  // order.
  bool any_replica = false;
  std::vector<std::string> appids = {};  // empty: all
};

// Threads that read tokens all the time and remember what they got, until Stop. Thread-safe.
class Readers {
 public:
  Readers(Fleet& fleet, ReaderOptions options);
  ~Readers();

  int64_t answered() const { return answered_; }
  int64_t refused() const { return refused_; }
  std::map<std::string, int64_t> refusals() const;  // by reason, or code where there is none
  // Waits until so many more were answered, or refused. False when it takes too long.
  bool AwaitAnswers(int64_t more) const;
  bool AwaitRefusals(int64_t more) const;
  // Ends them, and gives what they saw.
  std::vector<TokenRead> Stop();

 private:
  void Run(int reader, const std::string& address);

  Fleet& fleet_;
  const ReaderOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> answered_{0};
  std::atomic<int64_t> refused_{0};
  mutable Mutex mutex_;
  std::vector<TokenRead> reads_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> refusals_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace datong::faults
