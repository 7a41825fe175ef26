#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/identifier/identifier.h"
#include "common/time/clock.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/core/login_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

// A LoginStore in memory; every project has the number 1. Held to the same contract as
// PostgreSQL's by store/login_store_contract_test.cc. Jobs go to `work`. Thread-safe.
class FakeLoginStore : public LoginStore {
 public:
  FakeLoginStore(WorkStore& work, const Clock& clock) : work_(work), clock_(clock) {}

  absl::Status SaveSession(const UserKey& user, const Secret& session_key,
                           const std::optional<NewJob>& evidence, Deadline deadline) override {
    if (evidence.has_value()) {
      if (absl::Status status = work_.Enqueue(*evidence, deadline); !status.ok()) return status;
    }
    MutexLock lock(&mutex_);
    if (erased_.contains(user.person)) return absl::OkStatus();
    Session& session = sessions_[{user.appid, user.openid}];
    session.previous = session.current;
    session.previous_until = clock_.Now() + absl::Minutes(5);
    session.current = session_key;
    session.updated = clock_.Now();
    Own(user, session);
    return absl::OkStatus();
  }
  absl::StatusOr<SessionKeys> GetSession(const std::string& appid, const std::string& openid,
                                         Deadline) override {
    MutexLock lock(&mutex_);
    const auto found = sessions_.find({appid, openid});
    if (found == sessions_.end()) return SessionUnknown();
    const Session& held = found->second;
    return SessionKeys{held.current, clock_.Now() < held.previous_until ? held.previous : Secret(),
                       held.updated};
  }
  absl::Status CreateWebLogin(const WebLoginState& login, Deadline) override {
    MutexLock lock(&mutex_);
    logins_[login.state] = login;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<WebLoginState>> FindWebLogin(const std::string& appid,
                                                            const std::string& state,
                                                            const std::string& browser_session,
                                                            Deadline) override {
    MutexLock lock(&mutex_);
    const auto found = logins_.find(state);
    if (found == logins_.end() || found->second.appid != appid ||
        found->second.browser_session != browser_session) {
      return std::optional<WebLoginState>();
    }
    return std::optional<WebLoginState>(found->second);
  }
  absl::Status FinishWebLogin(const std::string& state, const UserKey& user,
                              const WebTokens& tokens, const std::optional<NewJob>& evidence,
                              Deadline deadline) override {
    if (evidence.has_value()) {
      if (absl::Status status = work_.Enqueue(*evidence, deadline); !status.ok()) return status;
    }
    MutexLock lock(&mutex_);
    logins_[state].is_used = true;
    if (tokens.access_token.empty() || erased_.contains(user.person)) return absl::OkStatus();
    Web& web = web_[{user.appid, user.openid}];
    web.tokens = tokens;
    Own(user, web);
    return absl::OkStatus();
  }
  absl::StatusOr<WebTokens> GetWebTokens(const std::string& appid, const std::string& openid,
                                         Deadline) override {
    MutexLock lock(&mutex_);
    const auto found = web_.find({appid, openid});
    if (found == web_.end()) return WebLoginUnknown();
    return found->second.tokens;
  }
  absl::Status UpdateWebTokens(const std::string& appid, const std::string& openid,
                               const WebTokens& tokens, Deadline) override {
    MutexLock lock(&mutex_);
    const auto found = web_.find({appid, openid});
    if (found != web_.end()) found->second.tokens = tokens;
    return absl::OkStatus();
  }
  absl::Status SaveJob(const NewJob& job, Deadline deadline) override {
    return work_.Enqueue(job, deadline);
  }
  absl::StatusOr<Secret> GetPhoneKey(const std::string& project, Deadline) override {
    return Secret("phone-key-of-" + project);
  }
  absl::Status SetPerson(const UserKey& user, Deadline) override {
    MutexLock lock(&mutex_);
    const std::pair<std::string, std::string> key(user.appid, user.openid);
    if (const auto found = sessions_.find(key); found != sessions_.end()) {
      found->second.person = user.person;
    }
    if (const auto found = web_.find(key); found != web_.end()) found->second.person = user.person;
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> GetFeedCursor(const std::string& project, Deadline) override {
    MutexLock lock(&mutex_);
    return cursors_[project];
  }
  absl::StatusOr<int> ApplyChanges(const std::string& project, const std::string& cursor,
                                   const GraphChanges& changes, Deadline) override {
    MutexLock lock(&mutex_);
    if (cursors_[project] != cursor) return 0;
    cursors_[project] = changes.next_cursor;
    int deleted = 0;
    for (const GraphChange& change : changes.changes) {
      if (change.kind == GraphChange::Kind::kPersonErased) erased_[change.person] = true;
      deleted += Apply(change, sessions_) + Apply(change, web_);
    }
    return deleted;
  }
  absl::Status ForgetOld(Deadline) override {
    MutexLock lock(&mutex_);
    std::erase_if(logins_, [this](const auto& one) {
      return one.second.expires < clock_.Now() - absl::Hours(1);
    });
    std::erase_if(
        web_, [this](const auto& one) { return one.second.tokens.refresh_expires < clock_.Now(); });
    return absl::OkStatus();
  }

 private:
  struct Owned {
    int64_t node = 0;
    std::string person = {};
  };
  struct Session : Owned {
    Secret current;
    Secret previous;
    absl::Time previous_until;
    absl::Time updated;
  };
  struct Web : Owned {
    WebTokens tokens;
  };

  static void Own(const UserKey& user, Owned& row) {
    row.node = NodeOf(1, absl::StrCat("openid:", user.appid, ":", user.openid));
    if (!user.person.empty()) row.person = user.person;
  }
  template <typename Rows>
  static int Apply(const GraphChange& change, Rows& rows) {
    if (change.kind == GraphChange::Kind::kMoved) {
      for (auto& [key, row] : rows) {
        if (row.node == change.node) row.person = change.person;
      }
      return 0;
    }
    return static_cast<int>(std::erase_if(rows, [&change](const auto& one) {
      return change.kind == GraphChange::Kind::kPersonErased ? one.second.person == change.person
                                                             : one.second.node == change.node;
    }));
  }

  WorkStore& work_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Session> sessions_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, Web> web_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, WebLoginState> logins_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> cursors_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> erased_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
