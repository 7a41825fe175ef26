#include "services/broker/testing/fake_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {

absl::Status FakeStore::Check() {
  if (reachable_ && failing_ == 0) return absl::OkStatus();
  failing_ = std::max(0, failing_ - 1);
  return MakeError(absl::StatusCode::kUnavailable, "The database is gone.",
                   {"postgres.datong", "DATABASE_UNAVAILABLE", {}});
}

size_t FakeStore::pending_jobs(JobKind kind) const {
  MutexLock lock(&mutex_);
  return static_cast<size_t>(std::count_if(
      jobs_.begin(), jobs_.end(), [&](const auto& entry) { return entry.first.first == kind; }));
}

void FakeStore::Tell(const App& app) {
  if (!IsAccount(app.kind)) return;
  changes_.push_back({app.project, app.appid, clock_.Now()});
}

void FakeStore::Put(const NewJob& job, absl::Duration delay) {
  QueuedJob& slot = jobs_[{job.kind, job.key}];
  static_cast<NewJob&>(slot.job) = job;
  if (slot.job.id == 0) slot.job.id = ++last_job_;
  ++slot.job.revision;
  slot.due = clock_.Now() + delay;
}

void FakeStore::Announce(const App& app) {
  if (app.kind == AppKind::kWecomSuite || app.kind == AppKind::kWecomProvider) return;
  PutFor(app.kind == AppKind::kComponent ? JobKind::kStartTickets : JobKind::kAnnounceApp, app,
         absl::ZeroDuration());
}

void FakeStore::PutFor(JobKind kind, const App& app, absl::Duration delay) {
  NewJob job;
  job.kind = kind;
  job.key = app.appid;
  job.project = app.project;
  job.appid = app.appid;
  Put(job, delay);
}

absl::StatusOr<Project> FakeStore::CreateProject(const Project& project, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = projects_.find(project.id);
  if (found != projects_.end()) {
    if (found->second.display_name == project.display_name) return found->second;
    return BrokerError(absl::StatusCode::kAlreadyExists, "PROJECT_EXISTS", "exists");
  }
  Project made = project;
  made.number = static_cast<int32_t>(projects_.size()) + 1;
  made.created = clock_.Now();
  projects_[made.id] = made;
  NewJob job;
  job.kind = JobKind::kAnnounceProject;
  job.key = made.id;
  job.project = made.id;
  Put(job, absl::ZeroDuration());
  return made;
}

absl::StatusOr<Project> FakeStore::GetProject(const std::string& id, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = projects_.find(id);
  if (found == projects_.end()) return ProjectUnknown(id);
  return found->second;
}

absl::StatusOr<std::vector<Project>> FakeStore::ListProjects(const std::string& after, int limit,
                                                             Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<Project> result;
  for (auto it = projects_.upper_bound(after);
       it != projects_.end() && result.size() < static_cast<size_t>(limit); ++it) {
    result.push_back(it->second);
  }
  return result;
}

absl::StatusOr<App> FakeStore::CreateApp(const App& app, const Credentials& credentials, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  if (!projects_.contains(app.project)) return ProjectUnknown(app.project);
  const auto found = apps_.find(app.appid);
  if (found != apps_.end()) {
    if (found->second.project == app.project && found->second.kind == app.kind) {
      return found->second;
    }
    return AppExists(app.appid);
  }
  App made = app;
  made.state = AppState::kActive;
  made.created = clock_.Now();
  apps_[made.appid] = made;
  credentials_[made.appid] = credentials;
  Announce(made);
  Tell(made);
  return made;
}

absl::StatusOr<App> FakeStore::GetApp(const std::string& appid, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = apps_.find(appid);
  if (found == apps_.end()) return AppUnknown(appid);
  return found->second;
}

absl::StatusOr<std::vector<App>> FakeStore::ListApps(const std::string& project,
                                                     const std::string& after, int limit,
                                                     Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<App> result;
  for (auto it = apps_.upper_bound(after);
       it != apps_.end() && result.size() < static_cast<size_t>(limit); ++it) {
    if (it->second.project == project) result.push_back(it->second);
  }
  return result;
}

absl::StatusOr<App> FakeStore::UpdateApp(const std::string& appid, const AppChange& change,
                                         Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = apps_.find(appid);
  if (found == apps_.end()) return AppUnknown(appid);
  App& app = found->second;
  if (change.display_name) app.display_name = *change.display_name;
  if (change.open_platform_account) app.open_platform_account = *change.open_platform_account;
  if (change.classic_token) app.classic_token = *change.classic_token;
  if (change.js_domains) app.js_domains = *change.js_domains;
  if (const std::optional<Credentials>& credentials = change.credentials) {
    Credentials& held = credentials_[appid];
    const CallbackKey before = held.callback;
    if (!credentials->app_secret.empty()) held.app_secret = credentials->app_secret;
    if (!credentials->callback.token.empty()) held.callback.token = credentials->callback.token;
    if (!credentials->callback.aes_key.empty()) {
      held.callback.aes_key = credentials->callback.aes_key;
    }
    const bool same =
        before.token == held.callback.token && before.aes_key == held.callback.aes_key;
    if (!same && !before.token.empty()) held.previous_callback = before;
    ForgetHold(appid);
    if (app.state == AppState::kBadConfig) {
      app.state = AppState::kActive;
      app.state_detail.clear();
    }
  }
  Announce(app);
  Tell(app);
  return app;
}

