#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace datong {

// A fixed number of threads and a bounded queue. Work may block. Thread-safe.
class ThreadPool {
 public:
  ThreadPool(int threads, size_t queue_capacity);
  // Runs what is queued, then joins.
  ~ThreadPool();

  // Queues `work`, or returns false at once when the queue is full or the pool is stopping.
  [[nodiscard]] bool TrySchedule(std::function<void()> work);

  // No new work is taken; returns when the queued work is done. Idempotent.
  void Drain();

  size_t queued() const;

 private:
  void RunWorker();

  const size_t capacity_;
  mutable Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// Threads worth having on this machine: the cgroup's CPU quota if there is one, else the cores.
int AvailableCpus();

}  // namespace datong
