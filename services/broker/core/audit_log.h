#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/audit_store.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// One access, as the caller of AuditLog tells it. Views live for the call only.
struct Access {
  absl::string_view caller = "";
  absl::string_view project = "";
  absl::string_view appid = "";
  AppKind kind = AppKind::kUnknown;
  absl::string_view action = "";
  bool allowed = true;
  absl::string_view reason = "";
  absl::string_view fingerprint = "";  // of the token or ticket that is handed out
  // Of the call; kept where the access has a row of its own.
  absl::string_view request_id = "";
  absl::string_view trace_id = "";
  absl::string_view peer = "";
};

// Records accesses: reads of tokens and calls with them counted, one row per second of what is
// alike; everything else, and refusals of callers who are known, one row each. Rows go to the store
// within a second; to the spool when the store is away. When neither takes rows, accesses are
// refused. Thread-safe; Count never blocks on I/O.
class AuditLog {
 public:
  // `spool` may be nullptr. `fail_open` lets accesses pass that nothing records.
  AuditLog(AuditStore& store, AuditSpool* spool, bool fail_open, BrokerMetrics& metrics,
           const Clock& clock);

  // False: not recorded, so the access must be refused.
  [[nodiscard]] bool Count(const Access& access);
  // The same for what is handed out once its row is durable alone. Blocks on I/O.
  [[nodiscard]] bool Record(const Access& access, Deadline deadline);
  // Writes what is there. Called twice a second, and at the end.
  void Flush(Deadline deadline);

 private:
  static constexpr size_t kStripes = 16;
  static constexpr size_t kMostPending = 10'000;

  struct Key {
    int64_t second;
    std::string caller;
    std::string project;
    std::string appid;
    AppKind kind;
    std::string action;
    bool allowed;
    std::string reason;
    std::string fingerprint;
  };
  using KeyTuple = std::tuple<int64_t, absl::string_view, absl::string_view, absl::string_view,
                              absl::string_view, bool, absl::string_view, absl::string_view>;
  static KeyTuple ToTuple(const Key& key) {
    return {key.second, key.caller,  key.project, key.appid,
            key.action, key.allowed, key.reason,  key.fingerprint};
  }
  struct KeyHash {
    using is_transparent = void;
    size_t operator()(const Key& key) const { return absl::HashOf(ToTuple(key)); }
    size_t operator()(const KeyTuple& key) const { return absl::HashOf(key); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Key& a, const Key& b) const { return ToTuple(a) == ToTuple(b); }
    bool operator()(const Key& a, const KeyTuple& b) const { return ToTuple(a) == b; }
    bool operator()(const KeyTuple& a, const Key& b) const { return a == ToTuple(b); }
  };
  using Counts = absl::flat_hash_map<Key, int64_t, KeyHash, KeyEqual>;
  struct alignas(64) Stripe {
    Mutex mutex;
    Counts counts ABSL_GUARDED_BY(mutex);
    std::vector<AccessRow> singles ABSL_GUARDED_BY(mutex);
  };

  static AccessRow RowOf(const Access& access, absl::Time second);
  Stripe& StripeOfThisThread();
  // OK when the store or the spool has them.
  absl::Status Write(const std::vector<AccessRow>& rows, Deadline deadline);

  AuditStore& store_;
  AuditSpool* const spool_;
  const bool fail_open_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<bool> accepting_{true};
  Mutex flushing_;
  std::vector<AccessRow> pending_ ABSL_GUARDED_BY(flushing_);
  std::atomic<bool> spooled_{true};  // there may be rows of an earlier life
};

}  // namespace datong::broker
