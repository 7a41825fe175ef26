#include "common/auth/jwt.h"

// No JWT library of Debian 12 fits (docs/adr/0005-callers-and-permissions.md).
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/strings.h"
#include "common/status/error.h"

namespace datong::auth {
namespace {

using Json = nlohmann::json;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr size_t kLongestToken = 8192;
constexpr size_t kLongestSubject = 255;
constexpr int kFewestRsaBits = 2048;
constexpr size_t kEs256Half = 32;

absl::Status JwksInvalid(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat("The JWKS ", problem, "."),
                   {"datong", "JWKS_INVALID", {{"problem", std::string(problem)}}});
}

absl::Status Refused(absl::string_view problem) {
  return absl::UnauthenticatedError(absl::StrCat("The token ", problem, "."));
}

std::string StringAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Base64url without padding, as JOSE wants it.
std::optional<std::string> Base64Url(absl::string_view text) {
  std::string bytes;
  if (absl::StrContains(text, '=') || !absl::WebSafeBase64Unescape(text, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

KeyPtr KeyFromParams(const char* type, OSSL_PARAM_BLD* builder) {
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> params(
      OSSL_PARAM_BLD_to_param(builder), &OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return {nullptr, &EVP_PKEY_free};
  }
  return {key, &EVP_PKEY_free};
}

using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using NumberPtr = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

NumberPtr Number(const std::string& bytes) {
  return {BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()), nullptr),
          &BN_free};
}

KeyPtr RsaKey(const std::string& modulus, const std::string& exponent) {
  const BuilderPtr builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  const NumberPtr n = Number(modulus);
  const NumberPtr e = Number(exponent);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  KeyPtr key = KeyFromParams("RSA", builder.get());
  if (key != nullptr && EVP_PKEY_get_bits(key.get()) < kFewestRsaBits) key.reset();
  return key;
}

KeyPtr P256Key(const std::string& x, const std::string& y) {
  if (x.size() != kEs256Half || y.size() != kEs256Half) return {nullptr, &EVP_PKEY_free};
  const std::string point = "\x04" + x + y;
  const BuilderPtr builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return KeyFromParams("EC", builder.get());
}

KeyPtr Ed25519Key(const std::string& x) {
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                      reinterpret_cast<const unsigned char*>(x.data()), x.size()),
          &EVP_PKEY_free};
}

// JOSE's signature is the two numbers side by side; OpenSSL wants them in DER.
std::string EcdsaDer(const std::string& signature) {
  if (signature.size() != 2 * kEs256Half) return "";
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(),
                                                                   &ECDSA_SIG_free);
  NumberPtr r = Number(signature.substr(0, kEs256Half));
  NumberPtr s = Number(signature.substr(kEs256Half));
  if (pair == nullptr || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return "";
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return "";
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

bool HasAudience(const Json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return found->get<std::string>() == audience;
  if (!found->is_array()) return false;
  for (const Json& item : *found) {
    if (item.is_string() && item.get<std::string>() == audience) return true;
  }
  return false;
}

// NumericDate: seconds, perhaps with a fraction.
std::optional<absl::Time> TimeAt(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  constexpr double kFarFuture = 253'402'300'800;  // the year 10000
  const double seconds = found->get<double>();
  if (!(seconds >= 0 && seconds < kFarFuture)) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

std::optional<Json> ObjectIn(absl::string_view part) {
  const std::optional<std::string> text = Base64Url(part);
  if (!text.has_value()) return std::nullopt;
  Json object = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  return object;
}

}  // namespace

struct Jwks::Key {
  std::string algorithm;
  KeyPtr key;
};

absl::StatusOr<Jwks> Jwks::Parse(absl::string_view json) {
  const Json document = Json::parse(json.begin(), json.end(), nullptr, false);
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array()) {
    return JwksInvalid("is no JSON object with an array \"keys\"");
  }
  Jwks jwks;
  for (const Json& item : document["keys"]) {
    if (!item.is_object()) return JwksInvalid("holds a key that is no object");
    if (StringAt(item, "use") == "enc") continue;
    const std::string kid = StringAt(item, "kid");
    const std::string kind = absl::StrCat(StringAt(item, "kty"), " ", StringAt(item, "crv"));
    const auto bytes = [&item](const char* name) {
      return Base64Url(StringAt(item, name)).value_or("");
    };
    auto key = std::make_shared<Key>(Key{"", {nullptr, &EVP_PKEY_free}});
    if (kind == "RSA ") {
      key->algorithm = "RS256";
      key->key = RsaKey(bytes("n"), bytes("e"));
    } else if (kind == "EC P-256") {
      key->algorithm = "ES256";
      key->key = P256Key(bytes("x"), bytes("y"));
    } else if (kind == "OKP Ed25519") {
      key->algorithm = "EdDSA";
      key->key = Ed25519Key(bytes("x"));
    } else {
      continue;
    }
    const std::string stated = StringAt(item, "alg");
    if (!stated.empty() && stated != key->algorithm) continue;
    if (kid.empty()) return JwksInvalid("holds a key without a \"kid\"");
    if (key->key == nullptr) {
      return JwksInvalid(absl::StrCat("holds a key that is unusable or too short: \"", kid, "\""));
    }
    if (!jwks.keys_.emplace(kid, std::move(key)).second) {
      return JwksInvalid(absl::StrCat("names key \"", kid, "\" twice"));
    }
  }
  if (jwks.keys_.empty()) return JwksInvalid("holds no key for RS256, ES256 or EdDSA");
  return jwks;
}

