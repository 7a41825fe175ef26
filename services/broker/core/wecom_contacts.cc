#include "services/broker/core/wecom_contacts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/wecom_errors.h"

namespace datong::broker {
namespace {

// How often a contact that WeCom does not show yet is looked for.
constexpr int kMostLooks = 5;
// The answer does not wait longer for its persons.
constexpr absl::Duration kIdentityTimeout = absl::Seconds(2);

}  // namespace

Evidence ContactEvidence(const WecomDirectory::Entry& entry, const WecomContact& contact,
                         absl::Time now) {
  Evidence evidence;
  evidence.kind = "wecom.contact_detail";
  evidence.appid = entry.app.appid;
  evidence.unionid = contact.unionid;
  evidence.observed = now;
  evidence.other_ids = {entry.view.Ext(contact.external_userid)};
  return evidence;
}

WecomContacts::WecomContacts(AppStore& apps, WecomDirectory& directory, WecomStore& store,
                             WorkStore& work, TokenBroker& tokens, WecomIdPlatform& platform,
                             IdentityPeer& identity, PersonPeer& persons, EvidenceSender& sender,
                             const Clock& clock)
    : apps_(apps),
      directory_(directory),
      store_(store),
      work_(work),
      tokens_(tokens),
      platform_(platform),
      identity_(identity),
      persons_(persons),
      sender_(sender),
      clock_(clock) {}

Evidence WecomContacts::NewEvidence(const char* kind, const std::string& appid) const {
  Evidence evidence;
  evidence.kind = kind;
  evidence.appid = appid;
  evidence.observed = clock_.Now();
  return evidence;
}

absl::StatusOr<std::string> WecomContacts::Tell(const std::string& project,
                                                const Evidence& evidence, Deadline deadline) {
  EvidenceSender::Sent sent = sender_.Send(project, evidence, deadline);
  if (sent.job.has_value()) DATONG_RETURN_IF_ERROR(work_.Enqueue(*sent.job, deadline));
  return std::move(sent.person);
}

absl::Status WecomContacts::TellAll(const std::string& project,
                                    const std::vector<Evidence>& evidence, Deadline deadline) {
  if (evidence.empty()) return absl::OkStatus();
  const absl::Status told = identity_.Link(project, evidence, deadline.AtMost(absl::Seconds(5)));
  if (told.ok()) return told;
  LogWarn("evidence goes later", {{"app", evidence[0].appid}, {"reason", GetReason(told)}});
  for (const Evidence& one : evidence) {
    DATONG_RETURN_IF_ERROR(work_.Enqueue(EvidenceJob(project, one), deadline));
  }
  return absl::OkStatus();
}

absl::StatusOr<WecomContact> WecomContacts::Read(const WecomDirectory::Entry& entry,
                                                 const std::string& external_userid,
                                                 Deadline deadline) {
  if (entry.app.kind == AppKind::kWecomSuite) {
    return AppKindUnsupported(entry.app.appid, "an app of a WeCom corp");
  }
  if (external_userid.empty()) return ExternalUseridInvalid();
  absl::StatusOr<WecomContact> contact = tokens_.WithToken<WecomContact>(
      entry.app.appid, deadline,
      [&](const Secret& token) { return platform_.GetContact(token, external_userid, deadline); });
  if (!contact.ok()) return ExplainWecom(entry.app, "externalcontact/get", contact.status());
  return contact;
}

absl::StatusOr<WecomKnownContact> WecomContacts::Get(const std::string& project,
                                                     const std::string& appid,
                                                     const std::string& external_userid,
                                                     Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  WecomKnownContact known;
  DATONG_ASSIGN_OR_RETURN(known.contact, Read(entry, external_userid, deadline));
  known.identifier = entry.view.Ext(known.contact.external_userid);
  DATONG_ASSIGN_OR_RETURN(
      known.person, Tell(project, ContactEvidence(entry, known.contact, clock_.Now()), deadline));
  return known;
}

absl::StatusOr<WecomFoundContacts> WecomContacts::Find(const std::string& project,
                                                       const std::string& appid,
                                                       const WecomSearch& search,
                                                       Deadline deadline) {
  if (search.user.openid.empty() || search.user.unionid.empty()) return UserIdsMissing();
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  DATONG_ASSIGN_OR_RETURN(App user_app, apps_.GetApp(search.user_app, deadline));
  if (user_app.project != project) return AppUnknown(AppName(project, search.user_app));
  if (IsWecom(user_app.kind)) {
    return AppKindUnsupported(search.user_app, "a mini program or official account");
  }
  if (entry.app.kind == AppKind::kWecomSuite) return FindInSuite(entry, search, deadline);
  if (entry.app.component.empty()) {
    return AppKindUnsupported(appid,
                              "a suite, or a corp that authorised one; a corp's own app "
                              "shows the unionid by GetContact");
  }
  return FindInCorp(entry, search, deadline);
}

absl::StatusOr<WecomFoundContacts> WecomContacts::FindInSuite(const WecomDirectory::Entry& suite,
                                                              const WecomSearch& search,
                                                              Deadline deadline) {
  absl::StatusOr<std::vector<WecomFound>> found = tokens_.WithToken<std::vector<WecomFound>>(
      suite.app.appid, deadline, [&](const Secret& token) {
        return platform_.FindThroughSuite(token, search.user, search.corpid, deadline);
      });
  if (!found.ok()) {
    return ExplainWecom(suite.app, "unionid_to_external_userid_3rd", found.status());
  }
  WecomFoundContacts result;
  Evidence evidence = NewEvidence("wecom.unionid_to_external", search.user_app);
  evidence.openid = search.user.openid;
  evidence.unionid = search.user.unionid;
  WecomView view = suite.view;
  for (WecomFound& one : *found) {
    if (one.corpid.empty() || one.external_userid.empty()) continue;
    view.corpid = one.corpid;
    result.identifiers.push_back(view.Ext(one.external_userid));
    // An evidence record holds 20 identifiers at most.
    evidence.other_ids = {result.identifiers.back()};
    DATONG_ASSIGN_OR_RETURN(result.person, Tell(suite.app.project, evidence, deadline));
    result.contacts.push_back(std::move(one));
  }
  return result;
}

absl::StatusOr<WecomFoundContacts> WecomContacts::FindInCorp(const WecomDirectory::Entry& corp,
                                                             const WecomSearch& search,
                                                             Deadline deadline) {
  absl::StatusOr<WecomConverted> converted =
      tokens_.WithToken<WecomConverted>(corp.app.appid, deadline, [&](const Secret& token) {
        return platform_.ConvertUnionid(token, search.user, search.app_of_provider,
                                        search.mass_call_ticket, deadline);
      });
  if (!converted.ok()) {
    return ExplainWecom(corp.app, "unionid_to_external_userid", converted.status());
  }
  const bool is_contact = !converted->external_userid.empty();
  if (!is_contact && converted->pending_id.empty()) return ContactUnknown();
  WecomFoundContacts result;
  Evidence evidence = NewEvidence(
      is_contact ? "wecom.unionid_to_external" : "wecom.unionid_to_pending", search.user_app);
  evidence.openid = search.user.openid;
  evidence.unionid = search.user.unionid;
  if (is_contact) {
    result.contacts.push_back({corp.view.corpid, converted->external_userid});
    result.identifiers.push_back(corp.view.Ext(converted->external_userid));
    evidence.other_ids = {result.identifiers.back()};
  } else {
    result.pending_id = converted->pending_id;
    evidence.other_ids = {corp.view.Pending(converted->pending_id)};
    DATONG_RETURN_IF_ERROR(
        store_.AddPending(corp.app.appid, converted->pending_id, evidence.observed, deadline));
  }
  DATONG_ASSIGN_OR_RETURN(result.person, Tell(corp.app.project, evidence, deadline));
  return result;
}

absl::StatusOr<std::vector<WecomPendingMatch>> WecomContacts::MatchPending(
    const WecomDirectory::Entry& entry, const std::vector<std::string>& external_userids,
    const std::string& chat_id, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      bool may_match,
      store_.HasPending(entry.app.appid, clock_.Now() - kPendingLifetime, deadline));
  if (!may_match || external_userids.empty()) return std::vector<WecomPendingMatch>();
  absl::StatusOr<std::vector<WecomPendingMatch>> matches =
      tokens_.WithToken<std::vector<WecomPendingMatch>>(
          entry.app.appid, deadline, [&](const Secret& token) {
            return platform_.GetPendingIds(token, external_userids, chat_id, deadline);
          });
  if (!matches.ok()) {
    return ExplainWecom(entry.app, "external_userid_to_pending_id", matches.status());
  }
  std::vector<Evidence> evidence;
  for (const WecomPendingMatch& match : *matches) {
    evidence.push_back(NewEvidence("wecom.external_to_pending", entry.app.appid));
    evidence.back().other_ids = {entry.view.Ext(match.external_userid),
                                 entry.view.Pending(match.pending_id)};
  }
  DATONG_RETURN_IF_ERROR(TellAll(entry.app.project, evidence, deadline));
  for (const WecomPendingMatch& match : *matches) {
    DATONG_RETURN_IF_ERROR(store_.ResolvePending(entry.app.appid, match.pending_id, deadline));
  }
  return matches;
}

