#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/wechat/wecom_error_codes.h"
#include "services/broker/core/wecom_platform.h"

namespace datong::broker {

// A WeCom that says yes: tokens of its own counting, one corp "wpCorp", contacts and conversions as
// the test sets them. `calls` counts by name of the function. For tests on one thread.
class FakeWecomPlatform : public WecomPlatform, public WecomIdPlatform {
 public:
  std::map<std::string, int> calls;
  std::map<std::string, std::vector<absl::Status>> failures;  // of the next calls, by name
  absl::Duration lifetime = absl::Seconds(7200);
  bool same_token = false;
  std::function<void()> on_permanent_code;  // before one is told
  std::vector<std::string> secrets;         // with which tokens were asked for
  WecomGrant grant{"wpCorp", "Corp", Secret("permanent-1"), ""};
  WecomAuthInfo info{"Corp", "Corp Ltd", true, 1, 1000003, 1, false};
  WecomVisitor visitor;
  WecomStaff staff{"wpCorp", "zhangsan", "wo1", Secret("session")};
  std::vector<std::string> members;
  std::vector<WecomContactPage> pages;           // one after the other; empty ones behind
  std::map<std::string, WecomContact> contacts;  // by external_userid
  WecomGroup group;
  WecomConverted converted;
  std::vector<WecomFound> found;
  std::vector<WecomPendingMatch> matches;
  std::vector<WecomIdPair> pairs;

  static absl::Status Errcode(int code) { return wechat::WecomErrorCodeStatus(code, "no"); }

  std::string InstallPageUrl(const WecomInstallPage& page) override {
    return absl::StrCat("https://page/", page.suite, "/", page.pre_auth_code, "?",
                        page.redirect_url, "&", page.state);
  }
  std::string LoginPageUrl(const WecomLoginPage& page) override {
    return absl::StrCat("https://login/", page.id, "?", page.redirect_url);
  }
  absl::StatusOr<FetchedToken> FetchCorpToken(const std::string&, const Secret& secret,
                                              Deadline) override {
    return Token("FetchCorpToken", secret);
  }
  absl::StatusOr<FetchedToken> FetchSuiteToken(const std::string&, const Secret&,
                                               const Secret& ticket, Deadline) override {
    return Token("FetchSuiteToken", ticket);
  }
  absl::StatusOr<FetchedToken> FetchProviderToken(const std::string&, const Secret& secret,
                                                  Deadline) override {
    return Token("FetchProviderToken", secret);
  }
  absl::StatusOr<FetchedToken> FetchAuthorizedCorpToken(const Secret&, const std::string&,
                                                        const Secret& permanent_code,
                                                        Deadline) override {
    return Token("FetchAuthorizedCorpToken", permanent_code);
  }
  absl::StatusOr<PreAuthCode> GetPreAuthCode(const Secret&, Deadline) override {
    return Answer("GetPreAuthCode", PreAuthCode{"pre-1", absl::Seconds(1200)});
  }
  absl::Status SetSessionInfo(const Secret&, const std::string&, bool, Deadline) override {
    return Begin("SetSessionInfo");
  }
  absl::StatusOr<WecomGrant> GetPermanentCode(const Secret&, const std::string&,
                                              Deadline) override {
    if (on_permanent_code) on_permanent_code();
    return Answer("GetPermanentCode", grant);
  }
  absl::StatusOr<WecomAuthInfo> GetAuthInfo(const Secret&, const std::string&, const Secret&,
                                            Deadline) override {
    return Answer("GetAuthInfo", info);
  }

