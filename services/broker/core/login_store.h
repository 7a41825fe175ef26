#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/person_peer.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// The keys of a user's session with a mini program.
struct SessionKeys {
  Secret current;
  Secret previous;  // empty when its time is over
  absl::Time updated;
};

// A web login under way: what its state stands for.
struct WebLoginState {
  std::string state;  // kept as a digest
  std::string project;
  std::string appid;
  std::string browser_session;  // kept as a digest
  std::string return_to;
  absl::Time expires;
  bool is_used = false;
};

// A user's tokens of a web login.
struct WebTokens {
  Secret access_token;
  Secret refresh_token;
  std::string scope;
  std::string unionid;
  absl::Time expires;          // of the access token
  absl::Time refresh_expires;  // of the refresh token
};

// Whose row it is: how erasures find it. The node is identity's, of the openid.
struct UserKey {
  std::string project;
  std::string appid;
  std::string openid;
  std::string person;  // name; "": not known yet
};

// What the broker keeps of users: session keys, web logins, and how far identity's feed was
// followed. Everything secret is sealed. Thread-safe; every call is one transaction and blocks
// until its deadline. Errors of all: those of postgres::Pool.
class LoginStore {
 public:
  virtual ~LoginStore() = default;

  // Keeps the session key, the one before it for a while longer, and the job if there is one, in
  // one transaction. Nothing is kept of a person who was erased meanwhile.
  virtual absl::Status SaveSession(const UserKey& user, const Secret& session_key,
                                   const std::optional<NewJob>& evidence, Deadline deadline) = 0;
  // Errors: NOT_FOUND/SESSION_UNKNOWN.
  virtual absl::StatusOr<SessionKeys> GetSession(const std::string& appid,
                                                 const std::string& openid, Deadline deadline) = 0;

  virtual absl::Status CreateWebLogin(const WebLoginState& login, Deadline deadline) = 0;
  // Nothing when there is no such state for this app and browser. Used and old ones are answered.
  virtual absl::StatusOr<std::optional<WebLoginState>> FindWebLogin(
      const std::string& appid, const std::string& state, const std::string& browser_session,
      Deadline deadline) = 0;
  // The login came to its end: marks the state as used and keeps tokens (unless the access token is
  // empty) and job, in one transaction.
  virtual absl::Status FinishWebLogin(const std::string& state, const UserKey& user,
                                      const WebTokens& tokens,
                                      const std::optional<NewJob>& evidence, Deadline deadline) = 0;
  // Errors: NOT_FOUND/WEB_LOGIN_UNKNOWN.
  virtual absl::StatusOr<WebTokens> GetWebTokens(const std::string& appid,
                                                 const std::string& openid, Deadline deadline) = 0;
  // Replaces what is held, if anything is.
  virtual absl::Status UpdateWebTokens(const std::string& appid, const std::string& openid,
                                       const WebTokens& tokens, Deadline deadline) = 0;

  // Stores a job alone.
  virtual absl::Status SaveJob(const NewJob& job, Deadline deadline) = 0;

  // The project's key for digests of phone numbers, made at the first call. Errors:
  // NOT_FOUND/PROJECT_UNKNOWN.
  virtual absl::StatusOr<Secret> GetPhoneKey(const std::string& project, Deadline deadline) = 0;

  // A row whose person was not known when it was written.
  virtual absl::Status SetPerson(const UserKey& user, Deadline deadline) = 0;
  // "" at the start.
  virtual absl::StatusOr<std::string> GetFeedCursor(const std::string& project,
                                                    Deadline deadline) = 0;
  // Does what the changes ask and moves the cursor, unless another replica moved it: then nothing.
  // Answers how many rows were deleted.
  virtual absl::StatusOr<int> ApplyChanges(const std::string& project, const std::string& cursor,
                                           const GraphChanges& changes, Deadline deadline) = 0;
  // States that are over, refresh tokens that are dead, notes of erasures that are old.
  virtual absl::Status ForgetOld(Deadline deadline) = 0;
};

}  // namespace datong::broker
