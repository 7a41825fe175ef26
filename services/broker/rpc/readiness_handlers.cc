#include "services/broker/rpc/readiness_handlers.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

constexpr int kMostApps = 500;

absl::Status TooManyApps() {
  return BrokerError(
      absl::StatusCode::kInvalidArgument, "TOO_MANY_APPS",
      absl::StrCat("At most ", kMostApps, " apps are checked at once; name some in ", "apps."));
}

void ToProto(const LocalizedText& text, v1::LocalizedText* message) {
  message->set_zh(text.zh);
  message->set_en(text.en);
}

void ToProto(const ReadinessCheck& check, v1::ReadinessCheck* message) {
  message->set_topic(static_cast<v1::ReadinessTopic>(check.topic));
  message->set_result(static_cast<v1::ReadinessResult>(check.result));
  if (!check.subject.zh.empty()) ToProto(check.subject, message->mutable_subject());
  ToProto(check.reason, message->mutable_reason());
  if (!check.next_step.zh.empty()) ToProto(check.next_step, message->mutable_next_step());
}

}  // namespace

absl::StatusOr<v1::CheckReadinessResponse> ReadinessHandlers::CheckReadiness(
    const rpc::CallContext& call, const v1::CheckReadinessRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  std::vector<App> apps;
  if (request.apps().empty()) {
    DATONG_RETURN_IF_ERROR(apps_.GetProject(project, call.deadline).status());
    DATONG_ASSIGN_OR_RETURN(apps, apps_.ListApps(project, "", kMostApps + 1, call.deadline));
  }
  std::set<std::string> names(request.apps().begin(), request.apps().end());
  if (names.size() > kMostApps || apps.size() > kMostApps) return TooManyApps();
  for (const std::string& name : names) {
    DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
    absl::StatusOr<App> app = apps_.GetApp(parsed.app, call.deadline);
    // What is in another project does not exist here.
    if (absl::IsNotFound(app.status()) || parsed.project != project ||
        (app.ok() && app->project != project)) {
      return AppUnknown(name);
    }
    if (!app.ok()) return app.status();
    apps.push_back(*app);
  }
  DATONG_ASSIGN_OR_RETURN(ReadinessReport report, readiness_.Check(project, apps, call.deadline));

  v1::CheckReadinessResponse response;
  int32_t counts[4] = {0, 0, 0, 0};
  for (const AppReadiness& one : report.apps) {
    v1::AppReadiness* app = response.add_apps();
    app->set_app(one.app.name());
    app->set_display_name(one.app.display_name);
    app->set_kind(static_cast<v1::AppKind>(one.app.kind));
    app->set_state(static_cast<v1::AppState>(one.app.state));
    app->set_mend_url(one.mend_url);
    bool failed = false;
    bool unknown = false;
    for (const ReadinessCheck& check : one.checks) {
      ToProto(check, app->add_checks());
      ++counts[static_cast<size_t>(check.result)];
      failed = failed || check.result == ReadinessResult::kFail;
      unknown = unknown || check.result == ReadinessResult::kUnknown;
    }
    app->set_result(failed    ? v1::READINESS_RESULT_FAIL
                    : unknown ? v1::READINESS_RESULT_UNKNOWN
                              : v1::READINESS_RESULT_PASS);
  }
  for (const ReadinessCheck& check : report.shared) {
    ToProto(check, response.add_shared_checks());
    ++counts[static_cast<size_t>(check.result)];
  }
  response.set_passed(counts[1]);
  response.set_failed(counts[2]);
  response.set_unknown(counts[3]);
  response.set_ready(counts[2] == 0);
  SetTime(report.when, response.mutable_check_time());
  return response;
}

}  // namespace datong::broker
