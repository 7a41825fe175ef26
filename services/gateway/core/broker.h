#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/gateway/core/call.h"

namespace datong::gateway {

// A callback as it came from WeChat, nothing decoded.
struct Push {
  std::string method;
  std::string path;
  std::string query;
  std::string content_type;
  std::string body;
  std::string peer;
};

struct PushAnswer {
  std::string body;
  std::string content_type;
};

enum class AccountKinds { kOfficialAccounts, kMiniPrograms, kBoth, kWecomCorps };

// What the launch page shows.
struct LaunchLink {
  std::string id;
  std::string url;
  std::string component_name;
  AccountKinds kinds = AccountKinds::kBoth;
  std::string biz_appid;  // "" for any account
  absl::Time expire_time = absl::InfiniteFuture();
  bool is_expired = false;
  std::string connected_appid;  // the account that came through the link, if one did
};

// The account that has just been connected.
struct ConnectedAccount {
  std::string appid;
  std::string nick_name;  // "" while the broker still asks for it
  std::string principal_name;
  int permission_sets = 0;
};

// Links by which administrators connect accounts, as the gateway needs them of the broker.
// Thread-safe; every call blocks until its deadline at most.
class Links {
 public:
  virtual ~Links() = default;

  // Errors: NOT_FOUND/LINK_UNKNOWN.
  virtual absl::StatusOr<LaunchLink> GetLink(const Call& call, absl::string_view link) = 0;
  // The address of WeChat's authorisation page. Errors: those of BeginAuthorization.
  virtual absl::StatusOr<std::string> Begin(const Call& call, absl::string_view link,
                                            bool on_phone) = 0;
  // Errors: those of CompleteAuthorization.
  virtual absl::StatusOr<ConnectedAccount> Complete(const Call& call, absl::string_view link,
                                                    absl::string_view auth_code,
                                                    int expires_in) = 0;
};

// The broker, as the gateway needs it: pushes, and the links of components. As Links in threads and
// time.
class Broker : public Links {
 public:
  // Errors: those of PushService.ReceivePush.
  virtual absl::StatusOr<PushAnswer> ReceivePush(const Call& call, const Push& push) = 0;
};

}  // namespace datong::gateway
