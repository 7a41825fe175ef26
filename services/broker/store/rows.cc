#include "services/broker/store/rows.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {

const char kAppColumns[] =
    "a.project, a.appid, a.kind, a.display_name, a.open_platform_account, a.component, a.state, "
    "a.state_detail, a.original_id, (extract(epoch FROM a.created_at) * 1000000)::bigint, "
    "a.classic_token, a.js_domains, a.corpid, a.agentid";

const char kAuthorizationColumns[] =
    "z.project, z.appid, z.component, a.state, array_to_string(z.permission_sets, ','), "
    "z.nick_name, z.principal_name, z.service_type, z.verify_type, z.original_id, "
    "(extract(epoch FROM z.authorized_at) * 1000000)::bigint, "
    "(extract(epoch FROM z.revoked_at) * 1000000)::bigint, z.details_known";

App ReadApp(const pqxx::row& row) {
  App app;
  app.project = row[0].as<std::string>();
  app.appid = row[1].as<std::string>();
  app.kind = static_cast<AppKind>(row[2].as<int>());
  app.display_name = row[3].as<std::string>();
  app.open_platform_account = row[4].as<std::string>();
  app.component = row[5].as<std::string>();
  app.state = static_cast<AppState>(row[6].as<int>());
  app.state_detail = row[7].as<std::string>();
  app.original_id = row[8].as<std::string>();
  app.created = FromMicros(row[9]);
  app.classic_token = row[10].as<bool>();
  app.js_domains = absl::StrSplit(row[11].as<std::string>(), ' ', absl::SkipEmpty());
  app.corpid = row[12].as<std::string>();
  app.agentid = row[13].as<int64_t>();
  return app;
}

Authorization ReadAuthorization(const pqxx::row& row) {
  Authorization authorization;
  authorization.project = row[0].as<std::string>();
  authorization.appid = row[1].as<std::string>();
  authorization.component = row[2].as<std::string>();
  authorization.state = static_cast<AppState>(row[3].as<int>());
  for (const absl::string_view part :
       absl::StrSplit(row[4].as<std::string>(), ',', absl::SkipEmpty())) {
    int32_t id = 0;
    if (absl::SimpleAtoi(part, &id)) authorization.permission_sets.push_back(id);
  }
  authorization.nick_name = row[5].as<std::string>();
  authorization.principal_name = row[6].as<std::string>();
  authorization.service_type = row[7].as<int32_t>();
  authorization.verify_type = row[8].as<int32_t>();
  authorization.original_id = row[9].as<std::string>();
  authorization.authorized = FromMicros(row[10]);
  if (!row[11].is_null()) authorization.revoked = FromMicros(row[11]);
  authorization.details_known = row[12].as<bool>();
  return authorization;
}

std::optional<App> FindApp(pqxx::transaction_base& work, const std::string& appid) {
  const pqxx::result rows = work.exec_params(
      absl::StrCat("SELECT ", kAppColumns, " FROM broker.apps a WHERE a.appid = $1"), appid);
  if (rows.empty()) return std::nullopt;
  return ReadApp(rows[0]);
}

std::optional<Authorization> FindAuthorization(pqxx::transaction_base& work,
                                               const std::string& appid) {
  const pqxx::result rows = work.exec_params(
      absl::StrCat("SELECT ", kAuthorizationColumns,
                   " FROM broker.authorizations z JOIN broker.apps a USING (appid) "
                   "WHERE z.appid = $1"),
      appid);
  if (rows.empty()) return std::nullopt;
  return ReadAuthorization(rows[0]);
}

}  // namespace datong::broker
