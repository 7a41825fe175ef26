#pragma once

// Stands in for common/base/mutex.h in builds with the thread sanitizer, and only there. Debian's
// Abseil is built without the sanitizer, which therefore does not see what absl::Mutex orders and
// reports races where there are none. These have the same interface, as far as the suite uses it,
// on the standard library's locks, which the sanitizer knows. Slow: every Unlock wakes all who wait
// for a condition.

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace datong {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    changed_.notify_all();
    mutex_.unlock();
  }
  bool TryLock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) { return mutex_.try_lock(); }
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() {}
  void ReaderLock() ABSL_SHARED_LOCK_FUNCTION() { Lock(); }
  void ReaderUnlock() ABSL_UNLOCK_FUNCTION() { Unlock(); }

  void Await(const absl::Condition& condition) {
    WithLock([&](std::unique_lock<std::mutex>& lock) {
      changed_.wait(lock, [&] { return condition.Eval(); });
      return true;
    });
  }
  bool AwaitWithTimeout(const absl::Condition& condition, absl::Duration timeout) {
    if (timeout == absl::InfiniteDuration()) {
      Await(condition);
      return true;
    }
    return WithLock([&](std::unique_lock<std::mutex>& lock) {
      return changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                               [&] { return condition.Eval(); });
    });
  }

 private:
  friend class SeenCondVar;
  // Hands the lock that the caller holds to the standard library for a while.
  template <typename Work>
  bool WithLock(Work work) {
    changed_.notify_all();
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    const bool result = work(lock);
    lock.release();
    return result;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

class SeenCondVar {
 public:
  void Wait(Mutex* mutex) {
    mutex->WithLock([&](std::unique_lock<std::mutex>& lock) {
      signalled_.wait(lock);
      return true;
    });
  }
  // True when the time ran out.
  bool WaitWithTimeout(Mutex* mutex, absl::Duration timeout) {
    if (timeout == absl::InfiniteDuration()) {
      Wait(mutex);
      return false;
    }
    return mutex->WithLock([&](std::unique_lock<std::mutex>& lock) {
      return signalled_.wait_for(lock, absl::ToChronoNanoseconds(timeout)) ==
             std::cv_status::timeout;
    });
  }
  bool WaitWithDeadline(Mutex* mutex, absl::Time deadline) {
    if (deadline == absl::InfiniteFuture()) {
      Wait(mutex);
      return false;
    }
    return mutex->WithLock([&](std::unique_lock<std::mutex>& lock) {
      return signalled_.wait_until(lock, absl::ToChronoTime(deadline)) == std::cv_status::timeout;
    });
  }
  void Signal() { signalled_.notify_one(); }
  void SignalAll() { signalled_.notify_all(); }

 private:
  std::condition_variable signalled_;
};

}  // namespace datong

// The suite writes absl::CondVar, and means one that goes with its Mutex.
namespace absl {
using SeenCondVar = datong::SeenCondVar;
}
#define CondVar SeenCondVar
