#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "common/wechat/message.h"
#include "common/wechat/push_crypto.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/push_sightings.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/token_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

// A callback as it reached the gateway.
struct RawPush {
  std::string path;
  std::string query;
  std::string method;
  std::string body;
};

// Takes callbacks: verifies, decrypts, stores, and only then says "success". What they mean is
// worked out later, by the Worker; but a ticket is stored as such at once. Thread-safe; blocks on
// the database. Everything that it is given must outlive it.
class PushReceiver {
 public:
  // `wake_worker` is called after a new push was stored. `sightings` may be nullptr.
  PushReceiver(AppStore& apps, TokenStore& tickets, WorkStore& work, TokenBroker& tokens,
               BrokerMetrics& metrics, const Clock& clock, std::function<void()> wake_worker,
               PushSightings* sightings = nullptr);

  // Who takes what comes below /wecom/. Called before the first push.
  using Receiver = std::function<absl::StatusOr<std::string>(const RawPush&, Deadline)>;
  void UseForWecom(Receiver wecom) { wecom_ = std::move(wecom); }

  // The body of the answer. Errors: as of PushService.ReceivePush.
  absl::StatusOr<std::string> Receive(const RawPush& push, Deadline deadline);

 private:
  // Where a path leads.
  struct Target {
    std::string project;
    std::string credential;  // whose token and key sign and encrypt
    std::string appid;       // whose push it is; empty: the component's own
    bool is_component = false;
  };
  static absl::StatusOr<Target> ParsePath(const std::string& path);

  void Remember(const RawPush& push, const absl::Status& outcome);
  absl::StatusOr<std::string> ReceiveChecked(const RawPush& push, Deadline deadline);
  absl::Status CheckApps(const Target& target, Deadline deadline);
  absl::StatusOr<std::string> AnswerReleaseCheck(const Target& target, const CallbackKey& key,
                                                 const wechat::PushQuery& query,
                                                 const std::string& plaintext, Deadline deadline);
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
  Receiver wecom_;
  PushSightings* const sightings_;
};

// What makes a repeated push the same push: MsgId, else FromUserName, CreateTime, Event and
// EventKey; events of a component by InfoType, CreateTime and account.
std::string PushKey(const wechat::Message& message);
// What the push is called: Event or MsgType, unchanged; InfoType for those of a component.
std::string PushName(const wechat::Message& message);

}  // namespace datong::broker