absl::StatusOr<std::vector<WecomPendingMatch>> WecomContacts::ResolvePending(
    const std::string& project, const std::string& appid,
    const std::vector<std::string>& external_userids, const std::string& chat_id,
    Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  if (entry.app.component.empty()) {
    return AppKindUnsupported(appid, "the app of a corp that authorised a suite");
  }
  return MatchPending(entry, external_userids, chat_id, deadline);
}

absl::StatusOr<WecomPairs> WecomContacts::Convert(const std::string& project,
                                                  const std::string& appid,
                                                  const WecomConversionAsk& ask,
                                                  Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  std::optional<WecomDirectory::Entry> other;
  if (!ask.other_app.empty()) {
    DATONG_ASSIGN_OR_RETURN(other, directory_.Find(project, ask.other_app, deadline));
  }
  const auto is_corps_own = [](const WecomDirectory::Entry& one) {
    return one.app.kind == AppKind::kWecomCorp && one.app.component.empty();
  };
  const auto is_authorised = [](const WecomDirectory::Entry& one) {
    return !one.app.component.empty();
  };
  std::vector<WecomIdPair> pairs;
  absl::Status stopped;
  WecomView from, to;
  bool from_old = false;
  if (ask.conversion == WecomConversion::kUpgrade) {
    if (!is_authorised(entry)) return ConversionInvalid("takes the app of an authorised corp");
    if (other.has_value() && !is_corps_own(*other)) {
      return ConversionInvalid("takes a corp's own app as the other one");
    }
    from_old = !other.has_value();
    from = from_old ? entry.view : other->view;
    to = entry.view;
    absl::StatusOr<std::vector<WecomIdPair>> answer =
        tokens_.WithToken<std::vector<WecomIdPair>>(appid, deadline, [&](const Secret& token) {
          return platform_.GetNewExternalUserids(token, ask.external_userids, ask.chat_id,
                                                 deadline);
        });
    if (!answer.ok()) {
      return ExplainWecom(entry.app, "get_new_external_userid", answer.status());
    }
    pairs = *std::move(answer);
  } else {
    const bool to_corp = ask.conversion == WecomConversion::kProviderToCorp;
    if (!other.has_value()) return ConversionInvalid("needs the app on the other side");
    if (to_corp ? !is_corps_own(entry) || !is_authorised(*other)
                : !is_authorised(entry) || !is_corps_own(*other)) {
      return ConversionInvalid("is between a corp's own app and the app that authorised a suite");
    }
    from = other->view;
    to = entry.view;
    for (const std::string& id : ask.external_userids) {
      absl::StatusOr<std::string> answer =
          tokens_.WithToken<std::string>(appid, deadline, [&](const Secret& token) {
            return to_corp ? platform_.FromServiceExternalUserid(token, id, other->app.agentid,
                                                                 deadline)
                           : platform_.ToServiceExternalUserid(token, id, deadline);
          });
      const int64_t errcode = ErrcodeOf(answer.status());
      if (errcode == 84061 || errcode == 40096) continue;  // this one alone
      if (!answer.ok()) {
        stopped = ExplainWecom(entry.app, "service_external_userid", answer.status());
        break;
      }
      pairs.push_back({id, *std::move(answer)});
    }
  }
  std::vector<Evidence> evidence;
  for (const WecomIdPair& pair : pairs) {
    const std::string before = from_old ? from.OldExt(pair.from) : from.Ext(pair.from);
    // What is of the new view already is echoed.
    if (pair.from == pair.to) continue;
    evidence.push_back(NewEvidence("wecom.id_convert", appid));
    evidence.back().other_ids = {before, to.Ext(pair.to)};
  }
  // What WeCom told before it stopped is worth keeping.
  DATONG_RETURN_IF_ERROR(TellAll(project, evidence, deadline));
  if (!stopped.ok()) return stopped;
  return WecomPairs{std::move(pairs), std::move(to)};
}

