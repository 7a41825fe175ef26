#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"

namespace datong::broker {

struct AppEntry {
  App app;
  Credentials credentials;  // of apps with a secret of their own
};
using AppEntryPtr = std::shared_ptr<const AppEntry>;

// Apps with their credentials, remembered for two seconds of real time: logins come by the thousand
// and would read the same row each. A change is seen that much later. Thread-safe.
class AppCache {
 public:
  explicit AppCache(AppStore& apps) : apps_(apps) {}

  // Errors: NOT_FOUND/APP_UNKNOWN, also when the app is in another project; those of AppStore.
  absl::StatusOr<AppEntryPtr> Get(const std::string& project, const std::string& appid,
                                  Deadline deadline);

 private:
  struct Held {
    AppEntryPtr entry;
    Deadline end;
  };

  AppStore& apps_;
  Mutex mutex_;
  std::map<std::string, Held> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
