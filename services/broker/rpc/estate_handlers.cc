#include "services/broker/rpc/estate_handlers.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

constexpr int kMostImported = 100;

absl::Status ImportInvalid(absl::string_view problem) {
  return BrokerError(absl::StatusCode::kInvalidArgument, "IMPORT_INVALID",
                     absl::StrCat("authorizations ", problem, "."));
}

}  // namespace

absl::StatusOr<App> EstateHandlers::GetComponent(const rpc::CallContext& call,
                                                 const std::string& name) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  absl::StatusOr<App> app = apps_.GetApp(parsed.app, call.deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != parsed.project)) {
    return AppUnknown(name);
  }
  return app;
}

absl::StatusOr<v1::ImportAuthorizationsResponse> EstateHandlers::ImportAuthorizations(
    const rpc::CallContext& call, const v1::ImportAuthorizationsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App component, GetComponent(call, request.component()));
  if (request.authorizations().empty()) return ImportInvalid("names no account");
  if (request.authorizations_size() > kMostImported) {
    return ImportInvalid(absl::StrCat("holds more than ", kMostImported, " accounts"));
  }
  std::vector<Estate::Account> accounts;
  std::set<std::string> seen;
  for (const v1::ImportedAuthorization& one : request.authorizations()) {
    DATONG_RETURN_IF_ERROR(rpc::ParseAppName(AppName(component.project, one.appid())).status());
    if (!seen.insert(one.appid()).second) {
      return ImportInvalid(absl::StrCat("names \"", one.appid(), "\" twice"));
    }
    if (one.refresh_token().size() > 4096) return ImportInvalid("holds a refresh_token too long");
    accounts.push_back({one.appid(), Secret(one.refresh_token())});
  }
  for (const Estate::Account& account : accounts) {
    Access access = AccessBy(call);
    access.project = component.project;
    access.appid = account.appid;
    access.action = "write_credentials";
    if (!audit_.Count(access)) return AuditUnavailable();
  }
  DATONG_ASSIGN_OR_RETURN(std::vector<ImportedAccount> results,
                          component.kind == AppKind::kWecomSuite
                              ? installer_.Import(component, accounts, call.deadline)
                              : estate_.Import(component, accounts, call.deadline));
  v1::ImportAuthorizationsResponse response;
  for (const ImportedAccount& result : results) {
    v1::ImportResult* message = response.add_results();
    message->set_app(AppName(component.project, result.appid));
    message->set_outcome(static_cast<v1::ImportOutcome>(result.outcome));
    if (result.outcome != ImportOutcome::kRefused) continue;
    const std::string reason = GetReason(result.refusal);
    message->set_reason(
        reason.empty() ? std::string(absl::StatusCodeToString(result.refusal.code())) : reason);
    message->set_detail(std::string(result.refusal.message()));
  }
  return response;
}

absl::StatusOr<v1::ReconcileAuthorizationsResponse> EstateHandlers::ReconcileAuthorizations(
    const rpc::CallContext& call, const v1::ReconcileAuthorizationsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App component, GetComponent(call, request.component()));
  DATONG_ASSIGN_OR_RETURN(ReconcileReport report,
                          estate_.Reconcile(component, request.take_all(), call.deadline));
  v1::ReconcileAuthorizationsResponse response;
  response.set_listed(report.listed);
  for (const std::string& appid : report.adopted) {
    response.add_adopted(AppName(component.project, appid));
  }
  for (const std::string& appid : report.lost) {
    response.add_lost(AppName(component.project, appid));
  }
  for (const std::string& appid : report.mended) {
    response.add_mended(AppName(component.project, appid));
  }
  for (const NotTaken& one : report.not_taken) {
    v1::NotTaken* message = response.add_not_taken();
    message->set_appid(one.appid);
    message->set_reason(one.reason);
  }
  SetTime(report.when, response.mutable_reconcile_time());
  return response;
}

}  // namespace datong::broker
