#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/pool.h"
#include "services/datacube/core/store.h"

namespace datong::datacube {

// The Store in PostgreSQL, schema datacube. `pool` must outlive it.
class PostgresStore final : public Store {
 public:
  explicit PostgresStore(postgres::Pool& pool) : pool_(pool) {}

  // postgres_accounts.cc
  absl::StatusOr<std::string> LoadCursor(const std::string& project, Deadline deadline) override;
  absl::Status ApplyAccounts(const std::string& project, const std::string& cursor,
                             const std::vector<AccountUpdate>& updates, Decide decide,
                             absl::Time now, Deadline deadline) override;
  absl::StatusOr<std::optional<Account>> FindAccount(const AppKey& app, Deadline deadline) override;
  absl::StatusOr<std::vector<NightlyAccount>> DueNights(absl::Time now, absl::CivilDay newest,
                                                        int limit, Deadline deadline) override;
  absl::StatusOr<bool> StartNight(const NightlyAccount& account, absl::Time next_night,
                                  const NewRun& run, Deadline deadline) override;
  absl::StatusOr<SyncRun> StartRun(const NewRun& run, Deadline deadline) override;

  // postgres_work.cc
  absl::StatusOr<std::optional<Piece>> Claim(absl::Time now, const ClaimLimits& limits,
                                             Deadline deadline) override;
  absl::StatusOr<Completion> Complete(const Piece& piece, const Outcome& outcome,
                                      const SyncPolicy& policy, absl::Time now,
                                      Deadline deadline) override;

  // postgres_erasures.cc
  absl::StatusOr<std::string> LoadErasureCursor(const std::string& project,
                                                Deadline deadline) override;
  absl::Status Erase(const std::string& project, const ErasureFeed::Page& page,
                     Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> FindErased(const AppKey& app,
                                                      const std::vector<std::string>& openids,
                                                      Deadline deadline) override;
  absl::Status Readmit(const AppKey& app, const std::vector<std::string>& openids,
                       Deadline deadline) override;

  // postgres_readings.cc
  absl::StatusOr<std::vector<StatisticRow>> ListRows(const RowQuery& query,
                                                     Deadline deadline) override;
  absl::StatusOr<std::vector<ApiSnapshot>> ListSnapshots(const std::string& project,
                                                         const std::vector<std::string>& appids,
                                                         const std::string& after_appid, int limit,
                                                         absl::CivilDay newest,
                                                         Deadline deadline) override;
  absl::StatusOr<std::vector<SyncRun>> ListRuns(const std::string& project,
                                                const std::string& appid, int64_t before_id,
                                                int limit, Deadline deadline) override;
  absl::StatusOr<std::optional<SyncRun>> FindRun(const std::string& project, int64_t id,
                                                 Deadline deadline) override;
  absl::StatusOr<std::map<Api, int64_t>> CountMissing(absl::CivilDay newest,
                                                      Deadline deadline) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace datong::datacube
