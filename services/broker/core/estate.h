#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/secret.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/estate_platform.h"
#include "services/broker/core/estate_store.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct EstateOptions {
  absl::Duration reconcile_interval = absl::Hours(24);
  absl::Duration take_lease = absl::Seconds(30);
  // Longer than a comparison may take, so that its lease needs no renewal.
  absl::Duration reconcile_lease = absl::Minutes(15);
  absl::Duration longest_reconciliation = absl::Minutes(10);
};

// Numbers as in datong.broker.v1.
enum class ImportOutcome { kImported = 1, kRecovered = 2, kUnchanged = 3, kRefused = 4 };

struct ImportedAccount {
  std::string appid;
  ImportOutcome outcome = ImportOutcome::kRefused;
  absl::Status refusal;  // why it was refused
};

struct ReconcileReport {
  int64_t listed = 0;
  std::vector<std::string> adopted;  // appids
  std::vector<std::string> lost;
  std::vector<std::string> mended;
  std::vector<NotTaken> not_taken;
  absl::Time when;
};

// Takes over accounts that authorised a component elsewhere, and compares what is held with what
// WeChat lists. Nothing is stored before WeChat said that it works. Thread-safe; blocks on the
// database and the platform. Everything that it is given must outlive it.
class Estate {
 public:
  struct Account {
    std::string appid;
    Secret refresh_token;  // may be empty
  };

  Estate(EstateOptions options, AppStore& apps, AuthorizationStore& authorizations,
         EstateStore& store, TokenStore& leases, TokenBroker& tokens, Authorizer& authorizer,
         PlatformClient& platform, EstatePlatform& lists, BrokerMetrics& metrics,
         const Clock& clock);

  // One result for each account. Errors, of all at once: INVALID_ARGUMENT/APP_KIND_UNSUPPORTED,
  // those of TokenBroker::Get for the component.
  absl::StatusOr<std::vector<ImportedAccount>> Import(const App& component,
                                                      const std::vector<Account>& accounts,
                                                      Deadline deadline);
  // `take_all`: also accounts that authorised before the component was registered.
  // Errors: INVALID_ARGUMENT/APP_KIND_UNSUPPORTED, ABORTED/RECONCILIATION_RUNNING, those of
  // TokenBroker::Get.
  absl::StatusOr<ReconcileReport> Reconcile(const App& component, bool take_all, Deadline deadline);
  // Compares the components whose last comparison is a day old. Called every few minutes.
  absl::Status ReconcileDue();

 private:
  absl::StatusOr<ImportOutcome> Take(const App& component, const Account& account, bool again,
                                     Deadline deadline);
  absl::StatusOr<ImportOutcome> TakeUnderLease(const App& component, const Account& account,
                                               const Lease& lease, Deadline deadline);
  absl::StatusOr<FetchedToken> Refresh(const App& component, const std::string& appid,
                                       const Secret& refresh_token, Deadline deadline);
  absl::StatusOr<AccountDetails> Ask(const App& component, const std::string& appid,
                                     Deadline deadline);
  absl::StatusOr<std::vector<ListedAuthorizer>> ListAll(const App& component, Deadline deadline);
  absl::StatusOr<ReconcileReport> ReconcileUnderLease(const App& component, bool take_all,
                                                      Deadline deadline);
  // What WeChat lists, one account.
  void Compare(const App& component, const ListedAuthorizer& listed, const Authorization* held,
               bool take_all, Deadline deadline, ReconcileReport& report);

  const EstateOptions options_;
  AppStore& apps_;
  AuthorizationStore& authorizations_;
  EstateStore& store_;
  TokenStore& leases_;
  TokenBroker& tokens_;
  Authorizer& authorizer_;
  PlatformClient& platform_;
  EstatePlatform& lists_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace datong::broker
