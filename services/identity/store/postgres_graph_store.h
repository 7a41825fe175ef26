#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/base/mutex.h"
#include "common/postgres/pool.h"
#include "common/time/clock.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/metrics.h"
#include "services/identity/core/person_cache.h"

namespace datong::identity {

// Of identifiers, in each project: some 50 bytes each.
constexpr size_t kRememberedPersons = 500'000;

// The graph in PostgreSQL, schema `identity`. Writers lock the raw components that they touch, in
// ascending order, and at the end the project's row, which gives out versions and person indexes:
// so versions become visible in order, and a batch that fails leaves nothing behind.
class PostgresGraphStore final : public GraphStore {
 public:
  PostgresGraphStore(postgres::Pool& pool, const Clock& clock, const Policy& policy,
                     Metrics& metrics)
      : pool_(pool), clock_(clock), policy_(policy), metrics_(metrics) {}

  absl::Status RegisterProject(const Project& project, Deadline deadline) override;
  absl::StatusOr<Project> FindProject(const std::string& name, Deadline deadline) override;
  absl::StatusOr<LinkOutcome> Link(const Project& project, absl::Span<const Evidence> records,
                                   Deadline deadline) override;
  absl::Status BindApp(const Project& project, const std::string& appid, const std::string& account,
                       std::optional<absl::Time> from, Deadline deadline) override;
  absl::StatusOr<int> ReleaseParked(const Project& project, const std::string& appid,
                                    Deadline deadline) override;
  absl::StatusOr<int64_t> Version(const Project& project, Deadline deadline) override;
  absl::StatusOr<std::vector<uint32_t>> FindPersons(const Project& project,
                                                    absl::Span<const std::string> identifiers,
                                                    int64_t* version, Deadline deadline) override;
  absl::StatusOr<std::vector<PersonView>> LoadPersons(const Project& project,
                                                      absl::Span<const uint32_t> indexes,
                                                      Deadline deadline) override;
  absl::StatusOr<RawComponent> LoadComponent(const Project& project, const std::string& identifier,
                                             Deadline deadline) override;
  absl::StatusOr<std::vector<RawComponent>> LoadRawComponents(
      const Project& project, absl::Span<const std::string> identifiers, std::vector<int>* places,
      Deadline deadline) override;
  absl::StatusOr<std::vector<uint32_t>> FindPersonsAt(const Project& project,
                                                      absl::Span<const std::string> identifiers,
                                                      std::optional<int64_t> version,
                                                      std::optional<absl::Time> at,
                                                      Deadline deadline) override;
  absl::StatusOr<MembershipPage> ListMemberships(const Project& project, int64_t after, int limit,
                                                 Deadline deadline) override;
  absl::StatusOr<std::vector<Binding>> ListBindings(const Project& project,
                                                    const std::string& appid,
                                                    Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> ListIdentifiers(const Project& project,
                                                           const std::string& prefix,
                                                           const std::string& after, int limit,
                                                           Deadline deadline) override;
  absl::StatusOr<std::vector<HistorySpan>> History(const Project& project,
                                                   const std::string& identifier,
                                                   Deadline deadline) override;
  absl::StatusOr<PastPerson> WhoWas(const Project& project, const std::string& identifier,
                                    std::optional<int64_t> version, std::optional<absl::Time> at,
                                    Deadline deadline) override;
  absl::StatusOr<Versions> ReadVersions(const Project& project, Deadline deadline) override;
  absl::StatusOr<PageOf<PersonView>> ListPersons(const Project& project, const PersonFilter& filter,
                                                 const std::string& after, int limit,
                                                 Deadline deadline) override;
  absl::StatusOr<PageOf<RefusalView>> ListRefusals(const Project& project,
                                                   const RefusalFilter& filter,
                                                   const std::string& after, int limit,
                                                   Deadline deadline) override;
  absl::StatusOr<std::vector<RefusalView>> FindRefusals(const Project& project,
                                                        absl::Span<const std::string> identifiers,
                                                        Deadline deadline) override;
  absl::StatusOr<GraphStats> Stats(const Project& project, Deadline deadline) override;
  absl::StatusOr<ChangePage> ListChanges(const Project& project, const std::string& cursor,
                                         int limit, Deadline deadline) override;

 private:
  // What is not remembered of the identifiers' persons, and what changed since.
  absl::StatusOr<PersonCache::News> ReadNews(const Project& project,
                                             absl::Span<const std::string> identifiers,
                                             absl::Span<const PersonCache::Key> keys,
                                             const PersonCache::Found& found, Deadline deadline);

  postgres::Pool& pool_;
  const Clock& clock_;
  const Policy policy_;
  Metrics& metrics_;
  PersonCache persons_{kRememberedPersons};
  Mutex mutex_;
  absl::flat_hash_map<std::string, Project> projects_ ABSL_GUARDED_BY(mutex_);  // never change
};

}  // namespace datong::identity
