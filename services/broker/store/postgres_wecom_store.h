#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/broker/core/wecom_store.h"
#include "services/broker/store/job_writer.h"
#include "services/broker/store/postgres_token_store.h"

namespace datong::broker {

// broker.wecom_corps, broker.wecom_pendings and broker.wecom_rosters; writes apps, tokens, codes,
// links, sessions, feed and jobs along with them.
class PostgresWecomStore : public WecomStore {
 public:
  PostgresWecomStore(postgres::Pool& pool, const crypto::Envelope& envelope,
                     PostgresTokenStore& tokens, const JobWriter& jobs, const Clock& clock)
      : pool_(pool), sealer_(envelope), tokens_(tokens), jobs_(jobs), clock_(clock) {}

  absl::StatusOr<std::string> SaveInstall(const Lease& lease, const App& suite,
                                          const std::string& code, const std::string& link,
                                          const WecomGrant& grant, absl::Time now,
                                          Deadline deadline) override;
  absl::Status SaveDetails(const std::string& appid, const WecomAuthInfo& info,
                           Deadline deadline) override;
  absl::StatusOr<bool> Revoke(const std::string& appid, absl::Time when,
                              Deadline deadline) override;
  absl::StatusOr<WecomCorp> GetCorp(const std::string& appid, Deadline deadline) override;
  absl::StatusOr<std::vector<WecomCorp>> ListCorps(const std::string& project,
                                                   const std::string& after, int limit,
                                                   Deadline deadline) override;
  absl::Status SaveSession(const std::string& appid, const WecomMember& member, const Secret& key,
                           Deadline deadline) override;
  absl::StatusOr<Secret> GetSession(const std::string& appid, const WecomMember& member,
                                    Deadline deadline) override;
  absl::Status AddPending(const std::string& appid, const std::string& pending_id, absl::Time now,
                          Deadline deadline) override;
  absl::StatusOr<bool> HasPending(const std::string& appid, absl::Time since,
                                  Deadline deadline) override;
  absl::Status ResolvePending(const std::string& appid, const std::string& pending_id,
                              Deadline deadline) override;
  absl::StatusOr<std::optional<WecomRoster>> GetRoster(const std::string& appid,
                                                       Deadline deadline) override;
  absl::Status SaveRoster(const App& app, const WecomRoster& roster, absl::Duration delay,
                          Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> ListStaleRosters(absl::Time before, int limit,
                                                            Deadline deadline) override;

 private:
  absl::Status WriteJob(pqxx::work& work, JobKind kind, const std::string& project,
                        const std::string& appid, absl::Duration delay = absl::ZeroDuration());

  postgres::Pool& pool_;
  const Sealer sealer_;
  PostgresTokenStore& tokens_;
  const JobWriter& jobs_;
  const Clock& clock_;
};

}  // namespace datong::broker
