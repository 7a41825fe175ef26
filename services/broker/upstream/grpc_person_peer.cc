#include "services/broker/upstream/grpc_person_peer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "datong/identity/v1/decisions.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"

namespace datong::broker {
namespace {

using DecisionStub = identity::v1::DecisionService::StubInterface;
using IdentityStub = identity::v1::IdentityService::StubInterface;

constexpr rpc::CallOptions kIdempotent{.longest = absl::Seconds(10), .idempotent = true};
constexpr int kPage = 1000;

rpc::CallContext Background(Deadline deadline) {
  return rpc::MakeBackgroundCall("broker.logins", deadline);
}

std::string ProjectName(const std::string& id) { return absl::StrCat("projects/", id); }
std::string OpenidOf(const std::string& appid, const std::string& openid) {
  return absl::StrCat("openid:", appid, ":", openid);
}

}  // namespace

struct GrpcPersonPeer::Stub {
  std::unique_ptr<identity::v1::IdentityService::Stub> identity;
  std::unique_ptr<identity::v1::DecisionService::Stub> decisions;
};

GrpcPersonPeer::GrpcPersonPeer(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing)
    : stub_(std::make_unique<Stub>()), outgoing_(outgoing) {
  stub_->identity = identity::v1::IdentityService::NewStub(channel);
  stub_->decisions = identity::v1::DecisionService::NewStub(std::move(channel));
}
GrpcPersonPeer::~GrpcPersonPeer() = default;

absl::StatusOr<std::vector<std::string>> GrpcPersonPeer::FindPersons(
    const std::string& project, const std::vector<std::string>& identifiers, Deadline deadline) {
  identity::v1::ResolveBatchRequest request;
  request.set_project(ProjectName(project));
  for (const std::string& identifier : identifiers) request.add_identifiers(identifier);
  DATONG_ASSIGN_OR_RETURN(
      identity::v1::ResolveBatchResponse response,
      outgoing_.Call(Background(deadline), "/datong.identity.v1.IdentityService/ResolveBatch",
                     *stub_->identity, &IdentityStub::ResolveBatch, request, kIdempotent));
  std::vector<std::string> persons;
  for (const auto& result : response.results()) persons.push_back(result.person());
  return persons;
}

absl::Status GrpcPersonPeer::MigrateOpenids(const std::string& project,
                                            const std::string& old_appid,
                                            const std::string& new_appid,
                                            const std::vector<OpenidMove>& moves, absl::Time when,
                                            Deadline deadline) {
  identity::v1::MigrateOpenidRequest request;
  request.set_project(ProjectName(project));
  for (const OpenidMove& move : moves) {
    auto* pair = request.add_pairs();
    pair->set_old_openid(OpenidOf(old_appid, move.old_openid));
    pair->set_new_openid(OpenidOf(new_appid, move.new_openid));
  }
  request.mutable_migrate_time()->set_seconds(absl::ToUnixSeconds(when));
  return outgoing_
      .Call(Background(deadline), "/datong.identity.v1.DecisionService/MigrateOpenid",
            *stub_->decisions, &DecisionStub::MigrateOpenid, request, kIdempotent)
      .status();
}

absl::StatusOr<GraphChanges> GrpcPersonPeer::ReadChanges(const std::string& project,
                                                         const std::string& cursor,
                                                         Deadline deadline) {
  identity::v1::ListChangesRequest request;
  request.set_project(ProjectName(project));
  request.set_cursor(cursor);
  request.set_page_size(kPage);
  DATONG_ASSIGN_OR_RETURN(
      identity::v1::ListChangesResponse response,
      outgoing_.Call(Background(deadline), "/datong.identity.v1.IdentityService/ListChanges",
                     *stub_->identity, &IdentityStub::ListChanges, request, kIdempotent));
  GraphChanges page;
  page.next_cursor = response.next_cursor();
  page.is_last = response.changes_size() < kPage;
  for (const auto& change : response.changes()) {
    switch (change.kind()) {
      case identity::v1::CHANGE_KIND_IDENTIFIER_LINKED:
      case identity::v1::CHANGE_KIND_IDENTIFIER_MOVED:
        // Erased ones have no node any more.
        if (change.node() != 0) {
          page.changes.push_back({GraphChange::Kind::kMoved, change.node(), change.person()});
        }
        break;
      case identity::v1::CHANGE_KIND_IDENTIFIER_UNLINKED:
        if (change.identifier().empty() && change.node() != 0) {
          page.changes.push_back({GraphChange::Kind::kIdentifierErased, change.node(), ""});
        }
        break;
      case identity::v1::CHANGE_KIND_PERSON_ERASED:
        page.changes.push_back({GraphChange::Kind::kPersonErased, 0, change.person()});
        break;
      default:
        break;
    }
  }
  return page;
}

}  // namespace datong::broker
