#include "services/broker/testing/fake_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {

absl::Status FakeStore::Check() const {
  if (reachable_) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, "The database is gone.",
                   {"postgres.datong", "DATABASE_UNAVAILABLE", {}});
}

size_t FakeStore::pending_jobs(JobKind kind) const {
  MutexLock lock(&mutex_);
  return static_cast<size_t>(std::count_if(
      jobs_.begin(), jobs_.end(), [&](const auto& entry) { return entry.first.first == kind; }));
}

void FakeStore::Tell(const App& app) {
  if (app.kind == AppKind::kComponent || app.kind == AppKind::kUnknown) return;
  changes_.push_back({app.project, app.appid, clock_.Now()});
}

void FakeStore::Put(const NewJob& job, absl::Duration delay) {
  QueuedJob& slot = jobs_[{job.kind, job.key}];
  static_cast<NewJob&>(slot.job) = job;
  if (slot.job.id == 0) slot.job.id = ++last_job_;
  ++slot.job.revision;
  slot.due = clock_.Now() + delay;
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
  PutFor(made.kind == AppKind::kComponent ? JobKind::kStartTickets : JobKind::kAnnounceApp, made,
         absl::ZeroDuration());
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

absl::StatusOr<App> FakeStore::UpdateApp(const std::string& appid,
                                         const std::optional<std::string>& display_name,
                                         const std::optional<std::string>& open_platform_account,
                                         const std::optional<Credentials>& credentials, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = apps_.find(appid);
  if (found == apps_.end()) return AppUnknown(appid);
  App& app = found->second;
  if (display_name) app.display_name = *display_name;
  if (open_platform_account) app.open_platform_account = *open_platform_account;
  if (credentials) {
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
    if (app.state == AppState::kBadConfig) {
      app.state = AppState::kActive;
      app.state_detail.clear();
    }
  }
  PutFor(app.kind == AppKind::kComponent ? JobKind::kStartTickets : JobKind::kAnnounceApp, app,
         absl::ZeroDuration());
  Tell(app);
  return app;
}

absl::Status FakeStore::SetState(const std::string& appid, AppState state,
                                 const std::string& detail, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = apps_.find(appid);
  if (found == apps_.end() || found->second.state == state) return absl::OkStatus();
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

void FakeStore::Release(const Lease& lease) {
  MutexLock lock(&mutex_);
  if (epochs_[lease.key] == lease.epoch) held_.erase(lease.key);
}

absl::Status FakeStore::CreateLink(const AuthorizationLink& link, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  links_[link.id] = link;
  return absl::OkStatus();
}

absl::StatusOr<AuthorizationLink> FakeStore::GetLink(const std::string& id, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = links_.find(id);
  if (found == links_.end()) return LinkUnknown();
  return found->second;
}

absl::Status FakeStore::SavePreAuthCode(const std::string& code, const std::string& link,
                                        absl::Time, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  pre_auth_codes_[code] = link;
  return absl::OkStatus();
}

absl::StatusOr<std::string> FakeStore::LinkOfPreAuthCode(const std::string& code, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = pre_auth_codes_.find(code);
  return found == pre_auth_codes_.end() ? std::string() : found->second;
}

absl::StatusOr<std::string> FakeStore::FindExchanged(const std::string& code, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = codes_.find(code);
  return found == codes_.end() ? std::string() : found->second;
}

absl::Status FakeStore::SaveExchange(const Lease& lease, const std::string& project,
                                     const std::string& component, const std::string& code,
                                     const std::string& link, const GrantedAuthorization& granted,
                                     absl::Time now, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = apps_.find(granted.appid);
  if (found != apps_.end() &&
      (found->second.project != project || found->second.kind == AppKind::kComponent)) {
    return AppExists(granted.appid);
  }
  TokenRecord record;
  record.appid = granted.appid;
  record.access_token = granted.token.token;
  record.refresh_token = granted.token.refresh_token;
  record.fetched = now;
  record.expires = now + granted.token.lifetime;
  DATONG_RETURN_IF_ERROR(Write(lease, record).status());
  App& app = apps_[granted.appid];
  if (app.appid.empty()) app.created = now;
  app.project = project;
  app.appid = granted.appid;
  app.component = component;
  app.state = AppState::kActive;
  app.state_detail.clear();
  Authorization& authorization = authorizations_[granted.appid];
  authorization.project = project;
  authorization.appid = granted.appid;
  authorization.component = component;
  authorization.permission_sets = granted.permission_sets;
  std::sort(authorization.permission_sets.begin(), authorization.permission_sets.end());
  authorization.authorized = now;
  authorization.revoked.reset();
  codes_[code] = granted.appid;
  if (!link.empty()) links_[link].appid = granted.appid;
  PutFor(JobKind::kAuthorizerDetails, app, absl::Seconds(10));
  return absl::OkStatus();
}

absl::Status FakeStore::SaveDetails(const std::string& appid, const AccountDetails& details,
                                    Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = authorizations_.find(appid);
  if (found == authorizations_.end()) return AuthorizationUnknown(appid);
  Authorization& authorization = found->second;
  App& app = apps_[appid];
  if (app.display_name.empty() || app.display_name == authorization.nick_name) {
    app.display_name = details.nick_name;
  }
  app.kind = details.kind;
  app.original_id = details.original_id;
  authorization.nick_name = details.nick_name;
  authorization.principal_name = details.principal_name;
  authorization.service_type = details.service_type;
  authorization.verify_type = details.verify_type;
  authorization.original_id = details.original_id;
  authorization.details_known = true;
  Tell(app);
  PutFor(JobKind::kAnnounceApp, app, absl::ZeroDuration());
  return absl::OkStatus();
}

absl::Status FakeStore::Revoke(const std::string& component, const std::string& appid,
                               absl::Time when, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = authorizations_.find(appid);
  if (found == authorizations_.end() || found->second.component != component ||
      found->second.revoked.has_value() ||
      absl::ToUnixSeconds(found->second.authorized) > absl::ToUnixSeconds(when)) {
    return absl::OkStatus();
  }
  found->second.revoked = when;
  App& app = apps_[appid];
  app.state = AppState::kRevoked;
  app.state_detail = std::string(AppRevoked(appid).message());
  TokenRecord& token = tokens_[appid];
  token.access_token = Secret();
  token.refresh_token = Secret();
  token.previous_refresh_token = Secret();
  ++token.generation;
  Tell(app);
  return absl::OkStatus();
}

absl::StatusOr<Authorization> FakeStore::GetAuthorization(const std::string& project,
                                                          const std::string& appid, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = authorizations_.find(appid);
  if (found == authorizations_.end() || found->second.project != project) {
    return AuthorizationUnknown(appid);
  }
  return WithState(found->second);
}

absl::StatusOr<std::vector<Authorization>> FakeStore::ListAuthorizations(const std::string& project,
                                                                         const std::string& after,
                                                                         int limit, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<Authorization> result;
  for (auto it = authorizations_.upper_bound(after);
       it != authorizations_.end() && result.size() < static_cast<size_t>(limit); ++it) {
    if (it->second.project == project) result.push_back(WithState(it->second));
  }
  return result;
}

absl::StatusOr<bool> FakeStore::AddPush(const NewJob& push, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  if (!inbox_.emplace(push.key, clock_.Now()).second) return false;
  Put(push, absl::ZeroDuration());
  return true;
}

absl::Status FakeStore::Enqueue(const NewJob& job, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  Put(job, absl::ZeroDuration());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Job>> FakeStore::Claim(JobKind kind, int limit, absl::Duration,
                                                  Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<QueuedJob*> due;
  for (auto& [key, queued] : jobs_) {
    if (key.first == kind && !queued.claimed && queued.due <= clock_.Now()) due.push_back(&queued);
  }
  std::sort(due.begin(), due.end(),
            [](const QueuedJob* a, const QueuedJob* b) { return a->job.id < b->job.id; });
  if (due.size() > static_cast<size_t>(limit)) due.resize(static_cast<size_t>(limit));
  std::vector<Job> jobs;
  for (QueuedJob* queued : due) {
    queued->claimed = true;
    ++queued->job.attempts;
    ++queued->job.claim;
    jobs.push_back(queued->job);
  }
  return jobs;
}

absl::Status FakeStore::Finish(const std::vector<Job>& jobs, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  for (const Job& job : jobs) {
    const auto found = jobs_.find({job.kind, job.key});
    if (found == jobs_.end()) continue;
    if (found->second.job.revision == job.revision) {
      jobs_.erase(found);
    } else {
      found->second.claimed = false;  // asked for again meanwhile
    }
  }
  return absl::OkStatus();
}

absl::Status FakeStore::Retry(const Job& job, absl::Duration delay, const std::string&, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = jobs_.find({job.kind, job.key});
  if (found == jobs_.end()) return absl::OkStatus();
  found->second.claimed = false;
  found->second.due = clock_.Now() + delay;
  return absl::OkStatus();
}

absl::Status FakeStore::ForgetPushes(absl::Duration age, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::erase_if(inbox_, [&](const auto& entry) { return entry.second < clock_.Now() - age; });
  return absl::OkStatus();
}

absl::StatusOr<WorkStore::Backlog> FakeStore::CountPushes(Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  Backlog backlog;
  for (const auto& [key, queued] : jobs_) {
    if (key.first != JobKind::kPush) continue;
    ++backlog.jobs;
    backlog.oldest = std::min(backlog.oldest, queued.due);
  }
  return backlog;
}

absl::Status FakeStore::SaveLogin(const App&, const std::string&, const Secret&,
                                  const NewJob& evidence, absl::Duration delay, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  Put(evidence, delay);
  return absl::OkStatus();
}

absl::Status FakeStore::DropEvidence(const std::string& key, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = jobs_.find({JobKind::kEvidence, key});
  if (found != jobs_.end() && !found->second.claimed) jobs_.erase(found);
  return absl::OkStatus();
}

absl::Status FakeStore::Append(const std::vector<AccessRow>& rows, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  for (const AccessRow& row : rows) accesses_.emplace(row.id, row);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AccessRow>> FakeStore::List(const AccessFilter& filter, int limit,
                                                       Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<AccessRow> rows;
  for (const auto& [id, row] : accesses_) {
    const auto key = std::make_pair(row.second, row.id);
    if (row.project != filter.project || (!filter.appid.empty() && row.appid != filter.appid) ||
        (!filter.caller.empty() && row.caller != filter.caller) || row.second < filter.start ||
        row.second >= filter.end || key >= std::make_pair(filter.before_second, filter.before_id)) {
      continue;
    }
    rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(), [](const AccessRow& a, const AccessRow& b) {
    return std::make_pair(a.second, a.id) > std::make_pair(b.second, b.id);
  });
  if (rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
  return rows;
}

}  // namespace datong::broker