std::vector<std::string> WecomContacts::PersonsOf(const std::string& project,
                                                  const std::vector<std::string>& identifiers,
                                                  Deadline deadline) {
  std::vector<std::string> none(identifiers.size());
  if (identifiers.empty()) return none;
  absl::StatusOr<std::vector<std::string>> persons =
      persons_.FindPersons(project, identifiers, deadline.AtMost(kIdentityTimeout));
  if (persons.ok() && persons->size() == identifiers.size()) return *std::move(persons);
  LogWarn("contacts answered without persons", {{"reason", GetReason(persons.status())}});
  return none;
}

absl::StatusOr<WecomGroup> WecomContacts::GetGroup(const WecomDirectory::Entry& entry,
                                                   const std::string& chat_id, Deadline deadline) {
  if (entry.app.kind == AppKind::kWecomSuite) {
    return AppKindUnsupported(entry.app.appid, "an app of a WeCom corp");
  }
  if (chat_id.empty()) return GroupUnknown();
  absl::StatusOr<WecomGroup> group = tokens_.WithToken<WecomGroup>(
      entry.app.appid, deadline,
      [&](const Secret& token) { return platform_.GetGroup(token, chat_id, deadline); });
  const wechat::ErrorClass error = ErrorClassOf(group.status());
  if (error == wechat::ErrorClass::kBadRequest || error == wechat::ErrorClass::kUnknown) {
    return GroupUnknown();
  }
  if (!group.ok()) return ExplainWecom(entry.app, "groupchat/get", group.status());
  std::vector<Evidence> evidence;
  for (const WecomGroupMember& member : group->members) {
    if (!member.is_external) continue;
    evidence.push_back(NewEvidence("wecom.group_detail", entry.app.appid));
    evidence.back().unionid = member.unionid;
    evidence.back().other_ids = {entry.view.Ext(member.userid)};
  }
  DATONG_RETURN_IF_ERROR(TellAll(entry.app.project, evidence, deadline));
  return group;
}

