#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace datong::auth {

// The public keys of a JWKS: RSA from 2048 bits (RS256), P-256 (ES256) and Ed25519 (EdDSA). A key
// verifies the one algorithm of its kind, whatever a token's header says. Immutable.
class Jwks {
 public:
  // Keys of other kinds, and those for encryption, are left out.
  // Errors: INVALID_ARGUMENT/JWKS_INVALID, also when no key is left, or an id is there twice.
  static absl::StatusOr<Jwks> Parse(absl::string_view json);

  // True when key `kid` is of `algorithm` and signed `text`.
  bool Verify(absl::string_view kid, absl::string_view algorithm, absl::string_view text,
              const std::string& signature) const;

 private:
  struct Key;
  std::map<std::string, std::shared_ptr<const Key>, std::less<>> keys_;
};

struct JwtRules {
  std::string issuer;
  std::string audience;
  absl::Duration leeway = absl::Seconds(60);
};

// What a verified token says.
struct JwtClaims {
  std::string subject;
  absl::Time expires;
};

// Checks a compact JWS of at most 8 KiB: signature by the key that `kid` names, `iss`, `aud`, `exp`
// and `sub` (all required) and `nbf`. Tokens with `crit` are refused.
// Errors: UNAUTHENTICATED, with a sentence that repeats nothing of the token.
absl::StatusOr<JwtClaims> VerifyJwt(absl::string_view token, const Jwks& keys,
                                    const JwtRules& rules, absl::Time now);

}  // namespace datong::auth
