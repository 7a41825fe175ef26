#include "services/broker/core/wecom_logins.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/wecom_errors.h"

namespace datong::broker {
namespace {

absl::Status RedirectInvalid(absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "REDIRECT_INVALID",
                     absl::StrCat("The address of the login page cannot be made: ", problem, "."),
                     {{"problem", std::string(problem)}});
}

}  // namespace

absl::StatusOr<WecomDirectory::Entry> WecomLogins::FindLoginApp(const std::string& project,
                                                                const std::string& appid,
                                                                Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  // getuserinfo3rd belongs to the suite; an agency-built app logs in like a self-built one.
  const bool is_third_party =
      !entry.app.component.empty() &&
      (store_.GetCorp(appid, deadline).value_or(WecomCorp()).mode != WecomMode::kAgency);
  if (is_third_party) return AppKindUnsupported(appid, "the suite, or a corp's own app");
  return entry;
}

absl::StatusOr<std::string> WecomLogins::MakeUrl(const std::string& project,
                                                 const std::string& appid,
                                                 const WecomLoginPage& page, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, FindLoginApp(project, appid, deadline));
  if (!absl::StartsWith(page.redirect_url, "https://") &&
      !absl::StartsWith(page.redirect_url, "http://")) {
    return RedirectInvalid("redirect_uri begins with https://");
  }
  if (page.state.size() > 128) return RedirectInvalid("state has at most 128 characters");
  for (const char c : page.state) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      return RedirectInvalid("state holds letters and digits only");
    }
  }
  WecomLoginPage filled = page;
  const bool is_suite = entry.app.kind == AppKind::kWecomSuite;
  filled.id = is_suite ? entry.app.appid : entry.app.corpid;
  filled.agentid = is_suite ? 0 : entry.app.agentid;
  return pages_.LoginPageUrl(filled);
}

absl::StatusOr<WecomLoggedIn> WecomLogins::LogInWeb(const std::string& project,
                                                    const std::string& appid,
                                                    const std::string& code, Deadline deadline) {
  if (code.empty()) return LoginCodeInvalid();
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, FindLoginApp(project, appid, deadline));
  const bool is_suite = entry.app.kind == AppKind::kWecomSuite;
  absl::StatusOr<WecomVisitor> visitor =
      tokens_.WithToken<WecomVisitor>(appid, deadline, [&](const Secret& token) {
        return is_suite ? platform_.GetSuiteVisitor(token, code, deadline)
                        : platform_.GetVisitor(token, code, deadline);
      });
  if (!visitor.ok()) return ExplainWecom(entry.app, "getuserinfo", visitor.status());
  WecomLoggedIn result;
  result.visitor = *visitor;
  // Staff are never persons (R1.8).
  if (!visitor->userid.empty()) {
    if (visitor->user_ticket.empty()) return result;
    absl::StatusOr<WecomStaffDetails> details =
        tokens_.WithToken<WecomStaffDetails>(appid, deadline, [&](const Secret& token) {
          return platform_.GetStaffDetails(token, visitor->user_ticket, deadline);
        });
    if (details.ok()) {
      result.details = *std::move(details);
    } else {
      // The code is spent: the member is logged in all the same.
      LogWarn("details of a member not told",
              {{"app", appid}, {"reason", GetReason(details.status())}});
    }
    return result;
  }
  Evidence evidence;
  evidence.kind = "wecom.oauth_userinfo";
  evidence.appid = appid;
  evidence.observed = clock_.Now();
  evidence.request_id = RequestIdOf(code);
  if (!visitor->openid.empty()) {
    const std::string& scope = is_suite ? entry.view.provider : entry.view.corpid;
    evidence.other_ids.push_back(absl::StrCat("wopenid:", scope, ":", visitor->openid));
  }
  if (!visitor->external_userid.empty()) {
    evidence.other_ids.push_back(entry.view.Ext(visitor->external_userid));
  }
  // The code is spent: what it showed is kept when identity does not answer.
  EvidenceSender::Sent sent = sender_.Send(project, evidence, deadline);
  if (sent.job.has_value()) DATONG_RETURN_IF_ERROR(work_.Enqueue(*sent.job, deadline));
  result.person = std::move(sent.person);
  return result;
}

absl::StatusOr<WecomStaff> WecomLogins::LogInMiniProgram(const std::string& project,
                                                         const std::string& appid,
                                                         const std::string& js_code,
                                                         Deadline deadline) {
  if (js_code.empty()) return LoginCodeInvalid();
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, FindLoginApp(project, appid, deadline));
  absl::StatusOr<WecomStaff> staff =
      tokens_.WithToken<WecomStaff>(appid, deadline, [&](const Secret& token) {
        return entry.app.kind == AppKind::kWecomSuite
                   ? platform_.LogInSuiteStaff(token, js_code, deadline)
                   : platform_.LogInStaff(token, js_code, deadline);
      });
  if (!staff.ok()) return ExplainWecom(entry.app, "jscode2session", staff.status());
  if (!staff->session_key.empty()) {
    DATONG_RETURN_IF_ERROR(
        store_.SaveSession(appid, {staff->corpid, staff->userid}, staff->session_key, deadline));
  }
  return staff;
}

absl::StatusOr<std::string> WecomLogins::TransferSession(const std::string& project,
                                                         const std::string& appid,
                                                         const std::string& login_appid,
                                                         const WecomMember& member,
                                                         Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(WecomDirectory::Entry entry, directory_.Find(project, appid, deadline));
  if (entry.app.kind != AppKind::kWecomCorp) {
    return AppKindUnsupported(appid, "an app of the member's corp");
  }
  DATONG_RETURN_IF_ERROR(directory_.Find(project, login_appid, deadline).status());
  DATONG_ASSIGN_OR_RETURN(Secret key, store_.GetSession(login_appid, member, deadline));
  absl::StatusOr<WecomStaff> staff =
      tokens_.WithToken<WecomStaff>(appid, deadline, [&](const Secret& token) {
        return platform_.TransferSession(token, member.userid, key, deadline);
      });
  if (!staff.ok()) return ExplainWecom(entry.app, "transfer_session", staff.status());
  if (!staff->session_key.empty()) {
    DATONG_RETURN_IF_ERROR(
        store_.SaveSession(appid, {entry.app.corpid, staff->userid}, staff->session_key, deadline));
  }
  return staff->userid;
}

}  // namespace datong::broker
