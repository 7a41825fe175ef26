#pragma once

#include <map>
#include <string>

#include "common/crypto/envelope.h"
#include "common/metrics/registry.h"
#include "services/broker/store/rewrapper.h"

namespace datong::broker {

// Keeps the envelope's keys as they are in their folder, and tells how many values each key seals
// (datong_crypto_records): zero for a key means that it may be removed. Its two methods are each
// called by one task; they block on the disk and on PostgreSQL.
class KeyKeeper {
 public:
  KeyKeeper(std::string folder, crypto::Envelope& envelope, postgres::Pool& pool,
            metrics::Registry& registry);

  // Takes the folder's keys when they changed. A folder that has become wrong is logged, and the
  // keys before it stand.
  void FollowFolder();
  // Errors: those of the pool.
  absl::Status CountRecords(Deadline deadline);

 private:
  const std::string folder_;
  crypto::Envelope& envelope_;
  Rewrapper rewrapper_;
  metrics::Registry& registry_;
  std::string last_fault_;
  std::map<std::string, metrics::Gauge*> records_;
};

}  // namespace datong::broker
