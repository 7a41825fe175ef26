// FakeStore: authorisations, background work and audit.
#include <algorithm>
#include <utility>

#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {

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
  if (!code.empty()) codes_[code] = granted.appid;
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
  if (!details.permission_sets.empty()) {
    authorization.permission_sets = details.permission_sets;
    std::sort(authorization.permission_sets.begin(), authorization.permission_sets.end());
  }
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

absl::StatusOr<std::vector<Job>> FakeStore::Claim(JobKind kind, int limit, absl::Duration hold,
                                                  Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<QueuedJob*> due;
  for (auto& [key, queued] : jobs_) {
    const bool is_held = queued.claimed && !queued.held_until.Passed();
    if (key.first == kind && !is_held && queued.due <= clock_.Now()) due.push_back(&queued);
  }
  std::sort(due.begin(), due.end(),
            [](const QueuedJob* a, const QueuedJob* b) { return a->job.id < b->job.id; });
  if (due.size() > static_cast<size_t>(limit)) due.resize(static_cast<size_t>(limit));
  std::vector<Job> jobs;
  for (QueuedJob* queued : due) {
    queued->claimed = true;
    queued->held_until = Deadline::After(hold);
    ++queued->job.attempts;
    ++queued->job.claim;
    jobs.push_back(queued->job);
  }
  return jobs;
}

absl::Status FakeStore::Extend(const std::vector<Job>& jobs, absl::Duration hold, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  for (const Job& job : jobs) {
    const auto found = jobs_.find({job.kind, job.key});
    if (found == jobs_.end() || found->second.job.claim != job.claim) continue;
    found->second.held_until = Deadline::After(hold);
    extended_.push_back(job.key);
  }
  return absl::OkStatus();
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
