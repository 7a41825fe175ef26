// What callers prove themselves with: tokens, key sets, API keys, and the operator's policy.
#include "common/auth/api_keys.h"
#include "common/auth/jwt.h"
#include "common/auth/policy.h"
#include "common/auth/testing/jwt_issuer.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong::auth;
  const absl::string_view text = datong::fuzz::Text(data, size);
  static const auto& issuer = *new JwtIssuer("ES256");
  static const auto& keys = *new Jwks(*Jwks::Parse(issuer.Jwks()));
  static const JwtRules rules = {.issuer = "i", .audience = "a"};
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);

  // No input is signed by a key that was made a moment ago.
  datong::fuzz::Require(!VerifyJwt(text, keys, rules, now).ok());
  // Whatever is signed by it is parsed, and no claims but the right ones are let in.
  const absl::StatusOr<JwtClaims> claims =
      VerifyJwt(issuer.Sign(std::string(text)), keys, rules, now);
  datong::fuzz::Require(!claims.ok() || !claims->subject.empty());
  VerifyJwt(issuer.SignAs(std::string(text), "{}"), keys, rules, now).status().IgnoreError();

  Jwks::Parse(text).status().IgnoreError();
  const absl::StatusOr<ApiKeys> api_keys = ApiKeys::Parse(text);
  if (api_keys.ok()) datong::fuzz::Require(api_keys->Find(text, now).empty());
  Policy::Parse(text).status().IgnoreError();
  FitsPattern(text.substr(0, size / 2), text.substr(size / 2));
  return 0;
}
