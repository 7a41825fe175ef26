#include "services/broker/upstream/http_readiness_platform.h"

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/status/macros.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {
namespace {

using nlohmann::json;
using wechat::Answer;
using wechat::ListField;
using wechat::NumberField;
using wechat::ObjectField;
using wechat::TextField;

constexpr char kBasics[] = "/cgi-bin/account/getaccountbasicinfo";
constexpr char kProfile[] = "/cgi-bin/component/api_get_authorizer_info";
constexpr char kOpenHave[] = "/cgi-bin/open/have";
constexpr char kOpenGet[] = "/cgi-bin/open/get";
constexpr char kQuota[] = "/cgi-bin/openapi/quota/get";
constexpr char kCallbackIp[] = "/cgi-bin/getcallbackip";
constexpr int64_t kPostWanted = 43002;

bool FlagField(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end()) return false;
  return it->is_boolean() ? it->get<bool>() : NumberField(object, name).value_or(0) != 0;
}

}  // namespace

HttpReadinessPlatform::HttpReadinessPlatform(const std::string& api_url, http::Client& http,
                                             metrics::Registry& registry)
    : http_(api_url, {kBasics, kProfile, kOpenHave, kOpenGet, kQuota, kCallbackIp}, http,
            registry) {}

absl::StatusOr<AccountBasics> HttpReadinessPlatform::GetBasics(const Secret& token,
                                                               Deadline deadline) {
  // Documents say POST, SDKs send GET; either may be what the platform takes.
  absl::StatusOr<Answer> answer = http_.Get(kBasics, {{"access_token", token.Expose()}}, deadline);
  if (ErrcodeOf(answer.status()) == kPostWanted) {
    answer = http_.Post(kBasics, {{"access_token", token.Expose()}}, json::object(), deadline);
  }
  if (!answer.ok()) return answer.status();
  AccountBasics basics;
  basics.principal_name = SanitizeUtf8(TextField(answer->body, "principal_name"));
  basics.principal_type = NumberField(answer->body, "principal_type").value_or(-1);
  basics.customer_type = NumberField(answer->body, "customer_type").value_or(-1);
  basics.realname_status = NumberField(answer->body, "realname_status").value_or(-1);
  basics.qualification_verified =
      FlagField(ObjectField(answer->body, "wx_verify_info"), "qualification_verify");
  return basics;
}

absl::StatusOr<AccountProfile> HttpReadinessPlatform::GetProfile(const std::string& component,
                                                                 const Secret& component_token,
                                                                 const std::string& appid,
                                                                 Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(
      Answer answer,
      http_.Post(kProfile, {{"component_access_token", component_token.Expose()}},
                 {{"component_appid", component}, {"authorizer_appid", appid}}, deadline));
  const json& info = ObjectField(answer.body, "authorizer_info");
  AccountProfile profile;
  profile.kind =
      info.contains("MiniProgramInfo") ? AppKind::kMiniProgram : AppKind::kOfficialAccount;
  profile.principal_name = SanitizeUtf8(TextField(info, "principal_name"));
  profile.verify_type = NumberField(ObjectField(info, "verify_type_info"), "id").value_or(-2);
  profile.account_status = NumberField(info, "account_status").value_or(-1);
  for (const json& one : ListField(ObjectField(answer.body, "authorization_info"), "func_info")) {
    const std::optional<int64_t> id = NumberField(ObjectField(one, "funcscope_category"), "id");
    if (id.has_value()) profile.permission_sets.push_back(static_cast<int32_t>(*id));
  }
  const json& network = ObjectField(ObjectField(info, "MiniProgramInfo"), "network");
  for (const json& domain : ListField(network, "RequestDomain")) {
    if (domain.is_string()) profile.request_domains.push_back(domain.get<std::string>());
  }
  return profile;
}

absl::StatusOr<bool> HttpReadinessPlatform::IsBound(const Secret& token, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          http_.Get(kOpenHave, {{"access_token", token.Expose()}}, deadline));
  if (!answer.body.contains("have_open")) return IncompleteAnswer("have_open");
  return FlagField(answer.body, "have_open");
}

absl::StatusOr<std::string> HttpReadinessPlatform::GetOpenAccount(const Secret& token,
                                                                  const std::string& appid,
                                                                  Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Post(kOpenGet, {{"access_token", token.Expose()}},
                                                    {{"appid", appid}}, deadline));
  std::string account = TextField(answer.body, "open_appid");
  if (account.empty()) return IncompleteAnswer("open_appid");
  return account;
}

absl::StatusOr<QuotaLeft> HttpReadinessPlatform::GetQuota(const Secret& token,
                                                          const std::string& path,
                                                          Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer, http_.Post(kQuota, {{"access_token", token.Expose()}},
                                                    {{"cgi_path", path}}, deadline));
  const json& quota = ObjectField(answer.body, "quota");
  return QuotaLeft{NumberField(quota, "daily_limit").value_or(0),
                   NumberField(quota, "used").value_or(0),
                   NumberField(quota, "remain").value_or(0)};
}

absl::StatusOr<std::vector<std::string>> HttpReadinessPlatform::GetCallbackAddresses(
    const Secret& token, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Answer answer,
                          http_.Get(kCallbackIp, {{"access_token", token.Expose()}}, deadline));
  std::vector<std::string> addresses;
  for (const json& one : ListField(answer.body, "ip_list")) {
    if (one.is_string()) addresses.push_back(one.get<std::string>());
  }
  return addresses;
}

}  // namespace datong::broker
