#include "common/auth/jwt.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/auth/testing/jwt_issuer.h"
#include "common/crypto/hash.h"
#include "common/testing/matchers.h"

namespace datong::auth {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
const JwtRules kRules = {.issuer = "https://issuer", .audience = "datong"};

std::string Claims(const std::string& more = "", int64_t expires = 1'700'000'600) {
  return absl::StrCat(R"({"iss":"https://issuer","aud":["x","datong"],"sub":"alice","exp":)",
                      expires, more, "}");
}

Jwks KeysOf(const JwtIssuer& issuer) {
  absl::StatusOr<Jwks> keys = Jwks::Parse(issuer.Jwks());
  EXPECT_OK(keys);
  return *std::move(keys);
}

class JwtAlgorithmTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, JwtAlgorithmTest, ::testing::Values("RS256", "ES256", "EdDSA"));

TEST_P(JwtAlgorithmTest, ASignedTokenNamesItsSubject) {
  const JwtIssuer issuer(GetParam());
  const absl::StatusOr<JwtClaims> claims =
      VerifyJwt(issuer.Sign(Claims()), KeysOf(issuer), kRules, kNow);
  ASSERT_OK(claims);
  EXPECT_EQ(claims->subject, "alice");
}

TEST_P(JwtAlgorithmTest, AChangedTokenAndAnothersTokenAreRefused) {
  const JwtIssuer issuer(GetParam());
  const Jwks keys = KeysOf(issuer);
  const std::string token = issuer.Sign(Claims());
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  const std::string other =
      absl::StrCat(parts[0], ".", JwtIssuer::Url(Claims(R"(,"sub":"bob")")), ".", parts[2]);
  EXPECT_FALSE(VerifyJwt(other, keys, kRules, kNow).ok());
  EXPECT_FALSE(VerifyJwt(JwtIssuer(GetParam()).Sign(Claims()), keys, kRules, kNow).ok());
}

// The classic attacks: no signature at all, and the public key taken as an HMAC secret.
TEST(JwtTest, TheHeaderDoesNotChooseTheAlgorithm) {
  const JwtIssuer issuer("RS256");
  const Jwks keys = KeysOf(issuer);
  const std::string claims = JwtIssuer::Url(Claims());
  for (const char* algorithm : {"none", "None", "HS256", "ES256", "EdDSA", "RS512", ""}) {
    const std::string text = absl::StrCat(
        JwtIssuer::Url(absl::StrCat(R"({"alg":")", algorithm, R"(","kid":"k1"})")), ".", claims);
    EXPECT_FALSE(VerifyJwt(text + ".", keys, kRules, kNow).ok());
    const std::string mac = crypto::HmacSha256(Secret(issuer.Jwks()), text);
    EXPECT_FALSE(VerifyJwt(absl::StrCat(text, ".", JwtIssuer::Url(mac)), keys, kRules, kNow).ok());
    EXPECT_FALSE(VerifyJwt(issuer.SignAs(absl::StrCat(R"({"alg":")", algorithm, R"(","kid":"k1"})"),
                                         Claims()),
                           keys, kRules, kNow)
                     .ok());
  }
}

TEST(JwtTest, ClaimsAreChecked) {
  const JwtIssuer issuer("ES256");
  const Jwks keys = KeysOf(issuer);
  const auto refused = [&](const std::string& claims) {
    const absl::Status status = VerifyJwt(issuer.Sign(claims), keys, kRules, kNow).status();
    return absl::IsUnauthenticated(status);
  };
  EXPECT_TRUE(refused(R"({"iss":"other","aud":"datong","sub":"a","exp":1800000000})"));
  EXPECT_TRUE(refused(R"({"iss":"https://issuer","aud":"other","sub":"a","exp":1800000000})"));
  EXPECT_TRUE(refused(R"({"iss":"https://issuer","sub":"a","exp":1800000000})"));
  EXPECT_TRUE(refused(R"({"iss":"https://issuer","aud":"datong","sub":"a"})"));
  EXPECT_TRUE(refused(R"({"iss":"https://issuer","aud":"datong","sub":"a","exp":"1800000000"})"));
  EXPECT_TRUE(refused(R"({"iss":"https://issuer","aud":"datong","exp":1800000000})"));
  EXPECT_TRUE(refused(Claims(R"(,"nbf":1700000061)")));
  EXPECT_TRUE(refused(Claims(R"(,"nbf":"soon")")));
  EXPECT_TRUE(refused(Claims("", 1'699'999'940)));
  EXPECT_TRUE(refused(Claims("", -1)));
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused("not json"));
  // Clocks may differ by a minute.
  EXPECT_FALSE(refused(Claims("", 1'699'999'941)));
  EXPECT_FALSE(refused(Claims(R"(,"nbf":1700000060)")));
}

TEST(JwtTest, WhatIsNoTokenIsRefused) {
  const JwtIssuer issuer("EdDSA");
  const Jwks keys = KeysOf(issuer);
  const std::string token = issuer.Sign(Claims());
  const std::string critical =
      issuer.SignAs(R"({"alg":"EdDSA","kid":"k1","crit":["x"],"x":1})", Claims());
  const std::string nameless = issuer.SignAs(R"({"alg":"EdDSA"})", Claims());
  for (const std::string& text :
       {std::string(), std::string(".."), token + ".", token + "=", critical, nameless,
        std::string(100'000, 'a'),
        issuer.Sign(Claims(R"(,"x":")" + std::string(9000, 'x') + '"'))}) {
    EXPECT_TRUE(absl::IsUnauthenticated(VerifyJwt(text, keys, kRules, kNow).status()))
        << text.substr(0, 80);
  }
}

TEST(JwksTest, UnusableKeysAreRefusedAndForeignOnesLeftOut) {
  const JwtIssuer issuer("RS256");
  const std::string foreign = R"({"kty":"oct","kid":"h","k":"c2VjcmV0"})";
  EXPECT_OK(Jwks::Parse(absl::StrCat("{\"keys\":[", foreign, ",", issuer.Jwk(), "]}")));
  const auto invalid = [](const std::string& text) {
    return GetReason(Jwks::Parse(text).status()) == "JWKS_INVALID";
  };
  EXPECT_TRUE(invalid(""));
  EXPECT_TRUE(invalid("{}"));
  EXPECT_TRUE(invalid("{\"keys\":[]}"));
  EXPECT_TRUE(invalid(absl::StrCat("{\"keys\":[", foreign, "]}")));
  EXPECT_TRUE(invalid(absl::StrCat("{\"keys\":[", issuer.Jwk(), ",", issuer.Jwk(), "]}")));
  EXPECT_TRUE(invalid(JwtIssuer("RS256", "").Jwks()));
  EXPECT_TRUE(invalid(JwtIssuer("RS256", "short", 1024).Jwks()));
  EXPECT_TRUE(invalid(R"({"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]})"));
}

}  // namespace
}  // namespace datong::auth
