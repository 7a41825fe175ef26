#pragma once

#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "services/broker/core/audit_store.h"

namespace datong::broker {

// One append-only file of JSON lines, each batch synced before Append returns. Thread-safe.
class FileAuditSpool : public AuditSpool {
 public:
  // `path` need not exist; its folder must.
  FileAuditSpool(std::string path, int64_t most_bytes)
      : path_(std::move(path)), most_bytes_(most_bytes) {}

  // Errors: RESOURCE_EXHAUSTED when the file is full, UNAVAILABLE when it cannot be written.
  absl::Status Append(const std::vector<AccessRow>& rows) override;
  absl::Status MoveTo(AuditStore& store, Deadline deadline) override;

 private:
  const std::string path_;
  const int64_t most_bytes_;
  Mutex mutex_;
};

}  // namespace datong::broker
