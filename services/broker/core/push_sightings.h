#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/estate_store.h"

namespace datong::broker {

// Remembers when pushes of each app came and were refused, so that an operator sees whether they
// come. Gathered in memory and written now and then: a crash may lose the last half minute of it.
// Thread-safe; only Flush blocks.
class PushSightings {
 public:
  PushSightings(EstateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  void Accepted(const std::string& appid);
  void Refused(const std::string& appid, absl::string_view reason);
  // The outcome of a push (or, else, of the check of a URL) for an app that was found.
  void Note(const std::string& appid, bool is_push, const absl::Status& outcome);
  // Called twice a minute, and at the end.
  absl::Status Flush(Deadline deadline);

 private:
  EstateStore& store_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, PushSighting> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
