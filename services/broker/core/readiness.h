#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/exec/thread_pool.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/core/mend_links.h"
#include "services/broker/core/readiness_checks.h"
#include "services/broker/core/readiness_platform.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_store.h"

namespace datong::broker {

struct ReadinessOptions {
  std::string public_url;     // of the gateway, without "/" at the end
  std::string collector_url;  // where SDKs send events
  int threads = 8;            // accounts asked about at the same time
  // What is left of a call's time when asking ends, to answer in.
  absl::Duration reserve = absl::Milliseconds(500);
};

// Finds out whether apps can do what the suite needs of them: asks WeChat and the stores, and has
// readiness_checks judge. Changes nothing but tokens that were due. Thread-safe; blocks on the
// database and the platform. Everything that it is given must outlive it.
class Readiness {
 public:
  Readiness(ReadinessOptions options, AppStore& apps, AuthorizationStore& authorizations,
            TokenStore& tickets, EstateStore& estate, TokenBroker& tokens, MendLinks& mend_links,
            ReadinessPlatform& platform, WecomStore& corps, WecomIdPlatform& wecom,
            const Clock& clock);

  // Of `apps`, all of one project. What is not known before the deadline is unknown.
  // Errors: those of the stores.
  absl::StatusOr<ReadinessReport> Check(const std::string& project, const std::vector<App>& apps,
                                        Deadline deadline);

 private:
  // Fills in what the stores know, all apps at once.
  absl::StatusOr<std::vector<AppFacts>> Gather(const std::string& project,
                                               const std::vector<App>& apps, Deadline deadline);
  // Asks WeChat about one app.
  void Ask(AppFacts& facts, Deadline deadline);
  void AskOfAccount(AppFacts& facts, Deadline deadline);
  void AskOfCorp(AppFacts& facts, Deadline deadline);
  template <typename T>
  absl::StatusOr<T> WithToken(const std::string& appid, Deadline deadline,
                              absl::FunctionRef<absl::StatusOr<T>(const Secret& token)> call);

  const ReadinessOptions options_;
  AppStore& apps_;
  AuthorizationStore& authorizations_;
  TokenStore& tickets_;
  EstateStore& estate_;
  TokenBroker& tokens_;
  MendLinks& mend_links_;
  ReadinessPlatform& platform_;
  WecomStore& corps_;
  WecomIdPlatform& wecom_;
  const Clock& clock_;
  ThreadPool pool_;
};

}  // namespace datong::broker
