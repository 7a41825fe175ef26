#include "services/broker/core/worker.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/evidence.h"
#include "services/broker/core/push_receiver.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

absl::Time EventTimeOf(const wechat::Message& message, absl::Time fallback) {
  const std::optional<int64_t> seconds = message.Number("CreateTime");
  return seconds.has_value() ? absl::FromUnixSeconds(*seconds) : fallback;
}

constexpr char kWithdrew[] = "user_authorization_revoke";
constexpr char kDeregistered[] = "user_authorization_cancellation";
constexpr char kCleaned[] = "user_info_modified";

// What WeChat found of an account of late: certification and names change with it.
constexpr std::array<absl::string_view, 6> kVerifications = {"qualification_verify_success",
                                                             "qualification_verify_fail",
                                                             "naming_verify_success",
                                                             "naming_verify_fail",
                                                             "annual_renew",
                                                             "verify_expired"};

bool IsWithdrawal(const wechat::Message& message) {
  const absl::string_view event = message.Text("Event");
  return event == kWithdrew || event == kDeregistered;
}

// Whose push it is; "" when nobody's. Privacy events are sent by a service of WeChat and name the
// user in OpenID, if at all; what WeChat tells of the account itself is about no user.
std::string OpenidOf(const wechat::Message& message) {
  const absl::string_view openid = message.Text("OpenID");
  if (IsWithdrawal(message) || message.Text("Event") == kCleaned || !openid.empty()) {
    return std::string(openid);
  }
  return std::string(message.Text("FromUserName"));
}

PushEvent EventOf(const App& app, const Job& job, const wechat::Message& message, absl::Time now) {
  PushEvent event;
  event.event_id = job.key.substr(job.key.rfind(':') + 1);
  event.event_time = EventTimeOf(message, now);
  event.name = PushName(message);
  // Nobody's push goes to ingest too: its quarantine shows it.
  const std::string openid = OpenidOf(message);
  if (!openid.empty()) event.identifier = absl::StrCat("openid:", app.appid, ":", openid);
  for (const wechat::Field& field : message.fields()) {
    // Content is what a person wrote to the account: not for statistics.
    if (!field.children.empty() || field.name == "Content" || field.name == "FromUserName" ||
        field.name == "OpenID" || field.name == "UnionID" || field.text.empty()) {
      continue;
    }
    event.attributes[field.name] = field.text;
  }
  return event;
}

}  // namespace

Worker::Worker(WorkerOptions options, AppStore& apps, WorkStore& work, TokenStore& tickets,
               TokenBroker& tokens, Authorizer& authorizer, PlatformClient& platform,
               IdentityPeer& identity, IngestPeer& ingest, BrokerMetrics& metrics,
               const Clock& clock)
    : options_(options),
      apps_(apps),
      work_(work),
      tickets_(tickets),
      tokens_(tokens),
      authorizer_(authorizer),
      platform_(platform),
      identity_(identity),
      ingest_(ingest),
      metrics_(metrics),
      clock_(clock) {}

absl::StatusOr<int> Worker::RunOnce() {
  SettleLeftOver();
  int taken = 0;
  // Announcements first: identity and ingest refuse what belongs to projects they do not know.
  for (const JobKind kind : {JobKind::kAnnounceProject, JobKind::kAuthorizerDetails,
                             JobKind::kAnnounceApp, JobKind::kStartTickets, JobKind::kEvidence}) {
    DATONG_ASSIGN_OR_RETURN(int some, RunOthers(kind));
    taken += some;
  }
  for (const auto& [kind, runner] : runners_) {
    if (kind == JobKind::kEvidence) continue;  // done above
    DATONG_ASSIGN_OR_RETURN(int some, RunOthers(kind));
    taken += some;
  }
  DATONG_ASSIGN_OR_RETURN(int pushes, RunPushes());
  absl::StatusOr<WorkStore::Backlog> backlog =
      work_.CountPushes(Deadline::After(options_.call_timeout));
  if (backlog.ok()) metrics_.PushBacklog(backlog->jobs, backlog->oldest);
  return taken + pushes;
}

