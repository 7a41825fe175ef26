#include "services/broker/core/wecom_rosters.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "services/broker/core/wecom_errors.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr size_t kMembersPerCall = 100;
constexpr int kMostStarts = 100;  // in one round of Maintain

}  // namespace

WecomRosters::WecomRosters(WecomRosterOptions options, WecomDirectory& directory, WecomStore& store,
                           TokenBroker& tokens, WecomIdPlatform& platform, WecomContacts& contacts,
                           IdentityPeer& identity, const Clock& clock)
    : options_(options),
      directory_(directory),
      store_(store),
      tokens_(tokens),
      platform_(platform),
      contacts_(contacts),
      identity_(identity),
      clock_(clock) {}

absl::StatusOr<WecomRoster> WecomRosters::Begin(const App& app, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::optional<WecomRoster> held, store_.GetRoster(app.appid, deadline));
  if (held.has_value() && held->state == WecomRoster::State::kRunning) return *std::move(held);
  WecomRoster roster;
  roster.appid = app.appid;
  roster.started = clock_.Now();
  DATONG_RETURN_IF_ERROR(store_.SaveRoster(app, roster, absl::ZeroDuration(), deadline));
  return roster;
}

absl::StatusOr<WecomRoster> WecomRosters::Start(const std::string& project,
                                                const std::string& appid, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  if (entry.app.kind != AppKind::kWecomCorp) {
    return AppKindUnsupported(appid, "an app of a WeCom corp");
  }
  return Begin(entry.app, deadline);
}

absl::StatusOr<WecomRoster> WecomRosters::Get(const std::string& project, const std::string& appid,
                                              Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  DATONG_ASSIGN_OR_RETURN(std::optional<WecomRoster> held, store_.GetRoster(appid, deadline));
  if (!held.has_value()) return RosterSyncUnknown(entry.app.name());
  return *std::move(held);
}

absl::Status WecomRosters::Run(const Job& job, Deadline deadline) {
  absl::StatusOr<WecomDirectory::Entry> entry = directory_.Find(job.project, job.appid, deadline);
  if (absl::IsFailedPrecondition(entry.status())) return absl::OkStatus();  // the corp left
  if (!entry.ok()) return entry.status();
  if (job.payload.empty()) return Begin(entry->app, deadline).status();
  DATONG_ASSIGN_OR_RETURN(std::optional<WecomRoster> held, store_.GetRoster(job.appid, deadline));
  // A step that came twice, or of a pass that is over.
  if (!held.has_value() || held->state != WecomRoster::State::kRunning ||
      RosterStep(*held) != job.payload) {
    return absl::OkStatus();
  }
  WecomRoster roster = *std::move(held);
  const std::string before = RosterStep(roster);
  roster.error.clear();
  absl::Duration delay = options_.step_interval;
  const absl::Status status = Step(*entry, roster, deadline);
  const ErrorClass error = ErrorClassOf(status);
  if (error == ErrorClass::kRateLimited) {
    // The job stands still for a while; what was read stays read.
    roster.error = "API_RATE_LIMITED";
    delay = options_.wait_when_limited;
  } else if (error == ErrorClass::kPermission || error == ErrorClass::kBadRequest ||
             error == ErrorClass::kConfiguration || error == ErrorClass::kUnknown) {
    roster.state = WecomRoster::State::kFailed;
    roster.ended = clock_.Now();
    roster.error = GetReason(ExplainWecom(entry->app, "batch/get_by_user", status));
    LogWarn("contacts of a corp not read", {{"app", job.appid}, {"reason", GetReason(status)}});
  } else if (!status.ok()) {
    return status;
  }
  // The job of the same step is there already: it would end with this one.
  if (roster.state == WecomRoster::State::kRunning && RosterStep(roster) == before) {
    return status.ok() ? absl::OkStatus() : ExplainWecom(entry->app, "batch/get_by_user", status);
  }
  return store_.SaveRoster(entry->app, roster, delay, deadline);
}

absl::Status WecomRosters::Step(const WecomDirectory::Entry& entry, WecomRoster& roster,
                                Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> members,
                          tokens_.WithToken<std::vector<std::string>>(
                              entry.app.appid, deadline, [&](const Secret& token) {
                                return platform_.ListFollowMembers(token, deadline);
                              }));
  std::sort(members.begin(), members.end());
  roster.members = static_cast<int32_t>(members.size());
  for (int page = 0; page < options_.pages_per_step; ++page) {
    DATONG_ASSIGN_OR_RETURN(bool more, ReadPage(entry, members, roster, deadline));
    if (more) continue;
    roster.state = WecomRoster::State::kDone;
    roster.ended = clock_.Now();
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> WecomRosters::ReadPage(const WecomDirectory::Entry& entry,
                                            const std::vector<std::string>& members,
                                            WecomRoster& roster, Deadline deadline) {
  const auto first = std::min(static_cast<size_t>(roster.members_done), members.size());
  const size_t count = std::min(kMembersPerCall, members.size() - first);
  if (count == 0) return false;
  const auto begin = members.begin() + static_cast<std::ptrdiff_t>(first);
  const std::vector<std::string> some(begin, begin + static_cast<std::ptrdiff_t>(count));
  absl::StatusOr<WecomContactPage> page =
      tokens_.WithToken<WecomContactPage>(entry.app.appid, deadline, [&](const Secret& token) {
        return platform_.ListContacts(token, some, roster.cursor, deadline);
      });
  // None of these members has a customer.
  if (ErrcodeOf(page.status()) == 84061) page = WecomContactPage();
  if (!page.ok()) return page.status();
  std::vector<Evidence> evidence;
  std::vector<std::string> contacts;
  std::set<std::string> seen;  // a contact comes once per member
  int64_t unionids = 0;
  for (const WecomContact& contact : page->contacts) {
    if (!contact.unionid.empty()) ++unionids;
    if (!seen.insert(contact.external_userid).second) continue;
    evidence.push_back(ContactEvidence(entry, contact, clock_.Now()));
    contacts.push_back(contact.external_userid);
  }
  if (!evidence.empty()) {
    DATONG_RETURN_IF_ERROR(identity_.Link(entry.app.project, evidence, deadline));
  }
  if (!entry.app.component.empty()) {
    // Whoever became a customer while a push was lost.
    DATONG_RETURN_IF_ERROR(contacts_.MatchPending(entry, contacts, "", deadline).status());
  }
  roster.contacts += static_cast<int64_t>(page->contacts.size());
  roster.unionids += unionids;
  roster.cursor = page->next_cursor;
  if (page->next_cursor.empty()) roster.members_done += static_cast<int32_t>(count);
  return static_cast<size_t>(roster.members_done) < members.size();
}

absl::Status WecomRosters::Maintain(AppStore& apps, Deadline deadline) {
  const absl::Time now = clock_.Now();
  const auto today = ShanghaiDay(now);
  absl::Time night = ShanghaiMidnight(today) + absl::Hours(options_.night_hour);
  if (night > now) night -= absl::Hours(24);
  DATONG_ASSIGN_OR_RETURN(std::vector<std::string> stale,
                          store_.ListStaleRosters(night, kMostStarts, deadline));
  for (const std::string& appid : stale) {
    DATONG_ASSIGN_OR_RETURN(App app, apps.GetApp(appid, deadline));
    DATONG_RETURN_IF_ERROR(Begin(app, deadline).status());
  }
  return absl::OkStatus();
}

}  // namespace datong::broker