bool Jwks::Verify(absl::string_view kid, absl::string_view algorithm, absl::string_view text,
                  const std::string& signature) const {
  const auto found = keys_.find(ToStd(kid));
  if (found == keys_.end() || found->second->algorithm != algorithm) return false;
  const Key& key = *found->second;
  const std::string raw = key.algorithm == "ES256" ? EcdsaDer(signature) : signature;
  if (raw.empty()) return false;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const EVP_MD* digest = key.algorithm == "EdDSA" ? nullptr : EVP_sha256();
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(raw.data()),
                          raw.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

absl::StatusOr<JwtClaims> VerifyJwt(absl::string_view token, const Jwks& keys,
                                    const JwtRules& rules, absl::Time now) {
  if (token.size() > kLongestToken) return Refused("is too long");
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3) return Refused("is no signed JWT");
  const std::optional<Json> header = ObjectIn(parts[0]);
  const std::optional<std::string> signature = Base64Url(parts[2]);
  if (!header.has_value() || !signature.has_value()) return Refused("is no signed JWT");
  if (header->contains("crit")) return Refused("demands extensions");
  const absl::string_view signed_text = token.substr(0, parts[0].size() + 1 + parts[1].size());
  if (!keys.Verify(StringAt(*header, "kid"), StringAt(*header, "alg"), signed_text, *signature)) {
    return Refused("is not signed by a key that is known");
  }
  const std::optional<Json> claims = ObjectIn(parts[1]);
  if (!claims.has_value()) return Refused("holds no claims");
  if (StringAt(*claims, "iss") != rules.issuer) return Refused("is of another issuer");
  if (!HasAudience(*claims, rules.audience)) return Refused("is for another audience");
  const std::optional<absl::Time> expires = TimeAt(*claims, "exp");
  if (!expires.has_value()) return Refused("does not say when it expires");
  if (now >= *expires + rules.leeway) return Refused("has expired");
  const std::optional<absl::Time> begins = TimeAt(*claims, "nbf");
  if (claims->contains("nbf") && !begins.has_value()) return Refused("has no valid \"nbf\"");
  if (begins.has_value() && now + rules.leeway < *begins) return Refused("is not valid yet");
  JwtClaims verified{StringAt(*claims, "sub"), *expires + rules.leeway};
  if (verified.subject.empty() || verified.subject.size() > kLongestSubject ||
      !IsUtf8(verified.subject)) {
    return Refused("has no usable subject");
  }
  return verified;
}

}  // namespace datong::auth