absl::Status FakeStore::SetState(const std::string& appid, AppState state,
                                 const std::string& detail, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = apps_.find(appid);
  if (found == apps_.end()) return absl::OkStatus();
  if (found->second.state == state && found->second.state_detail == detail) {
    return absl::OkStatus();
  }
  if (state == AppState::kActive) ForgetHold(appid);
  found->second.state = state;
  found->second.state_detail = detail;
  Tell(found->second);
  return absl::OkStatus();
}

absl::StatusOr<Credentials> FakeStore::GetCredentials(const std::string& appid, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  if (!apps_.contains(appid)) return AppUnknown(appid);
  return credentials_[appid];
}

Authorization FakeStore::WithState(const Authorization& authorization) const {
  Authorization result = authorization;
  result.state = apps_.at(authorization.appid).state;
  return result;
}

absl::StatusOr<AccountFeedPage> FakeStore::ReadFeed(const std::string& project,
                                                    const std::string& cursor, int limit,
                                                    Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  size_t at = 0;
  if (!cursor.empty() && !absl::SimpleAtoi(cursor, &at)) {
    return BrokerError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID", "cursor");
  }
  AccountFeedPage page;
  std::set<std::string> seen;
  int read = 0;
  for (; at < changes_.size() && read < limit; ++at) {
    const Change& change = changes_[at];
    if (change.project != project) continue;
    ++read;
    if (!seen.insert(change.appid).second) continue;
    AccountFeedPage::Entry entry{apps_.at(change.appid), std::nullopt, change.time};
    const auto found = authorizations_.find(change.appid);
    if (found != authorizations_.end()) entry.authorization = WithState(found->second);
    page.entries.push_back(std::move(entry));
  }
  page.next_cursor = absl::StrCat(at);
  page.caught_up = read < limit;
  return page;
}

absl::StatusOr<std::vector<TokenVersion>> FakeStore::ListVersions(Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<TokenVersion> versions;
  for (const auto& [appid, app] : apps_) {
    if (app.kind == AppKind::kWebApp) continue;
    const auto token = tokens_.find(appid);
    versions.push_back({app.project, appid, app.kind, app.component, app.state,
                        token == tokens_.end() ? 0 : token->second.generation});
  }
  return versions;
}

absl::StatusOr<std::optional<TokenRecord>> FakeStore::Load(const std::string& appid, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = tokens_.find(appid);
  if (found == tokens_.end()) return std::optional<TokenRecord>();
  return std::optional<TokenRecord>(found->second);
}

absl::Status FakeStore::CheckLease(const Lease& lease) {
  if (epochs_[lease.key] == lease.epoch) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAborted, "lost", {"postgres.datong", "LEASE_LOST", {}});
}

absl::StatusOr<int64_t> FakeStore::Write(const Lease& lease, const TokenRecord& record) {
  DATONG_RETURN_IF_ERROR(CheckLease(lease));
  TokenRecord& held = tokens_[record.appid];
  TokenRecord next = record;
  next.generation = held.generation + 1;
  next.previous_refresh_token = held.previous_refresh_token;
  if (next.refresh_token.empty()) next.refresh_token = held.refresh_token;
  if (!held.refresh_token.empty() && !(held.refresh_token == next.refresh_token)) {
    next.previous_refresh_token = held.refresh_token;
  }
  held = next;
  ForgetHold(record.appid);
  health_[record.appid].prepared.reset();
  return held.generation;
}

absl::StatusOr<int64_t> FakeStore::Save(const Lease& lease, const TokenRecord& record, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  DATONG_RETURN_IF_ERROR(CheckLease(lease));
  const auto held = tokens_.find(record.appid);
  if ((held == tokens_.end() ? 0 : held->second.generation) != record.generation) {
    return TokenSuperseded(record.appid);
  }
  return Write(lease, record);
}

absl::Status FakeStore::SaveTicket(const std::string& component, const Ticket& ticket, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = tickets_.find(component);
  if (found == tickets_.end() || found->second.created <= ticket.created) {
    tickets_[component] = ticket;
  }
  ForgetHold(component);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Ticket>> FakeStore::GetTicket(const std::string& component, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = tickets_.find(component);
  if (found == tickets_.end()) return std::optional<Ticket>();
  return std::optional<Ticket>(found->second);
}

absl::StatusOr<std::optional<Lease>> FakeStore::TryAcquire(const std::string& key, absl::Duration,
                                                           Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  if (!held_.insert(key).second) return std::optional<Lease>();
  return std::optional<Lease>(Lease{key, ++epochs_[key]});
}

absl::StatusOr<std::vector<std::string>> FakeStore::Renew(const std::vector<Lease>& leases,
                                                          absl::Duration, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  ++renewals_;
  std::vector<std::string> kept;
  for (const Lease& lease : leases) {
    if (epochs_[lease.key] == lease.epoch) kept.push_back(lease.key);
  }
  return kept;
}

void FakeStore::Release(const Lease& lease) {
  MutexLock lock(&mutex_);
  if (epochs_[lease.key] == lease.epoch) held_.erase(lease.key);
}

}  // namespace datong::broker
