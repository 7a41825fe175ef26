#include <utility>

#include "datong/ingest/v1/source.grpc.pb.h"
#include "services/insight/upstream/peer_clients.h"

namespace datong::insight {
namespace {

constexpr char kListSources[] = "/datong.ingest.v1.SourceService/ListSources";

}  // namespace

namespace pb = ::datong::ingest::v1;

struct GrpcSourceDirectory::Stub {
  std::unique_ptr<pb::SourceService::Stub> service;
};

GrpcSourceDirectory::GrpcSourceDirectory(std::shared_ptr<grpc::Channel> channel,
                                         rpc::Outgoing& outgoing)
    : stub_(new Stub{pb::SourceService::NewStub(std::move(channel))}), outgoing_(outgoing) {
  outgoing_.Expect({kListSources});
}
GrpcSourceDirectory::~GrpcSourceDirectory() = default;

absl::StatusOr<ProjectSources> GrpcSourceDirectory::List(const Asker& asker,
                                                         const std::string& project) {
  ProjectSources sources;
  pb::ListSourcesRequest request;
  request.set_project("projects/" + project);
  request.set_page_size(500);
  do {
    absl::StatusOr<pb::ListSourcesResponse> response = outgoing_.Call(
        asker.context, kListSources, *stub_->service,
        &pb::SourceService::StubInterface::ListSources, request, {.idempotent = true});
    if (!response.ok()) return response.status();
    sources.project_number = response->project_number();
    for (const pb::Source& source : response->sources()) {
      sources.sources.push_back({source.number(), source.name(), source.surface()});
    }
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  return sources;
}

}  // namespace datong::insight
