#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/time/backoff.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/refresh_book.h"
#include "services/broker/core/types.h"

namespace datong::broker {

struct TokenHealthOptions {
  absl::Duration backoff_first = absl::Seconds(1);
  absl::Duration backoff_longest = absl::Seconds(60);
  absl::Duration probe_interval = absl::Minutes(10);
};

// What failed refreshes taught: how long the platform is left alone per app, and what callers are
// told meanwhile. The book tells other replicas; memory spares asking it. Thread-safe.
class TokenHealth {
 public:
  TokenHealth(TokenHealthOptions options, AppStore& apps, RefreshBook& book,
              BrokerMetrics& metrics);

  // OK, or what callers are told until the next attempt.
  absl::Status HeldBack(const std::string& appid);
  bool IsHeldBack(const std::string& appid) { return !HeldBack(appid).ok(); }
  // The same after what the book says of other replicas' attempts.
  absl::Status Learn(const App& app, const RefreshStart& start);
  // What the caller is told of a failed fetch. Remembers how long to leave the platform alone, sets
  // the app's state where it is definite, and counts.
  absl::Status Failed(const App& app, const Lease& lease, const absl::Status& cause);
  // A ticket came, an account authorised anew, credentials were corrected: what held calls back is
  // over.
  void Forget(const std::string& appid);
  // The state of the app is good in the database: a definite refusal that memory holds is over.
  void OnActive(const std::string& appid);

 private:
  struct State {
    explicit State(const TokenHealthOptions& options)
        : backoff(options.backoff_first, options.backoff_longest) {}
    Backoff backoff;
    Deadline not_before = Deadline::After(absl::ZeroDuration());
    absl::Status last;
  };
  struct Verdict {
    absl::Status told;
    std::optional<AppState> state;
  };
  static Verdict Judge(const App& app, const absl::Status& cause);

  const TokenHealthOptions options_;
  AppStore& apps_;
  RefreshBook& book_;
  BrokerMetrics& metrics_;
  Mutex mutex_;
  absl::flat_hash_map<std::string, State> states_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

TokenKind TokenKindOf(const App& app);
// Kinds of which the platform answers the same token until its end.
bool IsSameUntilItsEnd(TokenKind kind);

}  // namespace datong::broker
