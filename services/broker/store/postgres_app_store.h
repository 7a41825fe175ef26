#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/envelope.h"
#include "common/postgres/outbox.h"
#include "common/postgres/pool.h"
#include "services/broker/core/app_store.h"
#include "services/broker/store/job_writer.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {

// broker.projects, broker.apps and broker.account_changes.
class PostgresAppStore : public AppStore {
 public:
  PostgresAppStore(postgres::Pool& pool, const crypto::Envelope& envelope, const JobWriter& jobs,
                   const Clock& clock);

  absl::StatusOr<Project> CreateProject(const Project& project, Deadline deadline) override;
  absl::StatusOr<Project> GetProject(const std::string& id, Deadline deadline) override;
  absl::StatusOr<std::vector<Project>> ListProjects(const std::string& after, int limit,
                                                    Deadline deadline) override;
  absl::StatusOr<App> CreateApp(const App& app, const Credentials& credentials,
                                Deadline deadline) override;
  absl::StatusOr<App> GetApp(const std::string& appid, Deadline deadline) override;
  absl::StatusOr<std::vector<App>> ListApps(const std::string& project, const std::string& after,
                                            int limit, Deadline deadline) override;
  absl::StatusOr<App> UpdateApp(const std::string& appid, const AppChange& change,
                                Deadline deadline) override;
  absl::Status SetState(const std::string& appid, AppState state, const std::string& detail,
                        Deadline deadline) override;
  absl::StatusOr<Credentials> GetCredentials(const std::string& appid, Deadline deadline) override;
  absl::StatusOr<AccountFeedPage> ReadFeed(const std::string& project, const std::string& cursor,
                                           int limit, Deadline deadline) override;

 private:
  absl::StatusOr<std::string> SealCredentials(const std::string& appid,
                                              const Credentials& credentials) const;
  absl::StatusOr<Credentials> OpenCredentials(const std::string& appid,
                                              const pqxx::field& sealed) const;
  absl::Status Announce(pqxx::work& work, const App& app) const;

  postgres::Pool& pool_;
  const Sealer sealer_;
  const JobWriter& jobs_;
  const Clock& clock_;
  const postgres::OutboxReader feed_;
};

}  // namespace datong::broker
