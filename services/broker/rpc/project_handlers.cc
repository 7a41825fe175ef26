#include "services/broker/rpc/project_handlers.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

// Names are shown to people, so they must be text.
absl::Status CheckDisplayName(const std::string& name) {
  if (name.size() <= 400 && IsUtf8(name)) return absl::OkStatus();
  return BrokerError(absl::StatusCode::kInvalidArgument, "DISPLAY_NAME_INVALID",
                     "display_name must be UTF-8 of at most 100 characters.");
}

Credentials ToCredentials(const v1::AppCredentials& message) {
  Credentials credentials;
  credentials.app_secret = Secret(message.app_secret());
  credentials.callback = {Secret(message.callback_token()), Secret(message.encoding_aes_key())};
  return credentials;
}

absl::Status CheckText(const std::string& value, const char* field) {
  if (value.size() > 512) return CredentialsInvalid(field, "is longer than 512 bytes");
  for (const char c : value) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return CredentialsInvalid(field, "holds blanks or characters that are not ASCII");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCredentials(const v1::AppCredentials& credentials) {
  DATONG_RETURN_IF_ERROR(CheckText(credentials.app_secret(), "app_secret"));
  DATONG_RETURN_IF_ERROR(CheckText(credentials.callback_token(), "callback_token"));
  const std::string& key = credentials.encoding_aes_key();
  if (key.empty()) return absl::OkStatus();
  if (key.size() != 43) return CredentialsInvalid("encoding_aes_key", "must have 43 characters");
  for (const char c : key) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '/') {
      return CredentialsInvalid("encoding_aes_key", "may hold letters and digits only");
    }
  }
  return absl::OkStatus();
}

// It stands in scopes of identifiers.
bool IsCorpid(const std::string& corpid) {
  return corpid.size() <= 64 && std::all_of(corpid.begin(), corpid.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
         });
}

absl::Status CorpidInvalid() {
  return BrokerError(absl::StatusCode::kInvalidArgument, "CORPID_INVALID",
                     "wecom.corpid has at most 64 characters of [A-Za-z0-9_-].");
}

absl::StatusOr<bool> IsClassic(v1::TokenSource source) {
  if (!v1::TokenSource_IsValid(source)) {
    return BrokerError(absl::StatusCode::kInvalidArgument, "TOKEN_SOURCE_INVALID",
                       "token_source is none of the values of TokenSource.");
  }
  return source == v1::TOKEN_SOURCE_CLASSIC;
}

absl::StatusOr<std::vector<std::string>> JsDomainsOf(const v1::App& app) {
  std::vector<std::string> domains;
  for (const std::string& domain : app.js_domains()) {
    const bool is_host =
        !domain.empty() && domain.size() <= 253 && absl::c_all_of(domain, [](unsigned char c) {
          return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == ':';
        });
    if (!is_host || domains.size() == 20) {
      return BrokerError(absl::StatusCode::kInvalidArgument, "JS_DOMAIN_INVALID",
                         absl::StrCat("js_domains takes up to 20 hosts like \"shop.example.cn\", "
                                      "without scheme and path; \"",
                                      IsUtf8(domain) ? domain : "", "\" cannot be one of them."));
    }
    domains.push_back(absl::AsciiStrToLower(domain));
  }
  return domains;
}

absl::StatusOr<App> GetOwned(AppStore& apps, const std::string& name, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(rpc::AppName parsed, rpc::ParseAppName(name));
  absl::StatusOr<App> app = apps.GetApp(parsed.app, deadline);
  // What is in another project does not exist here.
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != parsed.project)) {
    return AppUnknown(name);
  }
  return app;
}

}  // namespace

