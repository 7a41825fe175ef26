#include "services/broker/core/wecom_pushes.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

absl::Time PushTime(const wechat::Message& message, absl::Time fallback) {
  for (const char* name : {"CreateTime", "TimeStamp"}) {
    const std::optional<int64_t> seconds = message.Number(name);
    if (seconds.has_value()) return absl::FromUnixSeconds(*seconds);
  }
  return fallback;
}

std::string Text(const wechat::Message& message, const char* name) {
  return std::string(absl::StripAsciiWhitespace(message.Text(name)));
}

// Addresses, codes that still work, and who it is about: not for statistics.
bool IsAttribute(const std::string& name) {
  for (const char* other : {"SuiteId", "AuthCorpId", "ToUserName", "FromUserName", "AgentID",
                            "ExternalUserID", "WelcomeCode", "AuthCode", "Content"}) {
    if (name == other) return false;
  }
  return true;
}

// How a push changes what the contact is to the member of staff it names; nothing when it does not.
std::optional<RelationState> RelationAfter(const std::string& change) {
  if (change == "add_external_contact" || change == "add_half_external_contact") {
    return RelationState::kActive;
  }
  if (change == "del_external_contact") return RelationState::kEndedByCompany;
  if (change == "del_follow_user") return RelationState::kEndedByPerson;
  return std::nullopt;
}

}  // namespace

WecomPushes::WecomPushes(AppStore& apps, WecomDirectory& directory, WecomStore& store,
                         WorkStore& work, WecomInstaller& installer, IdentityPeer& identity,
                         IngestPeer& ingest, const Clock& clock)
    : apps_(apps),
      directory_(directory),
      store_(store),
      work_(work),
      installer_(installer),
      identity_(identity),
      ingest_(ingest),
      clock_(clock) {}

absl::Status WecomPushes::Run(const Job& job, Deadline deadline) {
  absl::StatusOr<wechat::Message> message = wechat::ParseMessage(job.payload);
  if (!message.ok()) return absl::OkStatus();  // it was read before it was stored
  if (message->Has("InfoType")) return RunInstruction(job, *message, deadline);
  return RunCustomerPush(job, job.appid, *message, deadline);
}

absl::Status WecomPushes::RunInstruction(const Job& job, const wechat::Message& message,
                                         Deadline deadline) {
  const std::string info = Text(message, "InfoType");
  const std::string corpid = Text(message, "AuthCorpId");
  if (info == "create_auth" || info == "reset_permanent_code") {
    const absl::Status status = installer_.OnAuthCode(job.appid, Text(message, "AuthCode"),
                                                      Text(message, "State"), deadline);
    // These do not get better by asking again; the corp is connected by another code, or never.
    if (!absl::IsInvalidArgument(status) && !absl::IsAlreadyExists(status)) return status;
    LogWarn("installation not taken", {{"app", job.appid}, {"reason", GetReason(status)}});
    return absl::OkStatus();
  }
  if (corpid.empty()) return absl::OkStatus();
  const std::string appid = WecomCorpAppid(corpid, job.appid);
  if (info == "cancel_auth") {
    return installer_.OnCancelled(job.appid, corpid, PushTime(message, clock_.Now()), deadline);
  }
  if (info == "change_auth") {
    NewJob details;
    details.kind = JobKind::kWecomDetails;
    details.key = appid;
    details.project = job.project;
    details.appid = appid;
    return work_.Enqueue(details, deadline);
  }
  return RunCustomerPush(job, appid, message, deadline);
}

absl::StatusOr<std::string> WecomPushes::PushSourceOf(const App& app, Deadline deadline) {
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

absl::Status WecomPushes::RunCustomerPush(const Job& job, const std::string& appid,
                                          const wechat::Message& message, Deadline deadline) {
  const std::string info = Text(message, "InfoType");
  const std::string name = info.empty() ? Text(message, "Event") : info;
  const std::string change = Text(message, "ChangeType");
  absl::StatusOr<WecomDirectory::Entry> entry = directory_.Find(job.project, appid, deadline);
  // The corp left, or never was one of ours.
  if (absl::IsFailedPrecondition(entry.status()) || absl::IsNotFound(entry.status())) {
    return absl::OkStatus();
  }
  if (!entry.ok()) return entry.status();
  NewJob next;
  next.project = job.project;
  next.appid = appid;
  if (name == "change_external_chat" && (change == "create" || change == "update")) {
    next.kind = JobKind::kWecomGroup;
    next.payload = Text(message, "ChatId");
    next.key = absl::StrCat(appid, ":", next.payload);
    return work_.Enqueue(next, deadline);
  }
  // Pushes about staff, tags and groups are about no customer.
  const std::string external_userid = Text(message, "ExternalUserID");
  if (external_userid.empty()) return absl::OkStatus();
  PushEvent event;
  event.event_id = job.key.substr(job.key.rfind(':') + 1);
  event.event_time = PushTime(message, clock_.Now());
  event.name = name == "change_external_contact" && !change.empty() ? change : name;
  event.identifier = entry->view.Ext(external_userid);
  for (const wechat::Field& field : message.fields()) {
    if (!field.children.empty() || field.text.empty() || !IsAttribute(field.name)) continue;
    event.attributes[field.name] = std::string(absl::StripAsciiWhitespace(field.text));
  }
  DATONG_ASSIGN_OR_RETURN(std::string source, PushSourceOf(entry->app, deadline));
  DATONG_RETURN_IF_ERROR(ingest_.AppendEvents(source, {event}, deadline));
  const std::optional<RelationState> state = RelationAfter(change);
  if (!state.has_value()) return absl::OkStatus();
  DATONG_RETURN_IF_ERROR(
      identity_.RecordRelations(job.project,
                                {{event.identifier, RelationKind::kContact, *state,
                                  event.event_time, Text(message, "UserID")}},
                                deadline));
  if (*state != RelationState::kActive) return absl::OkStatus();
  Evidence evidence;
  evidence.kind = "wecom.event_add_contact";
  evidence.appid = appid;
  evidence.observed = event.event_time;
  evidence.request_id = event.event_id;
  evidence.other_ids = {event.identifier};
  DATONG_RETURN_IF_ERROR(identity_.Link(job.project, {evidence}, deadline));
  next.kind = JobKind::kWecomContact;
  next.payload = external_userid;
  next.key = absl::StrCat(appid, ":", event.event_id);
  return work_.Enqueue(next, deadline);
}

absl::Status WecomPushes::Forget(const Job& job, Deadline deadline) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(job.payload, &seconds)) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(WecomCorp left, store_.GetCorp(job.appid, deadline));
  // Another suite of the same provider in the same corp shows the same contacts.
  std::string after;
  while (true) {
    DATONG_ASSIGN_OR_RETURN(std::vector<WecomCorp> corps,
                            store_.ListCorps(job.project, after, 500, deadline));
    for (const WecomCorp& corp : corps) {
      if (corp.corpid == left.corpid && corp.provider == left.provider &&
          corp.appid != left.appid && !corp.revoked.has_value()) {
        return absl::OkStatus();
      }
    }
    if (corps.size() < 500) break;
    after = corps.back().appid;
  }
  const std::string provider = left.provider.empty() ? left.suite : left.provider;
  return identity_.EraseCorp(job.project, left.corpid, provider,
                             absl::FromUnixSeconds(seconds + 1) - absl::Microseconds(1), deadline);
}

}  // namespace datong::broker
