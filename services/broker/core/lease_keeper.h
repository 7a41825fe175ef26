#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/deadline.h"
#include "services/broker/core/token_store.h"

namespace datong::broker {

// Leases for as long as the work under them runs: renews all that are held, again and again, on a
// thread of its own. A holder that stands still loses its lease, and its write is refused.
// Thread-safe. `store` must outlive it.
class LeaseKeeper {
 public:
  LeaseKeeper(TokenStore& store, absl::Duration ttl, absl::Duration renew_every);
  ~LeaseKeeper();

  // A lease that is renewed until this is destroyed, which releases it.
  class Held {
   public:
    Held(LeaseKeeper& keeper, Lease lease) : keeper_(keeper), lease_(std::move(lease)) {}
    ~Held() { keeper_.Release(lease_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    const Lease& lease() const { return lease_; }

   private:
    LeaseKeeper& keeper_;
    const Lease lease_;
  };
  // nullptr while another holds it. Errors: those of TokenStore.
  absl::StatusOr<std::unique_ptr<Held>> TryAcquire(const std::string& key, Deadline deadline);

 private:
  void Release(const Lease& lease);
  void Run();

  TokenStore& store_;
  const absl::Duration ttl_;
  const absl::Duration renew_every_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Lease> held_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace datong::broker
