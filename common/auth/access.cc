#include "common/auth/access.h"

#include <fstream>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/auth/api_keys.h"
#include "common/auth/jwt.h"
#include "common/auth/service_grants.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::auth {
namespace {

constexpr size_t kMostDecisions = 50'000;
constexpr size_t kMostTokens = 10'000;
constexpr size_t kLargestFile = 1 << 20;
constexpr absl::string_view kAnonymous = "anonymous";

absl::Status CredentialsMissing() {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   "This call needs credentials: a client certificate, or the header "
                   "\"authorization: Bearer …\" with an API key or a JWT.",
                   {"datong", "CREDENTIALS_MISSING", {}});
}

absl::Status CredentialsInvalid(absl::string_view problem) {
  return MakeError(absl::StatusCode::kUnauthenticated, problem,
                   {"datong", "CREDENTIALS_INVALID", {{"problem", std::string(problem)}}});
}

absl::Status PermissionMissing(absl::string_view caller, absl::string_view permission,
                               const Resource& resource) {
  std::string where;
  if (!resource.project.empty()) absl::StrAppend(&where, " in project \"", resource.project, "\"");
  if (!resource.app.empty()) absl::StrAppend(&where, ", app \"", resource.app, "\"");
  if (!resource.api_path.empty()) absl::StrAppend(&where, ", path \"", resource.api_path, "\"");
  return MakeError(absl::StatusCode::kPermissionDenied,
                   absl::StrCat("\"", caller, "\" has no permission \"", permission, "\"", where,
                                "; the operator's policy file grants it."),
                   {"datong",
                    "PERMISSION_MISSING",
                    {{"caller", std::string(caller)},
                     {"permission", std::string(permission)},
                     {"project", std::string(resource.project)},
                     {"app", std::string(resource.app)},
                     {"path", std::string(resource.api_path)}}});
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return absl::NotFoundError("it cannot be read");
  if (text.size() > kLargestFile) return absl::OutOfRangeError("it is larger than 1 MiB");
  return text;
}

// A decision's key, and how it is looked up without copies.
using DecisionKey = std::tuple<std::string, std::string, std::string, std::string, std::string>;
using DecisionView = std::tuple<absl::string_view, absl::string_view, absl::string_view,
                                absl::string_view, absl::string_view>;
DecisionView ViewOf(const DecisionKey& key) {
  return {std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), std::get<4>(key)};
}
struct DecisionHash {
  using is_transparent = void;
  size_t operator()(const DecisionKey& key) const { return absl::HashOf(ViewOf(key)); }
  size_t operator()(const DecisionView& key) const { return absl::HashOf(key); }
};
struct DecisionEqual {
  using is_transparent = void;
  bool operator()(const DecisionKey& a, const DecisionKey& b) const { return a == b; }
  bool operator()(const DecisionKey& a, const DecisionView& b) const { return ViewOf(a) == b; }
  bool operator()(const DecisionView& a, const DecisionKey& b) const { return a == ViewOf(b); }
};

}  // namespace

// All that the files say, and what was worked out from it: both are replaced together.
struct Access::Rules {
  Policy policy;
  ApiKeys api_keys;
  Jwks jwks;

  Mutex mutex;
  absl::flat_hash_map<DecisionKey, bool, DecisionHash, DecisionEqual> decisions
      ABSL_GUARDED_BY(mutex);
  // Verified tokens by their SHA-256: signatures cost more than the calls they come with.
  absl::flat_hash_map<std::string, JwtClaims> tokens ABSL_GUARDED_BY(mutex);
};

struct Access::Counters {
  explicit Counters(metrics::Registry& registry)
      : granted(Make(registry, "allow", "granted")),
        insecure(Make(registry, "allow", "insecure")),
        missing(Make(registry, "deny", "credentials_missing")),
        invalid(Make(registry, "deny", "credentials_invalid")),
        not_granted(Make(registry, "deny", "not_granted")) {}
  static metrics::Counter& Make(metrics::Registry& registry, const char* decision,
                                const char* reason) {
    return registry.AddCounter("datong_authz_decisions_total", "Calls let in or refused, and why.",
                               {{"decision", decision}, {"reason", reason}});
  }
  metrics::Counter& granted;
  metrics::Counter& insecure;
  metrics::Counter& missing;
  metrics::Counter& invalid;
  metrics::Counter& not_granted;
};

