#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// A token as it is handed out.
struct CachedToken {
  std::string name;  // "projects/{project}/apps/{appid}"
  std::string project;
  std::string appid;
  AppKind app_kind = AppKind::kUnknown;
  TokenKind kind = TokenKind::kStable;
  Secret token;
  std::string fingerprint;
  absl::Time fetched;
  absl::Time expires;
  // The same instant on the steady clock, which no step of the business clock moves: whichever
  // comes first ends the token.
  Deadline dies = Deadline::After(absl::ZeroDuration());
  // Stored by a clock well ahead of ours, so its end is not known: to be replaced at once.
  bool is_from_the_future = false;
  int64_t generation = 0;

  bool LivesFor(absl::Duration margin, absl::Time now) const {
    return now < expires - margin && dies.Remaining() > margin;
  }
};
using CachedTokenPtr = std::shared_ptr<const CachedToken>;

// The tokens in memory, by appid. Read by every GetToken, written a few times an hour per app: each
// stripe holds the whole map, so that readers on different threads never meet on one lock.
// Thread-safe; never blocks on I/O.
class TokenCache {
 public:
  // nullptr when there is none.
  CachedTokenPtr Find(absl::string_view appid) const {
    Stripe& stripe = stripes_[StripeOfThisThread()];
    MutexLock lock(&stripe.mutex);
    const auto found = stripe.tokens.find(appid);
    return found == stripe.tokens.end() ? nullptr : found->second;
  }

  // Keeps the newer generation.
  void Put(CachedTokenPtr token) {
    for (Stripe& stripe : stripes_) {
      MutexLock lock(&stripe.mutex);
      CachedTokenPtr& held = stripe.tokens[token->appid];
      if (held == nullptr || held->generation < token->generation) held = token;
    }
  }

  void Erase(absl::string_view appid) {
    for (Stripe& stripe : stripes_) {
      MutexLock lock(&stripe.mutex);
      const auto found = stripe.tokens.find(appid);
      if (found != stripe.tokens.end()) stripe.tokens.erase(found);
    }
  }

 private:
  static constexpr size_t kStripes = 16;
  struct alignas(64) Stripe {
    Mutex mutex;
    absl::flat_hash_map<std::string, CachedTokenPtr> tokens ABSL_GUARDED_BY(mutex);
  };
  static size_t StripeOfThisThread() {
    thread_local const size_t stripe =
        std::hash<std::thread::id>()(std::this_thread::get_id()) % kStripes;
    return stripe;
  }

  mutable std::array<Stripe, kStripes> stripes_;
};

}  // namespace datong::broker
