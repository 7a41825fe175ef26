#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

// A platform that says yes with tokens of its own counting ("token-1", "token-2", …) until it is
// told otherwise. `calls` counts by name of the function. For tests on one thread, or after setting
// up.
class FakePlatformClient : public PlatformClient {
 public:
  // The next calls of that name fail with these, one after the other.
  void FailNext(const std::string& function, std::vector<absl::Status> statuses) {
    MutexLock lock(&mutex_);
    for (absl::Status& status : statuses) failures_[function].push_back(std::move(status));
  }
  int calls(const std::string& function) const {
    MutexLock lock(&mutex_);
    const auto found = calls_.find(function);
    return found == calls_.end() ? 0 : found->second;
  }

  absl::Duration lifetime = absl::Seconds(7200);
  GrantedAuthorization granted{
      "wx-account", {Secret("granted"), absl::Seconds(7200), Secret("refresh")}, {2, 1}};
  AccountDetails details{AppKind::kOfficialAccount, "Shop", "gh_1", "Shop Ltd", 2, 0, {1, 2},
                         Secret("refresh")};
  LoginAnswer login{"openid-1", "unionid-1", Secret("session")};
  std::map<std::string, std::string> unionids;  // by openid
  std::vector<ApiAnswer> api_answers;           // the last one stays
  std::vector<std::string> tokens_used;
  std::vector<ApiCall> api_calls;
  std::function<void()> before_authorizer_token;  // once
  // Same token again, as a stable token in normal mode.
  bool same_token = false;

  std::string AuthorizationPageUrl(const AuthorizationPage& page) override {
    return absl::StrCat("https://page/", page.component, "/", page.pre_auth_code,
                        page.mobile ? "/mobile?" : "/pc?", page.redirect_url);
  }
  absl::StatusOr<FetchedToken> FetchStableToken(const std::string&, const Secret&, bool force,
                                                Deadline) override {
    if (absl::Status status = Begin(force ? "ForceStableToken" : "FetchStableToken");
        !status.ok()) {
      return status;
    }
    return Token(force);
  }
  absl::StatusOr<FetchedToken> FetchClassicToken(const std::string&, const Secret&,
                                                 Deadline) override {
    if (absl::Status status = Begin("FetchClassicToken"); !status.ok()) return status;
    return Token(true);
  }
  absl::StatusOr<FetchedToken> FetchComponentToken(const std::string&, const Secret&, const Secret&,
                                                   Deadline) override {
    if (absl::Status status = Begin("FetchComponentToken"); !status.ok()) return status;
    return Token(true);
  }
  absl::Status StartPushTicket(const std::string&, const Secret&, Deadline) override {
    return Begin("StartPushTicket");
  }
  absl::StatusOr<PreAuthCode> CreatePreAuthCode(const std::string&, const Secret&,
                                                Deadline) override {
    if (absl::Status status = Begin("CreatePreAuthCode"); !status.ok()) return status;
    return PreAuthCode{"preauthcode@@@1", absl::Seconds(1800)};
  }
  absl::StatusOr<GrantedAuthorization> QueryAuthorization(const std::string&, const Secret&,
                                                          const std::string&, Deadline) override {
    if (absl::Status status = Begin("QueryAuthorization"); !status.ok()) return status;
    return granted;
  }
  absl::StatusOr<FetchedToken> FetchAuthorizerToken(const std::string&, const Secret&,
                                                    const std::string&, const Secret& refresh,
                                                    Deadline) override {
    if (before_authorizer_token) std::exchange(before_authorizer_token, nullptr)();
    if (absl::Status status = Begin("FetchAuthorizerToken"); !status.ok()) return status;
    FetchedToken token = Token(true);
    token.refresh_token = refresh;
    return token;
  }
  absl::StatusOr<AccountDetails> GetAuthorizerInfo(const std::string&, const Secret&,
                                                   const std::string&, Deadline) override {
    if (absl::Status status = Begin("GetAuthorizerInfo"); !status.ok()) return status;
    return details;
  }
  absl::StatusOr<LoginAnswer> Login(const std::string&, const Secret&, const std::string&,
                                    Deadline) override {
    if (absl::Status status = Begin("Login"); !status.ok()) return status;
    return login;
  }
  absl::StatusOr<LoginAnswer> LoginThroughComponent(const std::string&, const std::string&,
                                                    const Secret&, const std::string&,
                                                    Deadline) override {
    if (absl::Status status = Begin("LoginThroughComponent"); !status.ok()) return status;
    return login;
  }
  absl::StatusOr<std::vector<UserInfo>> GetUsers(const Secret&,
                                                 const std::vector<std::string>& openids,
                                                 Deadline) override {
    if (absl::Status status = Begin("GetUsers"); !status.ok()) return status;
    std::vector<UserInfo> users;
    for (const std::string& openid : openids) {
      if (openid == "spoils") return wechat::ErrorCodeStatus(40003, "invalid openid");
      users.push_back({openid, unionids[openid]});
    }
    return users;
  }
  absl::StatusOr<ApiAnswer> Call(const Secret& token, const ApiCall& call, Deadline) override {
    tokens_used.push_back(token.Expose());
    api_calls.push_back(call);
    if (absl::Status status = Begin("Call"); !status.ok()) return status;
    if (api_answers.empty()) return ApiAnswer{"{}", 0, ""};
    ApiAnswer answer = api_answers.front();
    if (api_answers.size() > 1) api_answers.erase(api_answers.begin());
    return answer;
  }