absl::Status WecomContacts::OnContactAdded(const Job& job, Deadline deadline) {
  absl::StatusOr<WecomDirectory::Entry> entry = directory_.Find(job.project, job.appid, deadline);
  if (absl::IsFailedPrecondition(entry.status())) return absl::OkStatus();  // the corp left
  if (!entry.ok()) return entry.status();
  if (!entry->app.component.empty()) {
    DATONG_RETURN_IF_ERROR(MatchPending(*entry, {job.payload}, "", deadline).status());
    // A provider never reads a unionid, unless it sees the corp's own ids: the push itself told of
    // the contact.
    if (entry->view.name() != "self") return absl::OkStatus();
  }
  absl::StatusOr<WecomContact> contact = Read(*entry, job.payload, deadline);
  const std::string reason = GetReason(contact.status());
  // Seconds after the push WeCom may not know the contact yet; or it went away again.
  if (reason == "CONTACT_UNKNOWN" && job.attempts >= kMostLooks) return absl::OkStatus();
  if (reason == "CONTACT_PERMISSION_MISSING" || reason == "EXTERNAL_USERID_INVALID") {
    return absl::OkStatus();
  }
  if (!contact.ok()) return contact.status();
  return TellAll(job.project, {ContactEvidence(*entry, *contact, clock_.Now())}, deadline);
}

absl::Status WecomContacts::OnGroupChanged(const Job& job, Deadline deadline) {
  absl::StatusOr<WecomDirectory::Entry> entry = directory_.Find(job.project, job.appid, deadline);
  if (absl::IsFailedPrecondition(entry.status())) return absl::OkStatus();
  if (!entry.ok()) return entry.status();
  absl::StatusOr<WecomGroup> group = GetGroup(*entry, job.payload, deadline);
  if (absl::IsNotFound(group.status()) || absl::IsPermissionDenied(group.status())) {
    return absl::OkStatus();  // dissolved, or not the app's to see
  }
  if (!group.ok()) return group.status();
  if (entry->app.component.empty()) return absl::OkStatus();
  std::vector<std::string> some;
  for (const WecomGroupMember& member : group->members) {
    if (member.is_external) some.push_back(member.userid);
    if (some.size() < 100 && &member != &group->members.back()) continue;
    DATONG_RETURN_IF_ERROR(MatchPending(*entry, some, job.payload, deadline).status());
    some.clear();
  }
  return absl::OkStatus();
}

}  // namespace datong::broker