absl::StatusOr<std::vector<Job>> Worker::Claim(JobKind kind) {
  DATONG_ASSIGN_OR_RETURN(
      std::vector<Job> jobs,
      work_.Claim(kind, options_.batch, options_.hold, Deadline::After(options_.call_timeout)));
  MutexLock lock(&mutex_);
  for (const Job& job : jobs) held_[job.id] = job;
  return jobs;
}

void Worker::LetGo(const std::vector<Job>& jobs) {
  MutexLock lock(&mutex_);
  for (const Job& job : jobs) held_.erase(job.id);
}

void Worker::HoldOn() {
  std::vector<Job> held;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, job] : held_) held.push_back(job);
  }
  if (held.empty()) return;
  const absl::Status status = work_.Extend(held, options_.hold, Deadline::After(options_.hold / 3));
  if (!status.ok()) LogWarn("jobs not held any longer", {{"reason", GetReason(status)}});
}

void Worker::Settle(const std::vector<Job>& jobs, const absl::Status& outcome) {
  const Deadline deadline = Deadline::After(options_.call_timeout);
  if (outcome.ok()) {
    const absl::Status finished = work_.Finish(jobs, deadline);
    if (!finished.ok()) {
      LogWarn("jobs not finished", {{"reason", GetReason(finished)}});
      LeaveOver(jobs, outcome, finished);
    } else {
      LetGo(jobs);
    }
    return;
  }
  for (const Job& job : jobs) {
    const int doublings = std::min(job.attempts - 1, 16);
    const absl::Duration delay =
        std::min(options_.retry_first * (1 << std::max(0, doublings)), options_.retry_longest);
    LogWarn("background work failed", {{"kind", static_cast<int>(job.kind)},
                                       {"app", job.appid},
                                       {"attempts", job.attempts},
                                       {"code", absl::StatusCodeToString(outcome.code())},
                                       {"reason", GetReason(outcome)}});
    const absl::Status retried =
        work_.Retry(job, delay, absl::StrCat(GetReason(outcome), " ", outcome.message()), deadline);
    if (!retried.ok()) {
      LogWarn("job not put back", {{"reason", GetReason(retried)}});
      LeaveOver({job}, outcome, retried);
    } else {
      LetGo({job});
    }
  }
}

void Worker::LeaveOver(const std::vector<Job>& jobs, const absl::Status& outcome,
                       const absl::Status& why) {
  // Otherwise somebody else has taken them over.
  if (!absl::IsUnavailable(why) && !absl::IsDeadlineExceeded(why)) return LetGo(jobs);
  MutexLock lock(&mutex_);
  left_over_.emplace_back(jobs, outcome);
}

void Worker::SettleLeftOver() {
  std::vector<std::pair<std::vector<Job>, absl::Status>> left_over;
  {
    MutexLock lock(&mutex_);
    left_over.swap(left_over_);
  }
  for (const auto& [jobs, outcome] : left_over) Settle(jobs, outcome);
}

absl::StatusOr<int> Worker::RunOthers(JobKind kind) {
  DATONG_ASSIGN_OR_RETURN(std::vector<Job> jobs, Claim(kind));
  for (const Job& job : jobs) {
    Settle({job}, RunOther(job, Deadline::After(options_.call_timeout)));
  }
  return static_cast<int>(jobs.size());
}

