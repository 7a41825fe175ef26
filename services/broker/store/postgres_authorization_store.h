#pragma once

#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/store/job_writer.h"
#include "services/broker/store/postgres_token_store.h"

namespace datong::broker {

// broker.authorizations, broker.authorization_links, broker.pre_auth_codes and
// broker.authorization_codes; writes apps, tokens, feed and jobs along with them.
class PostgresAuthorizationStore : public AuthorizationStore {
 public:
  PostgresAuthorizationStore(postgres::Pool& pool, PostgresTokenStore& tokens,
                             const JobWriter& jobs, const Clock& clock)
      : pool_(pool), tokens_(tokens), jobs_(jobs), clock_(clock) {}

  absl::Status CreateLink(const AuthorizationLink& link, Deadline deadline) override;
  absl::StatusOr<AuthorizationLink> GetLink(const std::string& id, Deadline deadline) override;
  absl::Status SavePreAuthCode(const std::string& code, const std::string& link, absl::Time expires,
                               Deadline deadline) override;
  absl::StatusOr<std::string> LinkOfPreAuthCode(const std::string& code,
                                                Deadline deadline) override;
  absl::StatusOr<std::string> FindExchanged(const std::string& code, Deadline deadline) override;
  absl::Status SaveExchange(const Lease& lease, const std::string& project,
                            const std::string& component, const std::string& code,
                            const std::string& link, const GrantedAuthorization& granted,
                            absl::Time now, Deadline deadline) override;
  absl::Status SaveDetails(const std::string& appid, const AccountDetails& details,
                           Deadline deadline) override;
  absl::Status Revoke(const std::string& component, const std::string& appid, absl::Time when,
                      Deadline deadline) override;
  absl::StatusOr<Authorization> GetAuthorization(const std::string& project,
                                                 const std::string& appid,
                                                 Deadline deadline) override;
  absl::StatusOr<std::vector<Authorization>> ListAuthorizations(const std::string& project,
                                                                const std::string& after, int limit,
                                                                Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  PostgresTokenStore& tokens_;
  const JobWriter& jobs_;
  const Clock& clock_;
};

}  // namespace datong::broker
