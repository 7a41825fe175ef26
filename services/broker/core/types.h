#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/secret.h"

namespace datong::broker {

// Numbers as in datong.broker.v1 and in the database.
enum class AppKind {
  kUnknown = 0,
  kOfficialAccount = 1,
  kMiniProgram = 2,
  kWebApp = 3,
  kComponent = 4,
  kWecomCorp = 5,
  kWecomSuite = 6,
  kWecomProvider = 7,
};

// What others can do something with: credentials that act for other apps alone are none.
inline bool IsAccount(AppKind kind) {
  return kind != AppKind::kUnknown && kind != AppKind::kComponent && kind != AppKind::kWecomSuite &&
         kind != AppKind::kWecomProvider;
}
inline bool IsWecom(AppKind kind) {
  return kind == AppKind::kWecomCorp || kind == AppKind::kWecomSuite ||
         kind == AppKind::kWecomProvider;
}

enum class AppState { kActive = 1, kNeedsReauth = 2, kRevoked = 3, kBadConfig = 4 };

struct Project {
  std::string id;  // "demo" of projects/demo
  int32_t number = 0;
  std::string display_name;
  absl::Time created;

  std::string name() const { return absl::StrCat("projects/", id); }
};

inline std::string AppName(absl::string_view project, absl::string_view appid) {
  return absl::StrCat("projects/", project, "/apps/", appid);
}

// An openid as identity writes it.
inline std::string OpenidId(absl::string_view appid, absl::string_view openid) {
  return absl::StrCat("openid:", appid, ":", openid);
}

// A credentialed surface.
struct App {
  std::string project;  // id
  std::string appid;
  AppKind kind = AppKind::kUnknown;
  std::string display_name;
  std::string open_platform_account;
  std::string component;  // appid (a suite's too); empty when the app has a secret of its own
  AppState state = AppState::kActive;
  std::string state_detail;
  std::string original_id;
  bool classic_token = false;           // from /cgi-bin/token, not from /cgi-bin/stable_token
  std::vector<std::string> js_domains;  // hosts; empty: not known
  absl::Time created;
  std::string corpid;   // of WeCom's kinds; a suite's is its provider's
  int64_t agentid = 0;  // of WeCom's kinds

