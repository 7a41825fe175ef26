#include <utility>

#include "absl/strings/strip.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "services/insight/upstream/peer_clients.h"

namespace datong::insight {
namespace {

constexpr char kListProjects[] = "/datong.broker.v1.ProjectService/ListProjects";

}  // namespace

namespace pb = ::datong::broker::v1;

struct GrpcProjectDirectory::Stub {
  std::unique_ptr<pb::ProjectService::Stub> service;
};

GrpcProjectDirectory::GrpcProjectDirectory(std::shared_ptr<grpc::Channel> channel,
                                           rpc::Outgoing& outgoing)
    : stub_(new Stub{pb::ProjectService::NewStub(std::move(channel))}), outgoing_(outgoing) {
  outgoing_.Expect({kListProjects});
}
GrpcProjectDirectory::~GrpcProjectDirectory() = default;

absl::StatusOr<std::vector<std::string>> GrpcProjectDirectory::List(const Asker& asker) {
  std::vector<std::string> projects;
  pb::ListProjectsRequest request;
  request.set_page_size(500);
  do {
    absl::StatusOr<pb::ListProjectsResponse> response = outgoing_.Call(
        asker.context, kListProjects, *stub_->service,
        &pb::ProjectService::StubInterface::ListProjects, request, {.idempotent = true});
    if (!response.ok()) return response.status();
    for (const pb::Project& project : response->projects()) {
      projects.emplace_back(absl::StripPrefix(project.name(), "projects/"));
    }
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  return projects;
}

}  // namespace datong::insight