absl::StatusOr<v1::CreateProjectResponse> ProjectHandlers::CreateProject(
    const rpc::CallContext& call, const v1::CreateProjectRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string id,
                          rpc::ParseProjectName(absl::StrCat("projects/", request.project_id())));
  if (id.size() > 40 || !absl::ascii_islower(static_cast<unsigned char>(id[0]))) {
    return BrokerError(absl::StatusCode::kInvalidArgument, "PROJECT_NAME_INVALID",
                       "project_id must begin with a letter and have at most 40 characters.");
  }
  DATONG_RETURN_IF_ERROR(CheckDisplayName(request.project().display_name()));
  Project project;
  project.id = id;
  project.display_name =
      request.project().display_name().empty() ? id : request.project().display_name();
  DATONG_ASSIGN_OR_RETURN(Project made, apps_.CreateProject(project, call.deadline));
  // So that what belongs to it can be made right after it. Where this fails, its job does it later.
  const Deadline soon = call.deadline.AtMost(absl::Seconds(1));
  if (identity_.RegisterProject(made, soon).ok()) ingest_.RegisterProject(made, soon).IgnoreError();
  v1::CreateProjectResponse response;
  ToProto(made, response.mutable_project());
  return response;
}

absl::StatusOr<v1::GetProjectResponse> ProjectHandlers::GetProject(
    const rpc::CallContext& call, const v1::GetProjectRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string id, rpc::ParseProjectName(request.name()));
  DATONG_ASSIGN_OR_RETURN(Project project, apps_.GetProject(id, call.deadline));
  v1::GetProjectResponse response;
  ToProto(project, response.mutable_project());
  return response;
}

absl::StatusOr<v1::ListProjectsResponse> ProjectHandlers::ListProjects(
    const rpc::CallContext& call, const v1::ListProjectsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(int32_t size, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(std::string after, rpc::ReadPageToken(request.page_token(), "projects"));
  DATONG_ASSIGN_OR_RETURN(std::vector<Project> projects,
                          apps_.ListProjects(after, size + 1, call.deadline));
  v1::ListProjectsResponse response;
  for (const Project& project : projects) {
    if (response.projects_size() == size) {
      response.set_next_page_token(
          rpc::MakePageToken(projects[static_cast<size_t>(size) - 1].id, "projects"));
      break;
    }
    ToProto(project, response.add_projects());
  }
  return response;
}

absl::StatusOr<v1::CreateAppResponse> ProjectHandlers::CreateApp(
    const rpc::CallContext& call, const v1::CreateAppRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(
      rpc::AppName name,
      rpc::ParseAppName(absl::StrCat(request.project(), "/apps/", request.app().appid())));
  const v1::AppKind kind = request.app().kind();
  const bool is_wecom = IsWecom(static_cast<AppKind>(kind));
  if (kind != v1::APP_KIND_OFFICIAL_ACCOUNT && kind != v1::APP_KIND_MINI_PROGRAM &&
      kind != v1::APP_KIND_WEB_APP && kind != v1::APP_KIND_COMPONENT && !is_wecom) {
    return AppKindUnsupported(name.app,
                              "OFFICIAL_ACCOUNT, MINI_PROGRAM, WEB_APP, COMPONENT, WECOM_CORP, "
                              "WECOM_SUITE or WECOM_PROVIDER");
  }
  DATONG_RETURN_IF_ERROR(CheckDisplayName(request.app().display_name()));
  DATONG_RETURN_IF_ERROR(CheckCredentials(request.credentials()));
  if (request.credentials().app_secret().empty()) {
    return CredentialsInvalid("app_secret", "is missing");
  }
  if (kind == v1::APP_KIND_COMPONENT || kind == v1::APP_KIND_WECOM_SUITE) {
    if (request.credentials().callback_token().empty()) {
      return CredentialsInvalid("callback_token", "is missing");
    }
    if (request.credentials().encoding_aes_key().empty()) {
      return CredentialsInvalid("encoding_aes_key", "is missing");
    }
  }
  App app;
  app.project = project;
  app.appid = name.app;
  app.kind = static_cast<AppKind>(kind);
  app.display_name = request.app().display_name();
  app.open_platform_account = request.app().open_platform_account();
  if (is_wecom) {
    app.corpid = request.app().wecom().corpid();
    app.agentid = request.app().wecom().agentid();
    // A suite may be an individual's, without a corp.
    if (app.corpid.empty() && kind != v1::APP_KIND_WECOM_SUITE) {
      app.corpid = app.appid.substr(0, app.appid.find('-'));
    }
    if (!IsCorpid(app.corpid)) return CorpidInvalid();
  }
  DATONG_ASSIGN_OR_RETURN(app.classic_token, IsClassic(request.app().token_source()));
  DATONG_ASSIGN_OR_RETURN(app.js_domains, JsDomainsOf(request.app()));
  if (!audit_.Count(AccessTo(app, "write_credentials", call))) return AuditUnavailable();
  DATONG_ASSIGN_OR_RETURN(
      App made, apps_.CreateApp(app, ToCredentials(request.credentials()), call.deadline));
  v1::CreateAppResponse response;
  ToProto(made, response.mutable_app());
  return response;
}

absl::StatusOr<v1::GetAppResponse> ProjectHandlers::GetApp(const rpc::CallContext& call,
                                                           const v1::GetAppRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, GetOwned(apps_, request.name(), call.deadline));
  v1::GetAppResponse response;
  ToProto(app, response.mutable_app());
  DATONG_ASSIGN_OR_RETURN(std::string mend_url, mend_links_.Url(app, call.deadline));
  response.mutable_app()->set_mend_url(mend_url);
  return response;
}

