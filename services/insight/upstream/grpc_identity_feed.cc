#include <utility>

#include "common/status/macros.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "services/insight/upstream/peer_clients.h"

namespace datong::insight {
namespace {

constexpr char kListChanges[] = "/datong.identity.v1.IdentityService/ListChanges";

namespace pb = ::datong::identity::v1;

constexpr int kChangesPerPage = 2000;

IdentityChange FromProto(const pb::Change& change) {
  IdentityChange result;
  result.version = change.version();
  result.identifier = change.identifier();
  result.node = change.node();
  const auto last_part = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
  result.person = last_part(change.person());
  result.person_index = change.person_index();
  result.previous_person = last_part(change.previous_person());
  result.change_time = absl::FromUnixSeconds(change.change_time().seconds()) +
                       absl::Nanoseconds(change.change_time().nanos());
  result.erased = change.kind() == pb::CHANGE_KIND_PERSON_ERASED ||
                  (change.identifier().empty() && change.node() != 0);
  return result;
}

}  // namespace

struct GrpcIdentityFeed::Stub {
  std::unique_ptr<pb::IdentityService::Stub> service;
};

GrpcIdentityFeed::GrpcIdentityFeed(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing)
    : stub_(new Stub{pb::IdentityService::NewStub(std::move(channel))}), outgoing_(outgoing) {
  outgoing_.Expect({kListChanges});
}
GrpcIdentityFeed::~GrpcIdentityFeed() = default;

absl::StatusOr<FeedPage> GrpcIdentityFeed::Read(const Asker& asker, const std::string& project,
                                                const std::string& cursor) {
  pb::ListChangesRequest request;
  request.set_project("projects/" + project);
  request.set_cursor(cursor);
  request.set_page_size(kChangesPerPage);
  absl::StatusOr<pb::ListChangesResponse> response = outgoing_.Call(
      asker.context, kListChanges, *stub_->service,
      &pb::IdentityService::StubInterface::ListChanges, request, {.idempotent = true});
  if (!response.ok()) return response.status();
  FeedPage page;
  for (const pb::Change& change : response->changes()) page.changes.push_back(FromProto(change));
  page.next_cursor = response->next_cursor();
  page.project_number = response->project_number();
  page.graph_version = response->version();
  return page;
}

}  // namespace datong::insight