  std::string name() const { return AppName(project, appid); }
};

// A token and key with which WeChat signs and encrypts pushes.
struct CallbackKey {
  Secret token;
  Secret aes_key;  // EncodingAESKey as WeChat gives it; empty in plain mode
};

struct Credentials {
  Secret app_secret;
  CallbackKey callback;
  CallbackKey previous_callback;  // still in use for a while after a change
};

// What to change of an app: each value that is given replaces the one held.
struct AppChange {
  std::optional<std::string> display_name = {};
  std::optional<std::string> open_platform_account = {};
  std::optional<bool> classic_token = {};
  std::optional<std::vector<std::string>> js_domains = {};
  std::optional<Credentials> credentials = {};
};

// What an account granted to a component.
struct Authorization {
  std::string project;
  std::string appid;
  std::string component;
  AppState state = AppState::kActive;
  std::vector<int32_t> permission_sets;
  std::string nick_name;
  std::string principal_name;
  int32_t service_type = -1;
  int32_t verify_type = -1;
  std::string original_id;
  absl::Time authorized;
  std::optional<absl::Time> revoked;
  bool details_known = false;
};

// Numbers as auth_type of WeChat's page.
enum class AuthorizationType {
  kOfficialAccount = 1,
  kMiniProgram = 2,
  kBoth = 3,
  kInstall = 10,  // of a WeCom suite, formal and for a test
  kTestInstall = 11,
};

struct AuthorizationLink {
  std::string id;
  std::string project;
  std::string component;
  AuthorizationType type = AuthorizationType::kBoth;
  std::string biz_appid;
  absl::Time expires;
  std::string appid;  // who authorised through it
};
// Leads to WeCom's install page.
inline bool IsInstall(const AuthorizationLink& link) {
  return link.type == AuthorizationType::kInstall || link.type == AuthorizationType::kTestInstall;
}
// The launch page of a link; `public_url` is the gateway's, without "/" at the end.
inline std::string LaunchPageOf(const AuthorizationLink& link, absl::string_view public_url) {
  return absl::StrCat(public_url, IsInstall(link) ? "/wecom/install/" : "/authorize/", link.id);
}

// A platform token as it is stored.
struct TokenRecord {
  std::string appid;
  Secret access_token;  // empty when the account has no API permission
  Secret refresh_token;
  Secret previous_refresh_token;
  absl::Time fetched;
  absl::Time expires;
  int64_t generation = 0;  // grows with every write
};

// The newest component_verify_ticket.
struct Ticket {
  Secret value;
  absl::Time created;   // by WeChat's clock
  absl::Time received;  // by ours
};

// One line of the list that replicas poll: what there is to keep fresh.
struct TokenVersion {
  std::string project;
  std::string appid;
  AppKind kind = AppKind::kUnknown;
  std::string component;
  AppState state = AppState::kActive;
  int64_t generation = 0;  // 0: no token yet
};

// What the broker does in the background, durably, until it is done.
enum class JobKind {
  kPush = 1,               // payload: the decrypted push
  kAnnounceProject = 2,    // to identity and ingest
  kAnnounceApp = 3,        // to identity and ingest
  kEvidence = 4,           // payload: evidence that identity has not taken yet
  kAuthorizerDetails = 5,  // kind, name and entity of an account
  kStartTickets = 6,       // asks WeChat to push a component's ticket
  kReleaseCheck = 7,       // payload: a code of WeChat's check of a component, and who sent it
  kMigrateOpenids = 20,  // payload: openids that WeChat replaced, which identity has not taken yet
  kWecomPush = 30,       // payload: the decrypted push of WeCom
  kWecomDetails = 31,    // name, mode and privileges of a corp
  kWecomForget = 32,     // a corp left: identity forgets what its contacts showed
  kWecomRoster = 33,     // a pass over the contacts of a corp
  kWecomContact = 34,    // payload: external_userid of a contact that was added
  kWecomGroup = 35,      // payload: chat_id of a group that changed
};

struct NewJob {
  JobKind kind = JobKind::kPush;
  std::string key;  // unique for its kind: a second job with the same key is not taken
  std::string project;
  std::string appid;
  std::string payload;  // sealed at rest
};

struct Job : NewJob {
  int64_t id = 0;
  int64_t claim = 0;  // fences off a worker whose claim ran out
  int64_t revision = 0;
  int attempts = 0;  // this one included
};

// One caller's accesses of one kind within one second.
struct AccessRow {
  std::string id;  // makes a repeated write harmless
  absl::Time second;
  std::string caller;
  std::string project;
  std::string appid;
  AppKind kind = AppKind::kUnknown;
  std::string action;
  bool allowed = true;
  std::string reason;
  std::string fingerprint;  // of the token or ticket that was handed out or made
  // Of the call; of accesses that are counted together there is none.
  std::string request_id;
  std::string trace_id;
  std::string peer;
  int64_t count = 0;
};

// What the check of a watermark said; numbers as in datong.identity.v1.
enum class Watermark { kNone = 0, kValid = 1, kAppidMismatch = 2, kStale = 3 };

// Evidence that certain ids are one person's, as identity takes it.
struct Evidence {
  std::string kind;  // "mp.code2session", …
  std::string appid;
  std::string openid;   // empty: others alone
  std::string unionid;  // empty: the openid alone
  absl::Time observed;
  std::string request_id;                   // what makes two observations of one instant differ
  std::vector<std::string> other_ids = {};  // whole identifiers, `kind:scope:value`
  bool snapshot = false;                    // ids of a virtual account
  Watermark watermark = Watermark::kNone;
};

}  // namespace datong::broker