  absl::StatusOr<WecomVisitor> GetVisitor(const Secret&, const std::string&, Deadline) override {
    return Answer("GetVisitor", visitor);
  }
  absl::StatusOr<WecomVisitor> GetSuiteVisitor(const Secret&, const std::string&,
                                               Deadline) override {
    return Answer("GetSuiteVisitor", visitor);
  }
  absl::StatusOr<WecomStaffDetails> GetStaffDetails(const Secret&, const Secret& user_ticket,
                                                    Deadline) override {
    WecomStaffDetails details;
    details.mobile = absl::StrCat("mobile-by-", user_ticket.Expose());
    return Answer("GetStaffDetails", details);
  }
  absl::StatusOr<WecomStaff> TransferSession(const Secret&, const std::string& userid,
                                             const Secret& key, Deadline) override {
    return Answer("TransferSession",
                  WecomStaff{"", "plain-" + userid, "", Secret("plain-" + key.Expose())});
  }
  absl::StatusOr<WecomStaff> LogInStaff(const Secret&, const std::string&, Deadline) override {
    return Answer("LogInStaff", staff);
  }
  absl::StatusOr<WecomStaff> LogInSuiteStaff(const Secret&, const std::string&, Deadline) override {
    return Answer("LogInSuiteStaff", staff);
  }
  absl::StatusOr<std::vector<std::string>> ListFollowMembers(const Secret&, Deadline) override {
    return Answer("ListFollowMembers", members);
  }
  absl::StatusOr<WecomContactPage> ListContacts(const Secret&, const std::vector<std::string>&,
                                                const std::string&, Deadline) override {
    if (absl::Status status = Begin("ListContacts"); !status.ok()) return status;
    if (pages.empty()) return WecomContactPage();
    WecomContactPage page = pages.front();
    pages.erase(pages.begin());
    return page;
  }
  absl::StatusOr<WecomContact> GetContact(const Secret&, const std::string& external_userid,
                                          Deadline) override {
    if (absl::Status status = Begin("GetContact"); !status.ok()) return status;
    const auto known = contacts.find(external_userid);
    if (known == contacts.end()) return Errcode(84061);
    return known->second;
  }
  absl::StatusOr<WecomGroup> GetGroup(const Secret&, const std::string&, Deadline) override {
    return Answer("GetGroup", group);
  }
  absl::StatusOr<WecomConverted> ConvertUnionid(const Secret&, const WecomUserIds&, bool,
                                                const std::string&, Deadline) override {
    return Answer("ConvertUnionid", converted);
  }
  absl::StatusOr<std::vector<WecomFound>> FindThroughSuite(const Secret&, const WecomUserIds&,
                                                           const std::string&, Deadline) override {
    return Answer("FindThroughSuite", found);
  }
  absl::StatusOr<std::vector<WecomPendingMatch>> GetPendingIds(const Secret&,
                                                               const std::vector<std::string>&,
                                                               const std::string&,
                                                               Deadline) override {
    return Answer("GetPendingIds", matches);
  }
  absl::StatusOr<std::vector<WecomIdPair>> GetNewExternalUserids(const Secret&,
                                                                 const std::vector<std::string>&,
                                                                 const std::string&,
                                                                 Deadline) override {
    return Answer("GetNewExternalUserids", pairs);
  }
  absl::StatusOr<std::string> ToServiceExternalUserid(const Secret&, const std::string& id,
                                                      Deadline) override {
    return Answer("ToServiceExternalUserid", absl::StrCat("wmService-", id));
  }
  absl::StatusOr<std::string> FromServiceExternalUserid(const Secret&, const std::string& id,
                                                        int64_t, Deadline) override {
    return Answer("FromServiceExternalUserid", absl::StrCat("wmOwn-", id));
  }

 private:
  absl::Status Begin(const std::string& function) {
    ++calls[function];
    std::vector<absl::Status>& next = failures[function];
    if (next.empty()) return absl::OkStatus();
    absl::Status status = next.front();
    next.erase(next.begin());
    return status;
  }
  template <typename T>
  absl::StatusOr<T> Answer(const std::string& function, T answer) {
    if (absl::Status status = Begin(function); !status.ok()) return status;
    return answer;
  }
  absl::StatusOr<FetchedToken> Token(const std::string& function, const Secret& secret) {
    if (absl::Status status = Begin(function); !status.ok()) return status;
    secrets.push_back(secret.Expose());
    if (!same_token || made_ == 0) ++made_;
    return FetchedToken{Secret(absl::StrCat("wecom-token-", made_)), lifetime, Secret()};
  }
  int made_ = 0;
};

}  // namespace datong::broker