 private:
  absl::Status Begin(const std::string& function) {
    MutexLock lock(&mutex_);
    ++calls_[function];
    std::vector<absl::Status>& failures = failures_[function];
    if (failures.empty()) return absl::OkStatus();
    absl::Status status = failures.front();
    failures.erase(failures.begin());
    return status;
  }
  FetchedToken Token(bool other) {
    MutexLock lock(&mutex_);
    if (other || !same_token || made_ == 0) ++made_;
    return {Secret(absl::StrCat("token-", made_)), lifetime, Secret()};
  }

  mutable Mutex mutex_;
  std::map<std::string, int> calls_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<absl::Status>> failures_ ABSL_GUARDED_BY(mutex_);
  int made_ ABSL_GUARDED_BY(mutex_) = 0;
};

// identity and ingest that take everything, or nothing.
class FakePeers : public IdentityPeer, public IngestPeer {
 public:
  absl::Status status;                 // of every call
  std::function<void()> on_ingest;     // when ingest is asked
  std::function<void()> on_relations;  // when identity is told of relations
  std::vector<Project> projects;
  std::vector<App> bound;
  std::vector<Evidence> evidence;
  std::vector<PushEvent> events;
  std::vector<std::string> sources;  // one for each AppendEvents
  std::vector<Relation> relations;
  std::vector<Withdrawal> withdrawals;
  std::vector<std::string> erased_corps;

  absl::Status RegisterProject(const Project& project, Deadline) override {
    if (status.ok()) projects.push_back(project);
    return status;
  }
  absl::Status BindApp(const App& app, Deadline) override {
    if (status.ok()) bound.push_back(app);
    return status;
  }
  absl::Status Link(const std::string&, const std::vector<Evidence>& some, Deadline) override {
    if (status.ok()) evidence.insert(evidence.end(), some.begin(), some.end());
    return status;
  }
  absl::StatusOr<std::string> LinkOne(const std::string& project, const Evidence& one,
                                      Deadline) override {
    if (!status.ok()) return status;
    evidence.push_back(one);
    return absl::StrCat("projects/", project, "/persons/p1");
  }
  absl::Status RecordRelations(const std::string&, const std::vector<Relation>& some,
                               Deadline) override {
    if (on_relations) on_relations();
    if (status.ok()) relations.insert(relations.end(), some.begin(), some.end());
    return status;
  }
  absl::Status Withdraw(const std::string&, const Withdrawal& withdrawal, Deadline) override {
    if (status.ok()) withdrawals.push_back(withdrawal);
    return status;
  }
  absl::Status EraseCorp(const std::string&, const std::string& corpid, const std::string& provider,
                         absl::Time, Deadline) override {
    if (status.ok()) erased_corps.push_back(absl::StrCat(corpid, "/", provider));
    return status;
  }
  absl::StatusOr<std::string> EnsurePushSource(const App& app, Deadline) override {
    if (on_ingest) on_ingest();
    if (!status.ok()) return status;
    return absl::StrCat("projects/", app.project, "/sources/push-", app.appid);
  }
  absl::Status AppendEvents(const std::string& source, const std::vector<PushEvent>& some,
                            Deadline) override {
    if (on_ingest) on_ingest();
    if (!status.ok()) return status;
    sources.push_back(source);
    events.insert(events.end(), some.begin(), some.end());
    return status;
  }
};

}  // namespace datong::broker
