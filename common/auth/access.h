#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/auth/policy.h"
#include "common/base/mutex.h"
#include "common/config/settings.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"

namespace datong::auth {

// The settings `auth.*`.
struct AccessSettings {
  bool insecure = false;  // insecure.allow: who brings no credentials is "anonymous" and may all
  bool mtls = false;
  bool jwt = false;
  bool api_keys = false;
  std::map<std::string, std::string> services;  // service → its SPIFFE ID
  std::string policy_file;
  std::string jwks_file;
  std::string jwt_issuer;
  std::string jwt_audience;
  std::string api_keys_file;
  std::string trust_domain;
  absl::Duration reload_interval = absl::Seconds(2);

  bool authenticates() const { return mtls || jwt || api_keys; }
  static AccessSettings FromSettings(config::Settings& settings, bool insecure);
};

// What the transport proved and the caller sent.
struct Proof {
  absl::string_view service = {};        // a service of this very process
  absl::string_view spiffe_id = {};      // of the client's certificate
  absl::string_view authorization = {};  // the header, "" for none
};

struct Question {
  Proof proof;
  absl::string_view permission;
  absl::Span<const Resource> resources;  // every one must be granted; empty: the RPC names none
  // False: the answer may be "undecided", where only asking for an app's kind would tell.
  bool may_block = false;
};

struct Answer {
  absl::Status status;
  std::string caller;  // "key:shop", "jwt:alice", "service:datacube", a SPIFFE ID, "anonymous"
  bool undecided = false;
};

// Knows callers by their credentials and what they may do. Files are read again when they change; a
// file that has become wrong is refused and the rules before it stand. Decisions are remembered
// until then. Thread-safe.
class Access {
 public:
  Access(AccessSettings settings, const Clock& clock, metrics::Registry& registry);
  ~Access();

  // Reads what changed since it was last read. Errors: INVALID_ARGUMENT/AUTH_FILE_INVALID with the
  // setting's key in the metadata; the rules before stand.
  absl::Status Load();

  // Errors in the answer: UNAUTHENTICATED/CREDENTIALS_MISSING and CREDENTIALS_INVALID,
  // PERMISSION_DENIED/PERMISSION_MISSING.
  Answer Ask(const Question& question);

  // Tells the kind of an app ("mini_program"), "" when it has none; may block. For the service that
  // knows apps. Set before the first call.
  using KindOfApp = std::function<std::string(absl::string_view project, absl::string_view app)>;
  void SetKindOfApp(KindOfApp kind_of_app) { kind_of_app_ = std::move(kind_of_app); }

  const AccessSettings& settings() const { return settings_; }

 private:
  struct Rules;
  struct Counters;
  struct Identity {
    std::string name;
    bool is_service = false;
  };

  std::shared_ptr<Rules> rules() const;
  absl::StatusOr<Identity> Identify(const Proof& proof, Rules& rules) const;
  absl::StatusOr<Identity> IdentifyHeader(absl::string_view authorization, Rules& rules) const;
  std::optional<bool> IsGranted(const Identity& caller, const Question& question,
                                const Resource& resource, Rules& rules) const;

  const AccessSettings settings_;
  const Clock& clock_;
  const std::unique_ptr<Counters> counters_;
  KindOfApp kind_of_app_;
  mutable Mutex mutex_;
  std::shared_ptr<Rules> rules_ ABSL_GUARDED_BY(mutex_);
  Mutex loading_;
  std::map<std::string, std::string> contents_ ABSL_GUARDED_BY(loading_);
};

}  // namespace datong::auth