absl::Status Worker::RunOther(const Job& job, Deadline deadline) {
  switch (job.kind) {
    case JobKind::kAnnounceProject: {
      DATONG_ASSIGN_OR_RETURN(Project project, apps_.GetProject(job.project, deadline));
      DATONG_RETURN_IF_ERROR(identity_.RegisterProject(project, deadline));
      return ingest_.RegisterProject(project, deadline);
    }
    case JobKind::kAnnounceApp: {
      DATONG_ASSIGN_OR_RETURN(App app, apps_.GetApp(job.appid, deadline));
      DATONG_RETURN_IF_ERROR(identity_.BindApp(app, deadline));
      if (app.kind == AppKind::kWebApp) return absl::OkStatus();  // nothing pushes
      return PushSourceOf(app, deadline).status();
    }
    case JobKind::kEvidence: {
      absl::StatusOr<Evidence> evidence = DecodeEvidence(job.payload);
      if (!evidence.ok()) return absl::OkStatus();  // never gets better
      DATONG_RETURN_IF_ERROR(identity_.Link(job.project, {*evidence}, deadline));
      break;
    }
    case JobKind::kAuthorizerDetails: {
      const absl::Status status = authorizer_.FetchDetails(job.appid, deadline);
      // The account went away again meanwhile.
      return ErrorClassOf(status) == ErrorClass::kRevoked ? absl::OkStatus() : status;
    }
    case JobKind::kStartTickets: {
      DATONG_ASSIGN_OR_RETURN(Credentials credentials, apps_.GetCredentials(job.appid, deadline));
      const absl::Status status =
          platform_.StartPushTicket(job.appid, credentials.app_secret, deadline);
      if (ErrorClassOf(status) != ErrorClass::kConfiguration) return status;
      return apps_.SetState(job.appid, AppState::kBadConfig,
                            std::string(AppBadConfig(job.appid, ErrmsgOf(status)).message()),
                            deadline);
    }
    default:
      break;
  }
  const auto runner = runners_.find(job.kind);
  return runner == runners_.end() ? absl::OkStatus() : runner->second(job, deadline);
}

absl::StatusOr<int> Worker::RunPushes() {
  DATONG_ASSIGN_OR_RETURN(std::vector<Job> jobs, Claim(JobKind::kPush));
  std::map<std::string, std::vector<Push>> by_app;
  for (Job& job : jobs) {
    absl::StatusOr<wechat::Message> message = wechat::ParseMessage(job.payload);
    if (!message.ok()) {
      Settle({job}, absl::OkStatus());  // it was read before it was stored
      continue;
    }
    by_app[job.appid].push_back({job, *std::move(message)});
  }
  for (const auto& [appid, pushes] : by_app) {
    const Deadline deadline = Deadline::After(options_.call_timeout);
    absl::StatusOr<App> app = apps_.GetApp(appid, deadline);
    if (app.ok() && app->kind == AppKind::kComponent) {
      for (const Push& push : pushes) {
        Settle({push.job}, RunComponentEvent(push, Deadline::After(options_.call_timeout)));
      }
      continue;
    }
    // Withdrawals come after everything else, and wait for nothing else, such as a quota.
    std::vector<Push> groups[2];
    for (const Push& push : pushes) groups[IsWithdrawal(push.message) ? 1 : 0].push_back(push);
    for (const std::vector<Push>& group : groups) {
      if (group.empty()) continue;
      std::vector<Job> claimed;
      for (const Push& push : group) claimed.push_back(push.job);
      Settle(claimed, app.ok() ? RunAppPushes(*app, group, deadline) : app.status());
    }
  }
  return static_cast<int>(jobs.size());
}

absl::Status Worker::RunComponentEvent(const Push& push, Deadline deadline) {
  const wechat::Message& message = push.message;
  const std::string name = PushName(message);
  const std::string authorizer(message.Text("AuthorizerAppid"));
  if (name == "unauthorized") {
    return authorizer_.OnUnauthorized(push.job.appid, authorizer,
                                      EventTimeOf(message, clock_.Now()), deadline);
  }
  if (name != "authorized" && name != "updateauthorized") return absl::OkStatus();
  const absl::Status status = authorizer_.OnAuthorized(
      push.job.project, push.job.appid, authorizer, std::string(message.Text("AuthorizationCode")),
      std::string(message.Text("PreAuthCode")), deadline);
  // These do not get better by asking again; the account is connected by another code, or never.
  const ErrorClass error = ErrorClassOf(status);
  if (error == ErrorClass::kRevoked || absl::IsAlreadyExists(status)) {
    LogWarn("authorisation not taken", {{"app", authorizer}, {"reason", GetReason(status)}});
    return absl::OkStatus();
  }
  return status;
}

