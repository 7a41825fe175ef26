// The refresh engine under many threads: also what the thread sanitizer is run on.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "services/broker/core/token_broker.h"
#include "services/broker/testing/core_fixture.h"

namespace datong::broker {
namespace {

// Brokers of one process share nothing but the store and the platform, as replicas do.
struct Replica {
  Replica(FakeStore& store, PlatformClient& platform, const TokenBrokerOptions& options,
          const Clock& clock)
      : broker(options, store, store, store, platform, metrics, clock) {}
  metrics::Registry registry;
  BrokerMetrics metrics{registry, /*per_app=*/true};
  TokenBroker broker;
};

class TokenBrokerThreadsTest : public CoreFixture {
 protected:
  TokenBrokerThreadsTest() {
    for (int i = 0; i < 3; ++i) {
      replicas_.push_back(std::make_unique<Replica>(store_, platform_, Options(), clock_));
    }
  }
  static Deadline Soon() { return Deadline::After(absl::Seconds(60)); }
  // Four threads on each replica, all at once.
  template <typename Work>
  void OnAllReplicas(Work work) {
    std::vector<std::thread> threads;
    for (const auto& replica : replicas_) {
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&work, &replica, i] { work(replica->broker, i); });
      }
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(TokenBrokerThreadsTest, EachExpiryCostsOneCallForEachTokenOverAllReplicas) {
  GiveTicket();
  for (int round = 1; round <= 15; ++round) {
    OnAllReplicas([&](TokenBroker& broker, int thread) {
      for (int i = 0; i < 20; ++i) {
        const char* appid = (i + thread) % 2 == 0 ? "wx-own" : "wx-mini";
        const absl::Time now = clock_.Now();
        absl::StatusOr<CachedTokenPtr> token = broker.Get(appid, Soon());
        ASSERT_OK(token);
        EXPECT_GT((*token)->expires, now);
      }
    });
    ASSERT_EQ(platform_.calls("FetchStableToken"), 2 * round);
    clock_.Advance(absl::Seconds(7300));
  }
}

TEST_F(TokenBrokerThreadsTest, ReadersRefreshersAndReportsDoNotDisturbEachOther) {
  std::atomic<int64_t> newest{0};
  for (int round = 0; round < 10; ++round) {
    GiveTicket();
    OnAllReplicas([&](TokenBroker& broker, int thread) {
      int64_t last = 0;
      for (int i = 0; i < 10; ++i) {
        if (thread == 0) {
          EXPECT_OK(broker.Sync(Soon()));
          broker.RefreshDue();
        } else if (thread == 1 && i == 5) {
          absl::StatusOr<CachedTokenPtr> token = broker.Get("wx-own", Soon());
          ASSERT_OK(token);
          broker
              .Replace("wx-own", (*token)->fingerprint, BrokerMetrics::Invalidated::kCallerReport,
                       Soon())
              .status()
              .IgnoreError();  // too often, or somebody else was first
        } else {
          absl::StatusOr<CachedTokenPtr> token = broker.Get("wx-own", Soon());
          ASSERT_OK(token);
          EXPECT_GE((*token)->generation, last);
          last = (*token)->generation;
          int64_t seen = newest;
          while (seen < (*token)->generation &&
                 !newest.compare_exchange_weak(seen, (*token)->generation)) {
          }
          broker.FindCached("wx-comp");
        }
      }
    });
    clock_.Advance(absl::Seconds(6950));
  }
  for (const auto& replica : replicas_) replica->broker.Stop();
  // What was handed out had been stored.
  EXPECT_GE((*store_.Load("wx-own", Soon()))->generation, newest);
}

}  // namespace
}  // namespace datong::broker