Access::Access(AccessSettings settings, const Clock& clock, metrics::Registry& registry)
    : settings_(std::move(settings)),
      clock_(clock),
      counters_(std::make_unique<Counters>(registry)),
      rules_(std::make_shared<Rules>()) {}

Access::~Access() = default;

std::shared_ptr<Access::Rules> Access::rules() const {
  MutexLock lock(&mutex_);
  return rules_;
}

absl::Status Access::Load() {
  MutexLock loading(&loading_);
  std::map<std::string, std::string> contents;  // by the setting that names the file
  const std::pair<const char*, const std::string*> files[] = {
      {"auth.policy_file", &settings_.policy_file},
      {"auth.jwt.jwks_file", &settings_.jwks_file},
      {"auth.api_keys_file", &settings_.api_keys_file}};
  const auto invalid = [](const std::string& key, const absl::Status& status) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("The file of ", key, " is not usable: ", status.message()),
                     {"datong", "AUTH_FILE_INVALID", {{"key", key}}});
  };
  for (const auto& [key, path] : files) {
    if (path->empty()) continue;
    absl::StatusOr<std::string> text = ReadFile(*path);
    if (!text.ok()) return invalid(key, text.status());
    contents[key] = *std::move(text);
  }
  if (contents == contents_) return absl::OkStatus();

  auto fresh = std::make_shared<Rules>();
  for (const auto& [key, text] : contents) {
    absl::Status status;
    const auto take = [&status](auto parsed, auto& target) {
      status = parsed.status();
      if (parsed.ok()) target = *std::move(parsed);
    };
    if (key == "auth.policy_file") take(Policy::Parse(text), fresh->policy);
    if (key == "auth.jwt.jwks_file") take(Jwks::Parse(text), fresh->jwks);
    if (key == "auth.api_keys_file") take(ApiKeys::Parse(text), fresh->api_keys);
    if (!status.ok()) return invalid(key, status);
  }
  contents_ = std::move(contents);
  MutexLock lock(&mutex_);
  rules_ = std::move(fresh);
  return absl::OkStatus();
}

absl::StatusOr<Access::Identity> Access::Identify(const Proof& proof, Rules& rules) const {
  absl::string_view service = proof.service;
  if (service.empty() && !proof.spiffe_id.empty()) {
    for (const auto& [name, id] : settings_.services) {
      if (id == proof.spiffe_id) service = name;
    }
  }
  // A service acts in its own name, whoever it works for; but the gateway lends its callers
  // nothing.
  if (!service.empty() && (service != kGateway || proof.authorization.empty())) {
    return Identity{absl::StrCat(kServicePrefix, service), /*is_service=*/true};
  }
  if (service.empty() && !proof.spiffe_id.empty() && settings_.mtls) {
    if (!absl::StartsWith(proof.spiffe_id,
                          absl::StrCat("spiffe://", settings_.trust_domain, "/"))) {
      return CredentialsInvalid("The certificate is of another trust domain.");
    }
    return Identity{std::string(proof.spiffe_id)};
  }
  return IdentifyHeader(proof.authorization, rules);
}

