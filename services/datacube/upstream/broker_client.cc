#include "services/datacube/upstream/broker_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/macros.h"

namespace datong::datacube {
namespace {

constexpr char kCallApi[] = "/datong.broker.v1.ApiService/CallApi";
constexpr char kListProjects[] = "/datong.broker.v1.ProjectService/ListProjects";
constexpr char kListAccountChanges[] = "/datong.broker.v1.AuthorizationService/ListAccountChanges";

constexpr char kWork[] = "datacube.sync";
constexpr absl::Duration kLongestCall = absl::Seconds(30);

std::string KindOf(broker::v1::AppKind kind) {
  switch (kind) {
    case broker::v1::APP_KIND_OFFICIAL_ACCOUNT:
      return std::string(kOfficialAccount);
    case broker::v1::APP_KIND_MINI_PROGRAM:
      return "mini_program";
    case broker::v1::APP_KIND_WEB_APP:
      return "web_app";
    case broker::v1::APP_KIND_COMPONENT:
      return "component";
    case broker::v1::APP_KIND_WECOM_CORP:
      return "wecom_corp";
    case broker::v1::APP_KIND_WECOM_SUITE:
      return "wecom_suite";
    default:
      return "";
  }
}

AccountUpdate UpdateFrom(const broker::v1::AccountChange& change) {
  AccountUpdate update;
  update.appid = change.app().appid();
  update.kind = KindOf(change.app().kind());
  update.connected = change.app().state() == broker::v1::APP_STATE_ACTIVE;
  if (!update.connected) update.detail = change.app().state_detail();
  if (change.authorization().has_authorize_time()) {
    const google::protobuf::Timestamp& time = change.authorization().authorize_time();
    // In whole microseconds, as it is kept.
    update.authorize_time = absl::FromUnixMicros(time.seconds() * 1'000'000 + time.nanos() / 1000);
  }
  return update;
}

}  // namespace

BrokerClient::BrokerClient(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing)
    : outgoing_(outgoing),
      projects_(broker::v1::ProjectService::NewStub(channel)),
      authorizations_(broker::v1::AuthorizationService::NewStub(channel)),
      api_(broker::v1::ApiService::NewStub(channel)) {
  outgoing_.Expect({kCallApi, kListProjects, kListAccountChanges});
}

absl::StatusOr<std::string> BrokerClient::Call(const AppKey& app, const std::string& path,
                                               const std::map<std::string, std::string>& query,
                                               const std::string& body, Deadline deadline) {
  broker::v1::CallApiRequest request;
  request.set_app(absl::StrCat("projects/", app.project, "/apps/", app.appid));
  request.set_path(path);
  for (const auto& [name, value] : query) (*request.mutable_query())[name] = value;
  request.set_json(body);
  request.set_repeatable(true);
  DATONG_ASSIGN_OR_RETURN(broker::v1::CallApiResponse response,
                          outgoing_.Call(rpc::MakeBackgroundCall(kWork, deadline), kCallApi, *api_,
                                         &broker::v1::ApiService::StubInterface::CallApi, request,
                                         {.longest = kLongestCall, .idempotent = true}));
  return std::move(*response.mutable_json());
}

absl::StatusOr<std::vector<std::string>> BrokerClient::ListProjects(Deadline deadline) {
  std::vector<std::string> projects;
  broker::v1::ListProjectsRequest request;
  request.set_page_size(500);
  while (true) {
    DATONG_ASSIGN_OR_RETURN(
        const broker::v1::ListProjectsResponse page,
        outgoing_.Call(rpc::MakeBackgroundCall(kWork, deadline), kListProjects, *projects_,
                       &broker::v1::ProjectService::StubInterface::ListProjects, request,
                       {.idempotent = true}));
    for (const broker::v1::Project& project : page.projects()) {
      projects.emplace_back(absl::StripPrefix(project.name(), "projects/"));
    }
    if (page.next_page_token().empty()) return projects;
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<AccountFeed::Page> BrokerClient::Read(const std::string& project,
                                                     const std::string& cursor, Deadline deadline) {
  broker::v1::ListAccountChangesRequest request;
  request.set_project(absl::StrCat("projects/", project));
  request.set_page_size(100);
  request.set_page_token(cursor);
  DATONG_ASSIGN_OR_RETURN(
      const broker::v1::ListAccountChangesResponse response,
      outgoing_.Call(rpc::MakeBackgroundCall(kWork, deadline), kListAccountChanges,
                     *authorizations_,
                     &broker::v1::AuthorizationService::StubInterface::ListAccountChanges, request,
                     {.idempotent = true}));
  Page page;
  for (const broker::v1::AccountChange& change : response.changes()) {
    page.updates.push_back(UpdateFrom(change));
  }
  page.cursor = response.next_page_token();
  page.caught_up = response.caught_up() || response.changes().empty();
  return page;
}

}  // namespace datong::datacube