absl::StatusOr<v1::ListAppsResponse> ProjectHandlers::ListApps(const rpc::CallContext& call,
                                                               const v1::ListAppsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string project, rpc::ParseProjectName(request.project()));
  DATONG_ASSIGN_OR_RETURN(int32_t size, rpc::PageSize(request.page_size()));
  const std::string filter = absl::StrCat("apps/", project);
  DATONG_ASSIGN_OR_RETURN(std::string after, rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(std::vector<App> apps,
                          apps_.ListApps(project, after, size + 1, call.deadline));
  v1::ListAppsResponse response;
  for (const App& app : apps) {
    if (response.apps_size() == size) {
      response.set_next_page_token(
          rpc::MakePageToken(apps[static_cast<size_t>(size) - 1].appid, filter));
      break;
    }
    ToProto(app, response.add_apps());
  }
  return response;
}

absl::StatusOr<v1::UpdateAppResponse> ProjectHandlers::UpdateApp(
    const rpc::CallContext& call, const v1::UpdateAppRequest& request) {
  DATONG_ASSIGN_OR_RETURN(App app, GetOwned(apps_, request.name(), call.deadline));
  AppChange change;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") {
      DATONG_RETURN_IF_ERROR(CheckDisplayName(request.app().display_name()));
      change.display_name = request.app().display_name();
    } else if (path == "open_platform_account") {
      change.open_platform_account = request.app().open_platform_account();
    } else if (path == "token_source") {
      DATONG_ASSIGN_OR_RETURN(change.classic_token, IsClassic(request.app().token_source()));
    } else if (path == "js_domains") {
      DATONG_ASSIGN_OR_RETURN(change.js_domains, JsDomainsOf(request.app()));
    } else {
      return BrokerError(absl::StatusCode::kInvalidArgument, "UPDATE_MASK_INVALID",
                         absl::StrCat("\"", path,
                                      "\" cannot be changed; the mask takes display_name, "
                                      "open_platform_account, token_source and js_domains."),
                         {{"path", path}});
    }
  }
  if (request.has_credentials()) {
    DATONG_RETURN_IF_ERROR(CheckCredentials(request.credentials()));
    change.credentials = ToCredentials(request.credentials());
    if (!audit_.Count(AccessTo(app, "write_credentials", call))) return AuditUnavailable();
  }
  if (request.update_mask().paths().empty() && !change.credentials) {
    return BrokerError(absl::StatusCode::kInvalidArgument, "UPDATE_MASK_INVALID",
                       "Name what to change in update_mask, or give credentials.");
  }
  DATONG_ASSIGN_OR_RETURN(App updated, apps_.UpdateApp(app.appid, change, call.deadline));
  v1::UpdateAppResponse response;
  ToProto(updated, response.mutable_app());
  return response;
}

}  // namespace datong::broker
