#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/audit_store.h"
#include "services/broker/core/authorization_store.h"
#include "services/broker/core/refresh_book.h"
#include "services/broker/core/token_store.h"
#include "services/broker/core/wecom_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

// All stores of the broker in memory, over the same rows, as PostgreSQL has them. Held to the same
// contract by store/store_contract_test.cc. Thread-safe.
class FakeStore : public AppStore,
                  public TokenStore,
                  public RefreshBook,
                  public AuthorizationStore,
                  public WorkStore,
                  public WecomStore,
                  public AuditStore {
 public:
  explicit FakeStore(const Clock& clock) : clock_(clock) {}

  // From now on every call fails as if the database were gone, or works again.
  void SetReachable(bool reachable) {
    MutexLock lock(&mutex_);
    reachable_ = reachable;
  }
  // The next calls fail as if the database were gone for a moment.
  void FailNext(int calls) {
    MutexLock lock(&mutex_);
    failing_ = calls;
  }
  // Ends all leases, as if their holders had died.
  void ExpireLeases() {
    MutexLock lock(&mutex_);
    held_.clear();
  }
  // Ends what failed refreshes hold back, as time would.
  void EndHolds() {
    MutexLock lock(&mutex_);
    for (auto& [appid, health] : health_) health.held_until.reset();
  }
  // How often leases were renewed.
  int renewals() const {
    MutexLock lock(&mutex_);
    return renewals_;
  }
  size_t pending_jobs(JobKind kind) const;
  // The keys of jobs whose hold was made longer, each time.
  std::vector<std::string> extended() const {
    MutexLock lock(&mutex_);
    return extended_;
  }

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

  absl::StatusOr<std::vector<TokenVersion>> ListVersions(Deadline deadline) override;
  absl::StatusOr<std::optional<TokenRecord>> Load(const std::string& appid,
                                                  Deadline deadline) override;
  absl::StatusOr<int64_t> Save(const Lease& lease, const TokenRecord& record,
                               Deadline deadline) override;
  absl::Status SaveTicket(const std::string& component, const Ticket& ticket,
                          Deadline deadline) override;
  absl::StatusOr<std::optional<Ticket>> GetTicket(const std::string& component,
                                                  Deadline deadline) override;
  absl::StatusOr<std::optional<Lease>> TryAcquire(const std::string& key, absl::Duration ttl,
                                                  Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> Renew(const std::vector<Lease>& leases,
                                                 absl::Duration ttl, Deadline deadline) override;
  void Release(const Lease& lease) override;

  absl::StatusOr<RefreshStart> Begin(const Lease& lease, const RefreshAttempt& attempt,
                                     Deadline deadline) override;
  absl::Status Hold(const Lease& lease, const std::string& appid, const RefreshHold& hold,
                    Deadline deadline) override;
  absl::StatusOr<bool> TakeForce(const Lease& lease, const std::string& appid, absl::Time now,
                                 int64_t day, int most_a_day, absl::Duration least_between,
                                 Deadline deadline) override;

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

  absl::StatusOr<bool> AddPush(const NewJob& push, Deadline deadline) override;
  absl::Status Enqueue(const NewJob& job, Deadline deadline) override;
  absl::StatusOr<std::vector<Job>> Claim(JobKind kind, int limit, absl::Duration hold,
                                         Deadline deadline) override;
  absl::Status Extend(const std::vector<Job>& jobs, absl::Duration hold,
                      Deadline deadline) override;
  absl::Status Finish(const std::vector<Job>& jobs, Deadline deadline) override;
  absl::Status Retry(const Job& job, absl::Duration delay, const std::string& error,
                     Deadline deadline) override;
  absl::Status ForgetPushes(absl::Duration age, Deadline deadline) override;
  absl::StatusOr<Backlog> CountPushes(Deadline deadline) override;

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

  absl::Status Append(const std::vector<AccessRow>& rows, Deadline deadline) override;
  absl::StatusOr<std::vector<AccessRow>> List(const AccessFilter& filter, int limit,
                                              Deadline deadline) override;

 private:
  struct QueuedJob {
    Job job;
    absl::Time due;
    bool claimed = false;
    Deadline held_until = Deadline::After(absl::ZeroDuration());
  };
  struct Change {
    std::string project;
    std::string appid;
    absl::Time time;
  };
  struct Health {
    std::optional<Deadline> held_until;
    RefreshHold hold;
    int failures = 0;
    std::optional<int64_t> prepared;
    std::optional<absl::Time> replaced;
    std::optional<absl::Time> forced_at;
    int64_t forced_day = 0;
    int forced = 0;
    std::optional<absl::Time> refused_since;
    int refused = 0;
  };
  void ForgetHold(const std::string& appid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Check() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Tell(const App& app) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Put(const NewJob& job, absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Announce(const App& app) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PutFor(JobKind kind, const App& app, absl::Duration delay)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> Write(const Lease& lease, const TokenRecord& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckLease(const Lease& lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  WecomCorp WithApps(const WecomCorp& corp) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Authorization WithState(const Authorization& authorization) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  bool reachable_ ABSL_GUARDED_BY(mutex_) = true;
  int failing_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Project> projects_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, App> apps_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Credentials> credentials_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Authorization> authorizations_ ABSL_GUARDED_BY(mutex_);
  std::vector<Change> changes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, TokenRecord> tokens_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Health> health_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Ticket> tickets_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> epochs_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> held_ ABSL_GUARDED_BY(mutex_);
  int renewals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, AuthorizationLink> links_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> pre_auth_codes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> codes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Time> inbox_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<JobKind, std::string>, QueuedJob> jobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> extended_ ABSL_GUARDED_BY(mutex_);
  int64_t last_job_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, AccessRow> accesses_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, WecomCorp> corps_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::map<std::string, absl::Time>> pendings_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, WecomRoster> rosters_ ABSL_GUARDED_BY(mutex_);
  // By appid, then by the member's name.
  std::map<std::string, std::map<std::string, Secret>> staff_sessions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
