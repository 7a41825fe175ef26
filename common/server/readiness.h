#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "common/server/module.h"
#include "common/time/deadline.h"

namespace datong::server {

// Starts modules (again and again while they say UNAVAILABLE) and then asks them whether they can
// serve. Thread-safe.
class Readiness {
 public:
  // `changed` is told each time the answer changes, on the readiness thread or in Drain.
  Readiness(std::vector<Module*> modules, metrics::Registry& registry,
            std::function<void(bool ready)> changed);
  // Stops.
  ~Readiness();

  void Begin();
  // Not ready from now on, for good.
  void Drain();
  // Ends the thread.
  void Stop();
  // True once Stop was called or `wait` is over.
  bool WaitForStop(absl::Duration wait);

  // OK, or why not: UNAVAILABLE with a sentence per module.
  absl::Status Check() const;
  absl::Status WaitReady(Deadline deadline) const;
  // What ended a module's start for good.
  absl::Status failure() const;
  // The modules whose Start succeeded, in order: those are to be stopped.
  std::vector<Module*> started() const;

 private:
  void Run();
  bool StartModules();
  void Set(const absl::Status& status, const std::string& reason);

  const std::vector<Module*> modules_;
  metrics::Registry& registry_;
  const std::function<void(bool)> changed_;
  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::string reason_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<Module*> started_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace datong::server
