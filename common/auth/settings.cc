#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/auth/access.h"

namespace datong::auth {

AccessSettings AccessSettings::FromSettings(config::Settings& settings, bool insecure) {
  AccessSettings access;
  access.insecure = insecure;
  for (const std::string& mode : settings.StringList(
           "auth.mode", {}, "How callers prove who they are: mtls, jwt, api_key, or several.")) {
    if (mode == "mtls") {
      access.mtls = true;
    } else if (mode == "jwt") {
      access.jwt = true;
    } else if (mode == "api_key") {
      access.api_keys = true;
    } else {
      settings.AddFault("auth.mode",
                        absl::StrCat("knows mtls, jwt and api_key, not \"", mode, "\""));
    }
  }
  access.trust_domain = settings.String("auth.trust_domain", "cluster.local",
                                        "The SPIFFE trust domain of certificates.");
  access.services = settings.StringMap(
      "auth.services", "The SPIFFE ID of that service, spiffe://domain/ns/name/sa/account.");
  for (const auto& [service, id] : access.services) {
    if (!absl::StartsWith(id, absl::StrCat("spiffe://", access.trust_domain, "/"))) {
      settings.AddFault("auth.services." + service,
                        "must begin with spiffe:// and the trust domain of auth.trust_domain");
    }
  }
  access.policy_file = settings.String(
      "auth.policy_file", "", "TOML file that says which caller may do what; deny by default.");
  access.jwks_file =
      settings.String("auth.jwt.jwks_file", "", "JSON file with the public keys of the issuer.");
  access.jwt_issuer = settings.String("auth.jwt.issuer", "", "The only \"iss\" that is let in.");
  access.jwt_audience =
      settings.String("auth.jwt.audience", "", "The \"aud\" that tokens must name.");
  access.api_keys_file = settings.String(
      "auth.api_keys_file", "", "File with a line per API key: id, SHA-256 of the key, expiry.");
  access.reload_interval =
      settings.Duration("auth.reload_interval", absl::Seconds(2), absl::Milliseconds(10),
                        absl::Hours(1), "How often the files of auth.* are looked at again.");
  if (!access.authenticates() && !insecure) {
    settings.AddFault("auth.mode",
                      "is missing: say how callers prove who they are (mtls, jwt, api_key), or set "
                      "insecure.allow where the network is trusted");
  }
  const auto require = [&settings](bool needed, const std::string& value, const char* key) {
    if (needed && value.empty()) settings.AddFault(key, "is missing, and auth.mode needs it");
  };
  require(access.jwt, access.jwks_file, "auth.jwt.jwks_file");
  require(access.jwt, access.jwt_issuer, "auth.jwt.issuer");
  require(access.jwt, access.jwt_audience, "auth.jwt.audience");
  require(access.api_keys, access.api_keys_file, "auth.api_keys_file");
  return access;
}

}  // namespace datong::auth