absl::StatusOr<std::string> Worker::PushSourceOf(const App& app, Deadline deadline) {
  {
    MutexLock lock(&mutex_);
    const auto found = sources_.find(app.appid);
    if (found != sources_.end()) return found->second;
  }
  DATONG_ASSIGN_OR_RETURN(std::string source, ingest_.EnsurePushSource(app, deadline));
  MutexLock lock(&mutex_);
  sources_[app.appid] = source;
  return source;
}

absl::Status Worker::RunAppPushes(const App& app, const std::vector<Push>& pushes,
                                  Deadline deadline) {
  std::vector<PushEvent> events;
  std::vector<Evidence> evidence;
  std::vector<Relation> relations;
  std::vector<Withdrawal> withdrawals;
  std::vector<std::string> followers;
  bool is_verified_anew = false;
  for (const Push& push : pushes) {
    events.push_back(EventOf(app, push.job, push.message, clock_.Now()));
    const absl::string_view name = push.message.Text("Event");
    is_verified_anew |= absl::c_linear_search(kVerifications, name);
    const std::string openid = OpenidOf(push.message);
    if (openid.empty()) continue;
    // Told before the withdrawal, so that an erasure finds the unionid too.
    const absl::string_view unionid = push.message.Text("UnionID");
    if (push.message.Has("OpenID") && !unionid.empty()) {
      evidence.push_back({"oa.push_unionid", app.appid, openid, std::string(unionid),
                          events.back().event_time, events.back().event_id});
    }
    if (IsWithdrawal(push.message)) {
      Withdrawal& withdrawal = withdrawals.emplace_back();
      withdrawal.identifier = events.back().identifier;
      for (const absl::string_view info :
           absl::StrSplit(push.message.Text("RevokeInfo"), ',', absl::SkipWhitespace())) {
        withdrawal.infos.emplace_back(absl::StripAsciiWhitespace(info));
      }
      withdrawal.deregistered = name == kDeregistered;
      // Decisions are never of the future.
      withdrawal.when = std::min(events.back().event_time, clock_.Now());
    }
    if (name != "subscribe" && name != "unsubscribe") continue;
    const bool follows = name == "subscribe";
    relations.push_back({events.back().identifier, RelationKind::kFollower,
                         follows ? RelationState::kActive : RelationState::kEndedByPerson,
                         events.back().event_time});
    if (!follows) continue;
    evidence.push_back({"oa.event_subscribe", app.appid, openid, "", events.back().event_time,
                        events.back().event_id});
    if (std::find(followers.begin(), followers.end(), openid) == followers.end()) {
      followers.push_back(openid);
    }
  }
  if (events.empty()) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(std::string source, PushSourceOf(app, deadline));
  DATONG_RETURN_IF_ERROR(ingest_.AppendEvents(source, events, deadline));
  absl::StatusOr<std::vector<Evidence>> told = AskUsers(app, followers, deadline);
  if (told.ok()) {
    evidence.insert(evidence.end(), told->begin(), told->end());
  }
  if (!evidence.empty()) {
    DATONG_RETURN_IF_ERROR(identity_.Link(app.project, evidence, deadline));
  }
  if (!relations.empty()) {
    DATONG_RETURN_IF_ERROR(identity_.RecordRelations(app.project, relations, deadline));
  }
  // Last of all, so that nothing that is told again comes after the erasure.
  for (Withdrawal& withdrawal : withdrawals) {
    // Who deregisters takes along what was stored since the push was sent, that push above all.
    if (withdrawal.deregistered) withdrawal.when = clock_.Now();
    const absl::Status obeyed = identity_.Withdraw(app.project, withdrawal, deadline);
    if (GetReason(obeyed) == "IDENTIFIER_INVALID") continue;  // never was anybody's
    DATONG_RETURN_IF_ERROR(obeyed);
  }
  if (is_verified_anew && !app.component.empty()) {
    NewJob details;
    details.kind = JobKind::kAuthorizerDetails;
    details.key = app.appid;
    details.project = app.project;
    details.appid = app.appid;
    DATONG_RETURN_IF_ERROR(work_.Enqueue(details, deadline));
  }
  return told.status();
}

