#include "common/exec/thread_pool.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

namespace datong {

ThreadPool::ThreadPool(int threads, size_t queue_capacity) : capacity_(queue_capacity) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { RunWorker(); });
}

ThreadPool::~ThreadPool() { Drain(); }

bool ThreadPool::TrySchedule(std::function<void()> work) {
  MutexLock lock(&mutex_);
  if (stopping_ || queue_.size() >= capacity_) return false;
  queue_.push_back(std::move(work));
  return true;
}

void ThreadPool::Drain() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

size_t ThreadPool::queued() const {
  MutexLock lock(&mutex_);
  return queue_.size();
}

void ThreadPool::RunWorker() {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(&mutex_);
      const auto has_news = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || !queue_.empty();
      };
      mutex_.Await(absl::Condition(&has_news));
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

int AvailableCpus() {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::ifstream cpu_max("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(cpu_max >> quota >> period) || quota == "max" || period <= 0) return cores;
  const double allowed = std::strtod(quota.c_str(), nullptr) / period;
  return std::clamp(static_cast<int>(allowed + 0.5), 1, cores);
}

}  // namespace datong
