#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/known_user.h"
#include "services/broker/core/login_platform.h"
#include "services/broker/core/login_store.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/person_peer.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct FollowerUser {
  KnownUser user;
  FollowerInfo info;
};

struct FollowerUsers {
  std::vector<FollowerUser> users;
  std::vector<std::string> unknown;
};

// The ways to a user's ids besides logins: an account's followers, payments, cloud functions, moves
// of accounts. What the platform tells goes to identity. Thread-safe; blocks on the platform,
// identity and the store. Errors: as of UserService.
class UserDirectory {
 public:
  UserDirectory(LoginStore& store, TokenBroker& tokens, LoginPlatform& platform,
                EvidenceSender& sender, IdentityPeer& identity, PersonPeer& persons,
                const Clock& clock)
      : store_(store),
        tokens_(tokens),
        platform_(platform),
        sender_(sender),
        identity_(identity),
        persons_(persons),
        clock_(clock) {}

  absl::StatusOr<FollowerUser> GetUser(const App& app, const std::string& openid,
                                       Deadline deadline);
  absl::StatusOr<FollowerUsers> GetUsers(const App& app, const std::vector<std::string>& openids,
                                         Deadline deadline);
  absl::StatusOr<KnownUser> GetPaidUser(const App& app, const std::string& openid,
                                        const Payment& payment, std::optional<absl::Time> paid,
                                        Deadline deadline);
  absl::StatusOr<KnownUser> ReportCloudContext(const App& app, const std::string& openid,
                                               const std::string& unionid,
                                               const std::string& request_id, Deadline deadline);
  absl::StatusOr<std::vector<ChangedOpenid>> ChangeOpenids(const App& app,
                                                           const std::string& old_appid,
                                                           const std::string& old_original_id,
                                                           const std::vector<std::string>& openids,
                                                           Deadline deadline);
  // A job of kind kMigrateOpenids.
  absl::Status RunMigration(const Job& job, Deadline deadline);

 private:
  absl::StatusOr<FollowerUsers> Ask(const App& app, const std::vector<std::string>& openids,
                                    Deadline deadline);
  absl::StatusOr<KnownUser> Tell(const App& app, AskedBy asked_by, const Evidence& evidence,
                                 Deadline deadline);

  LoginStore& store_;
  TokenBroker& tokens_;
  LoginPlatform& platform_;
  EvidenceSender& sender_;
  IdentityPeer& identity_;
  PersonPeer& persons_;
  const Clock& clock_;
};

}  // namespace datong::broker