absl::StatusOr<std::vector<Evidence>> Worker::AskUsers(const App& app,
                                                       const std::vector<std::string>& openids,
                                                       Deadline deadline) {
  std::vector<Evidence> evidence;
  if (openids.empty()) return evidence;
  absl::StatusOr<CachedTokenPtr> token = tokens_.Get(app.appid, deadline);
  if (absl::IsFailedPrecondition(token.status())) return evidence;  // the account went away
  if (!token.ok()) return token.status();
  absl::StatusOr<std::vector<UserInfo>> users =
      platform_.GetUsers((*token)->token, openids, deadline);
  if (ErrorClassOf(users.status()) == ErrorClass::kTokenInvalid) {
    absl::StatusOr<TokenBroker::Replacement> other = tokens_.Replace(
        app.appid, (*token)->fingerprint, BrokerMetrics::Invalidated::kUpstream, deadline);
    if (!other.ok()) return other.status();
    users = platform_.GetUsers(other->current->token, openids, deadline);
  }
  if (!users.ok()) {
    const ErrorClass error = ErrorClassOf(users.status());
    const bool come_back = ErrcodeOf(users.status()) == 0 || error == ErrorClass::kTransient ||
                           error == ErrorClass::kRateLimited || error == ErrorClass::kQuota ||
                           error == ErrorClass::kTokenInvalid;
    if (come_back) return users.status();
    if (openids.size() == 1 || error == ErrorClass::kPermission) {
      LogWarn("user/info refused", {{"app", app.appid}, {"errcode", ErrcodeOf(users.status())}});
      return evidence;
    }
    // One openid spoils the batch: find it by halves.
    const auto middle = openids.begin() + static_cast<std::ptrdiff_t>(openids.size() / 2);
    for (const auto& half : {std::vector<std::string>(openids.begin(), middle),
                             std::vector<std::string>(middle, openids.end())}) {
      DATONG_ASSIGN_OR_RETURN(std::vector<Evidence> some, AskUsers(app, half, deadline));
      evidence.insert(evidence.end(), some.begin(), some.end());
    }
    return evidence;
  }
  const absl::Time now = clock_.Now();
  for (const UserInfo& user : *users) {
    if (user.unionid.empty()) continue;  // the subscribe event told as much
    evidence.push_back({"oa.user_info", app.appid, user.openid, user.unionid, now, ""});
  }
  return evidence;
}

absl::Status Worker::Maintain() {
  const Deadline deadline = Deadline::After(options_.call_timeout);
  DATONG_ASSIGN_OR_RETURN(std::vector<TokenVersion> versions, tickets_.ListVersions(deadline));
  for (const TokenVersion& version : versions) {
    if (version.kind != AppKind::kComponent) continue;
    DATONG_ASSIGN_OR_RETURN(std::optional<Ticket> ticket,
                            tickets_.GetTicket(version.appid, deadline));
    if (ticket.has_value()) metrics_.TicketReceived(version.appid, ticket->received);
    if (ticket.has_value() && clock_.Now() < ticket->received + options_.ticket_silence) continue;
    // Once an hour over all replicas: the hour is part of the lease's name.
    const int64_t hour = absl::ToUnixSeconds(clock_.Now()) / 3600;
    DATONG_ASSIGN_OR_RETURN(
        std::optional<Lease> lease,
        tickets_.TryAcquire(absl::StrCat("start_tickets/", version.appid, "/", hour),
                            absl::Hours(1), deadline));
    if (!lease.has_value()) continue;
    LogWarn("no component_verify_ticket; asking for it", {{"app", version.appid}});
    NewJob job;
    job.kind = JobKind::kStartTickets;
    job.key = version.appid;
    job.project = version.project;
    job.appid = version.appid;
    DATONG_RETURN_IF_ERROR(work_.Enqueue(job, deadline));
  }
  return work_.ForgetPushes(options_.remember_pushes, deadline);
}

}  // namespace datong::broker
