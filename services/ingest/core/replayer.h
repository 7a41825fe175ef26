#pragma once

#include <functional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "services/ingest/core/collector.h"
#include "services/ingest/core/quarantine_store.h"

namespace datong::ingest {

struct ReplayReport {
  int64_t tried = 0;
  int64_t stored = 0;
  int64_t duplicate = 0;
  int64_t failed = 0;
  int64_t refused = 0;
};

// Sends what is in quarantine through the normal path again. Thread-safe.
class Replayer {
 public:
  // Makes what is to be written from a quarantined item, as the item's dialect does.
  using Prepare = std::function<absl::StatusOr<Prepared>(const QuarantineItem&, Deadline)>;

  Replayer(QuarantineStore& store, EventWriter& writer, const Clock& clock)
      : store_(store), writer_(writer), clock_(clock) {}

  void AddDialect(std::string name, Prepare prepare) {
    dialects_[std::move(name)] = std::move(prepare);
  }
  // For a dialect of the collector; both must outlive the replayer.
  void AddDialect(Collector& collector, const Dialect& dialect);

  // At most `limit` items, oldest first. Errors: those of the store and of EventWriter.
  absl::StatusOr<ReplayReport> Replay(const QuarantineFilter& filter, int limit, Deadline deadline);

 private:
  absl::Status ReplayOne(const QuarantineItem& item, Deadline deadline, ReplayReport* report);

  QuarantineStore& store_;
  EventWriter& writer_;
  const Clock& clock_;
  absl::flat_hash_map<std::string, Prepare> dialects_;
};

}  // namespace datong::ingest
