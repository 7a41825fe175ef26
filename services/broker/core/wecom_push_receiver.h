#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "common/wechat/message.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/push_receiver.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/token_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

// Takes callbacks of WeCom below /wecom/{project}/: verifies, decrypts, stores, and only then says
// "success". A suite_ticket is stored as such at once; the rest is worked out by WecomPushes.
// Thread-safe; blocks on the database. Everything that it is given must outlive it.
class WecomPushReceiver {
 public:
  // `wake_worker` is called after a new push was stored. `sightings` may be nullptr.
  WecomPushReceiver(AppStore& apps, TokenStore& tickets, WorkStore& work, TokenBroker& tokens,
                    BrokerMetrics& metrics, const Clock& clock, std::function<void()> wake_worker,
                    PushSightings* sightings = nullptr);

  // The body of the answer. Errors: as of PushService.ReceivePush.
  absl::StatusOr<std::string> Receive(const RawPush& push, Deadline deadline);

 private:
  // Where a path leads.
  struct Target {
    std::string project;
    App credential;         // whose token and key sign and encrypt
    std::string data_corp;  // of a suite's data callback
    bool is_suite = false;
  };
  absl::StatusOr<Target> FindTarget(const std::string& path, Deadline deadline);
  // For whom the message may be encrypted, the likeliest first.
  static std::vector<std::string> ReceiveIds(const Target& target, bool is_check);

  absl::StatusOr<std::string> ReceiveChecked(const RawPush& push, Deadline deadline);
  absl::StatusOr<std::string> OpenAndStore(const Target& target, const RawPush& push,
                                           Deadline deadline);
  absl::StatusOr<std::string> Store(const Target& target, const std::string& plaintext,
                                    Deadline deadline);
  absl::Status StoreTicket(const Target& target, const wechat::Message& message, Deadline deadline);

  AppStore& apps_;
  TokenStore& tickets_;
  WorkStore& work_;
  TokenBroker& tokens_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  const std::function<void()> wake_worker_;
  PushSightings* const sightings_;
};

// What makes a repeated push of WeCom the same push.
std::string WecomPushKey(const wechat::Message& message);

}  // namespace datong::broker