absl::StatusOr<Access::Identity> Access::IdentifyHeader(absl::string_view authorization,
                                                        Rules& rules) const {
  const bool is_anonymous = authorization.empty() || authorization == "none" ||
                            (settings_.insecure && !settings_.jwt && !settings_.api_keys);
  if (is_anonymous) {
    if (settings_.insecure) return Identity{std::string(kAnonymous)};
    return CredentialsMissing();
  }
  constexpr absl::string_view kBearer = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kBearer)) {
    return CredentialsInvalid("The authorization header must be \"Bearer\" and a key or a token.");
  }
  const absl::string_view credential = authorization.substr(kBearer.size());
  const absl::Time now = clock_.Now();
  if (settings_.api_keys && absl::StartsWith(credential, kApiKeyPrefix)) {
    const std::string id = rules.api_keys.Find(credential, now);
    if (id.empty()) return CredentialsInvalid("The API key is unknown or has expired.");
    return Identity{absl::StrCat("key:", id)};
  }
  if (!settings_.jwt) return CredentialsInvalid("Credentials of this kind are not taken here.");
  const std::string digest = crypto::Sha256(credential);
  {
    MutexLock lock(&rules.mutex);
    const auto known = rules.tokens.find(digest);
    if (known != rules.tokens.end() && now < known->second.expires) {
      return Identity{absl::StrCat("jwt:", known->second.subject)};
    }
  }
  const absl::StatusOr<JwtClaims> claims =
      VerifyJwt(credential, rules.jwks,
                {.issuer = settings_.jwt_issuer, .audience = settings_.jwt_audience}, now);
  if (!claims.ok()) return CredentialsInvalid(claims.status().message());
  MutexLock lock(&rules.mutex);
  if (rules.tokens.size() >= kMostTokens) rules.tokens.clear();
  rules.tokens[digest] = *claims;
  return Identity{absl::StrCat("jwt:", claims->subject)};
}

// nullopt: only the app's kind tells, and `question` does not let us ask.
std::optional<bool> Access::IsGranted(const Identity& caller, const Question& question,
                                      const Resource& resource, Rules& rules) const {
  const DecisionView key{caller.name, question.permission, resource.project, resource.app,
                         resource.api_path};
  {
    MutexLock lock(&rules.mutex);
    const auto known = rules.decisions.find(key);
    if (known != rules.decisions.end()) return known->second;
  }
  bool is_undecided = false;
  bool asked = false;
  const auto kind_of_app = [&]() -> std::string {
    asked = true;
    if (kind_of_app_ == nullptr || resource.app.empty()) return "";
    if (question.may_block) return kind_of_app_(resource.project, resource.app);
    is_undecided = true;
    return "";
  };
  const Policy& policy = caller.is_service ? ServiceGrants() : rules.policy;
  const bool granted = policy.Allows(caller.name, question.permission, resource, kind_of_app);
  if (!granted && is_undecided) return std::nullopt;
  // What an unknown app is today it may not be tomorrow.
  if (!granted && asked) return false;
  MutexLock lock(&rules.mutex);
  if (rules.decisions.size() >= kMostDecisions) rules.decisions.clear();
  const auto copy = [](absl::string_view text) { return std::string(text); };
  rules.decisions.emplace(
      DecisionKey{caller.name, copy(question.permission), copy(resource.project),
                  copy(resource.app), copy(resource.api_path)},
      granted);
  return granted;
}

Answer Access::Ask(const Question& question) {
  const std::shared_ptr<Rules> held = rules();
  absl::StatusOr<Identity> caller = Identify(question.proof, *held);
  if (!caller.ok()) {
    const bool is_missing = GetReason(caller.status()) == "CREDENTIALS_MISSING";
    (is_missing ? counters_->missing : counters_->invalid).Increment();
    return {caller.status(), is_missing ? std::string(kAnonymous) : "unknown", false};
  }
  if (settings_.insecure && (caller->is_service || caller->name == kAnonymous)) {
    counters_->insecure.Increment();
    return {absl::OkStatus(), std::move(caller->name), false};
  }
  const Resource nothing;
  const absl::Span<const Resource> resources =
      question.resources.empty() ? absl::MakeConstSpan(&nothing, 1) : question.resources;
  for (const Resource& resource : resources) {
    const std::optional<bool> granted = IsGranted(*caller, question, resource, *held);
    if (!granted.has_value()) return {absl::OkStatus(), std::move(caller->name), true};
    if (!*granted) {
      counters_->not_granted.Increment();
      return {PermissionMissing(caller->name, question.permission, resource),
              std::move(caller->name), false};
    }
  }
  counters_->granted.Increment();
  return {absl::OkStatus(), std::move(caller->name), false};
}

}  // namespace datong::auth
