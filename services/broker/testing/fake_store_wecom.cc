// FakeStore: corps of WeCom.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {

absl::StatusOr<std::string> FakeStore::SaveInstall(const Lease& lease, const App& suite,
                                                   const std::string& code, const std::string& link,
                                                   const WecomGrant& grant, absl::Time now,
                                                   Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const std::string appid = WecomCorpAppid(grant.corpid, suite.appid);
  const auto found = apps_.find(appid);
  if (found != apps_.end() &&
      (found->second.project != suite.project || found->second.kind != AppKind::kWecomCorp)) {
    return AppExists(appid);
  }
  TokenRecord record;
  record.appid = appid;
  record.refresh_token = grant.permanent_code;
  record.fetched = now;
  record.expires = now;
  DATONG_RETURN_IF_ERROR(Write(lease, record).status());
  App& app = apps_[appid];
  if (app.appid.empty()) {
    app.created = now;
    app.display_name = grant.corp_name;
  }
  app.project = suite.project;
  app.appid = appid;
  app.kind = AppKind::kWecomCorp;
  app.component = suite.appid;
  app.corpid = grant.corpid;
  app.state = AppState::kActive;
  app.state_detail.clear();
  WecomCorp& corp = corps_[appid];
  corp.project = suite.project;
  corp.appid = appid;
  corp.suite = suite.appid;
  corp.corp_name = grant.corp_name;
  corp.authorized = now;
  corp.revoked.reset();
  if (!code.empty()) codes_[code] = appid;
  if (!link.empty()) links_[link].appid = appid;
  PutFor(JobKind::kWecomDetails, app, absl::Seconds(10));
  PutFor(JobKind::kWecomRoster, app, absl::ZeroDuration());
  return appid;
}

absl::Status FakeStore::SaveDetails(const std::string& appid, const WecomAuthInfo& info, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = corps_.find(appid);
  if (found == corps_.end()) return AuthorizationUnknown(appid);
  WecomCorp& corp = found->second;
  App& app = apps_[appid];
  if ((app.display_name.empty() || app.display_name == corp.corp_name) && !info.corp_name.empty()) {
    app.display_name = info.corp_name;
  }
  app.agentid = info.agentid;
  corp.mode = info.is_agency_built ? WecomMode::kAgency : WecomMode::kThirdParty;
  corp.corp_name = info.corp_name;
  corp.corp_full_name = info.corp_full_name;
  corp.verified = info.verified;
  corp.subject_type = info.subject_type;
  corp.privilege_level = info.privilege_level;
  corp.details_known = true;
  Tell(app);
  PutFor(JobKind::kAnnounceApp, app, absl::ZeroDuration());
  return absl::OkStatus();
}

absl::StatusOr<bool> FakeStore::Revoke(const std::string& appid, absl::Time when, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = corps_.find(appid);
  if (found == corps_.end() || found->second.revoked.has_value() ||
      absl::ToUnixSeconds(found->second.authorized) > absl::ToUnixSeconds(when)) {
    return false;
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
  pendings_.erase(appid);
  rosters_.erase(appid);
  staff_sessions_.erase(appid);
  std::erase_if(staff_sessions_[app.component], [&](const auto& session) {
    return absl::StartsWith(session.first, absl::StrCat(app.corpid, "/"));
  });
  std::erase_if(jobs_, [&](const auto& entry) {
    const JobKind kind = entry.first.first;
    return entry.second.job.appid == appid &&
           (kind == JobKind::kEvidence || kind == JobKind::kWecomRoster ||
            kind == JobKind::kWecomContact || kind == JobKind::kWecomGroup ||
            kind == JobKind::kWecomDetails);
  });
  Tell(app);
  NewJob forget;
  forget.kind = JobKind::kWecomForget;
  forget.key = appid;
  forget.project = app.project;
  forget.appid = appid;
  forget.payload = absl::StrCat(absl::ToUnixSeconds(when));
  Put(forget, absl::ZeroDuration());
  return true;
}

WecomCorp FakeStore::WithApps(const WecomCorp& corp) const {
  WecomCorp result = corp;
  const App& app = apps_.at(corp.appid);
  result.corpid = app.corpid;
  result.agentid = app.agentid;
  result.state = app.state;
  result.provider = apps_.at(corp.suite).corpid;
  return result;
}

absl::StatusOr<WecomCorp> FakeStore::GetCorp(const std::string& appid, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = corps_.find(appid);
  if (found == corps_.end()) return AuthorizationUnknown(appid);
  return WithApps(found->second);
}

absl::StatusOr<std::vector<WecomCorp>> FakeStore::ListCorps(const std::string& project,
                                                            const std::string& after, int limit,
                                                            Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<WecomCorp> result;
  for (auto it = corps_.upper_bound(after);
       it != corps_.end() && result.size() < static_cast<size_t>(limit); ++it) {
    if (it->second.project == project) result.push_back(WithApps(it->second));
  }
  return result;
}

absl::Status FakeStore::SaveSession(const std::string& appid, const WecomMember& member,
                                    const Secret& key, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  staff_sessions_[appid][member.name()] = key;
  return absl::OkStatus();
}

absl::StatusOr<Secret> FakeStore::GetSession(const std::string& appid, const WecomMember& member,
                                             Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto& sessions = staff_sessions_[appid];
  const auto found = sessions.find(member.name());
  if (found == sessions.end()) return SessionUnknown();
  return found->second;
}

absl::Status FakeStore::AddPending(const std::string& appid, const std::string& pending_id,
                                   absl::Time now, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  absl::Time& issued = pendings_[appid].try_emplace(pending_id, now).first->second;
  issued = std::max(issued, now);
  std::erase_if(pendings_[appid],
                [&](const auto& pending) { return pending.second < now - kPendingLifetime; });
  return absl::OkStatus();
}

absl::StatusOr<bool> FakeStore::HasPending(const std::string& appid, absl::Time since, Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = pendings_.find(appid);
  if (found == pendings_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const auto& pending) { return pending.second >= since; });
}

absl::Status FakeStore::ResolvePending(const std::string& appid, const std::string& pending_id,
                                       Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  pendings_[appid].erase(pending_id);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<WecomRoster>> FakeStore::GetRoster(const std::string& appid,
                                                                Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  const auto found = rosters_.find(appid);
  if (found == rosters_.end()) return std::optional<WecomRoster>();
  return std::optional<WecomRoster>(found->second);
}

absl::Status FakeStore::SaveRoster(const App& app, const WecomRoster& roster, absl::Duration delay,
                                   Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  rosters_[roster.appid] = roster;
  if (roster.state != WecomRoster::State::kRunning) return absl::OkStatus();
  NewJob job;
  job.kind = JobKind::kWecomRoster;
  job.key = absl::StrCat(app.appid, "/", RosterStep(roster));
  job.project = app.project;
  job.appid = app.appid;
  job.payload = RosterStep(roster);
  Put(job, delay);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FakeStore::ListStaleRosters(absl::Time before, int limit,
                                                                     Deadline) {
  MutexLock lock(&mutex_);
  DATONG_RETURN_IF_ERROR(Check());
  std::vector<std::string> appids;
  for (const auto& [appid, app] : apps_) {
    if (app.kind != AppKind::kWecomCorp || app.state != AppState::kActive) continue;
    const auto roster = rosters_.find(appid);
    const bool is_stale =
        roster == rosters_.end() ||
        (roster->second.state != WecomRoster::State::kRunning && roster->second.started < before);
    if (is_stale && appids.size() < static_cast<size_t>(limit)) appids.push_back(appid);
  }
  return appids;
}

}  // namespace datong::broker
