#pragma once

#include <optional>
#include <string>

#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/broker/core/login_store.h"
#include "services/broker/store/job_writer.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {

// broker.sessions, web_logins, web_tokens, phone_keys, identity_cursors and erased_persons.
// Thread-safe.
class PostgresLoginStore : public LoginStore {
 public:
  PostgresLoginStore(postgres::Pool& pool, const crypto::Envelope& envelope, const JobWriter& jobs,
                     const Clock& clock)
      : pool_(pool), sealer_(envelope), jobs_(jobs), clock_(clock) {}

  absl::Status SaveSession(const UserKey& user, const Secret& session_key,
                           const std::optional<NewJob>& evidence, Deadline deadline) override;
  absl::StatusOr<SessionKeys> GetSession(const std::string& appid, const std::string& openid,
                                         Deadline deadline) override;
  absl::Status CreateWebLogin(const WebLoginState& login, Deadline deadline) override;
  absl::StatusOr<std::optional<WebLoginState>> FindWebLogin(const std::string& appid,
                                                            const std::string& state,
                                                            const std::string& browser_session,
                                                            Deadline deadline) override;
  absl::Status FinishWebLogin(const std::string& state, const UserKey& user,
                              const WebTokens& tokens, const std::optional<NewJob>& evidence,
                              Deadline deadline) override;
  absl::StatusOr<WebTokens> GetWebTokens(const std::string& appid, const std::string& openid,
                                         Deadline deadline) override;
  absl::Status UpdateWebTokens(const std::string& appid, const std::string& openid,
                               const WebTokens& tokens, Deadline deadline) override;
  absl::Status SaveJob(const NewJob& job, Deadline deadline) override;
  absl::StatusOr<Secret> GetPhoneKey(const std::string& project, Deadline deadline) override;
  absl::Status SetPerson(const UserKey& user, Deadline deadline) override;
  absl::StatusOr<std::string> GetFeedCursor(const std::string& project, Deadline deadline) override;
  absl::StatusOr<int> ApplyChanges(const std::string& project, const std::string& cursor,
                                   const GraphChanges& changes, Deadline deadline) override;
  absl::Status ForgetOld(Deadline deadline) override;

 private:
  struct SealedTokens {
    std::string access_token;
    std::string refresh_token;
  };
  absl::StatusOr<SealedTokens> Seal(const std::string& appid, const std::string& openid,
                                    const WebTokens& tokens) const;

  postgres::Pool& pool_;
  const Sealer sealer_;
  const JobWriter& jobs_;
  const Clock& clock_;
};

}  // namespace datong::broker
