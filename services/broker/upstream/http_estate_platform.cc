#include "services/broker/upstream/http_estate_platform.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "common/status/macros.h"

namespace datong::broker {
namespace {

constexpr char kList[] = "/cgi-bin/component/api_get_authorizer_list";
constexpr int kMostListed = 500;

}  // namespace

HttpEstatePlatform::HttpEstatePlatform(const std::string& api_url, http::Client& http,
                                       metrics::Registry& registry)
    : http_(api_url, {kList}, http, registry) {}

absl::StatusOr<AuthorizerListPage> HttpEstatePlatform::ListAuthorizers(
    const std::string& component, const Secret& component_token, int64_t offset,
    Deadline deadline) {
  const nlohmann::json body = {
      {"component_appid", component}, {"offset", offset}, {"count", kMostListed}};
  DATONG_ASSIGN_OR_RETURN(
      wechat::Answer answer,
      http_.Post(kList, {{"component_access_token", component_token.Expose()}}, body, deadline));
  AuthorizerListPage page;
  page.total = wechat::NumberField(answer.body, "total_count").value_or(0);
  for (const nlohmann::json& one : wechat::ListField(answer.body, "list")) {
    ListedAuthorizer listed;
    listed.appid = wechat::TextField(one, "authorizer_appid");
    if (listed.appid.empty()) continue;
    listed.refresh_token = Secret(wechat::TextField(one, "refresh_token"));
    listed.authorized = absl::FromUnixSeconds(wechat::NumberField(one, "auth_time").value_or(0));
    page.authorizers.push_back(std::move(listed));
  }
  return page;
}

}  // namespace datong::broker
