#include "common/exec/periodic_task.h"

#include <utility>

#include "absl/random/random.h"

namespace datong {

PeriodicTask::PeriodicTask(const Clock& clock, absl::Duration interval, std::function<void()> work)
    : clock_(clock), interval_(interval), work_(std::move(work)), thread_([this] { Run(); }) {}

PeriodicTask::~PeriodicTask() { Stop(); }

void PeriodicTask::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  changed_.Signal();
}

void PeriodicTask::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void PeriodicTask::Run() {
  absl::BitGen random;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    work_();
    absl::Time seen = clock_.Now();
    const absl::Time next = seen + interval_ * absl::Uniform(random, 0.9, 1.0);
    MutexLock lock(&mutex_);
    while (!stopping_ && !woken_) {
      const absl::Time now = clock_.Now();
      // A clock that was set back would hold the work for as long.
      if (now >= next || now < seen) break;
      seen = now;
      clock_.WaitUntil(mutex_, changed_, next);
    }
  }
}

}  // namespace datong
