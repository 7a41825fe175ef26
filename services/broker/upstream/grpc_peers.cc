#include "services/broker/upstream/grpc_peers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "datong/identity/v1/decisions.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/relation.grpc.pb.h"
#include "datong/ingest/v1/event.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"

namespace datong::broker {
namespace {

constexpr char kRegisterInIdentity[] = "/datong.identity.v1.IdentityService/RegisterProject";
constexpr char kBindApp[] = "/datong.identity.v1.IdentityService/BindApp";
constexpr char kLinkBatch[] = "/datong.identity.v1.IdentityService/LinkBatch";
constexpr char kLink[] = "/datong.identity.v1.IdentityService/Link";
constexpr char kEraseCorp[] = "/datong.identity.v1.DecisionService/CancelCorpAuthorization";
constexpr char kRevokeAuthorization[] = "/datong.identity.v1.DecisionService/RevokeAuthorization";
constexpr char kRecordRelations[] = "/datong.identity.v1.RelationService/RecordRelations";
constexpr char kRegisterInIngest[] = "/datong.ingest.v1.SourceService/RegisterProject";
constexpr char kEnsurePushSource[] = "/datong.ingest.v1.SourceService/EnsurePushSource";
constexpr char kAppendEvents[] = "/datong.ingest.v1.EventService/AppendEvents";

using IdentityStub = identity::v1::IdentityService::StubInterface;
using DecisionStub = identity::v1::DecisionService::StubInterface;
using RelationStub = identity::v1::RelationService::StubInterface;
using SourceStub = ingest::v1::SourceService::StubInterface;
using EventStub = ingest::v1::EventService::StubInterface;

constexpr rpc::CallOptions kIdempotent{.longest = absl::Seconds(10), .idempotent = true};

rpc::CallContext Background(Deadline deadline) {
  return rpc::MakeBackgroundCall("broker.worker", deadline);
}

std::string ProjectName(const std::string& id) { return absl::StrCat("projects/", id); }

template <typename Timestamp>
void SetTime(absl::Time time, Timestamp* timestamp) {
  const int64_t micros = absl::ToUnixMicros(time);
  timestamp->set_seconds(micros / 1'000'000);
  timestamp->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
}

void Fill(const Evidence& evidence, identity::v1::Evidence* message) {
  message->set_kind(evidence.kind);
  if (!evidence.openid.empty()) {
    message->add_ids(absl::StrCat("openid:", evidence.appid, ":", evidence.openid));
  }
  if (!evidence.unionid.empty()) {
    // identity knows to which Open Platform account the app is bound.
    message->add_ids(absl::StrCat("unionid:@", evidence.appid, ":", evidence.unionid));
  }
  SetTime(evidence.observed, message->mutable_observed_time());
  message->set_appid(evidence.appid);
  message->set_request_id(evidence.request_id);
  message->set_obtained_by("broker");
  for (const std::string& id : evidence.other_ids) message->add_ids(id);
  message->set_snapshot(evidence.snapshot);
  message->set_watermark(static_cast<identity::v1::Watermark>(evidence.watermark));
}

}  // namespace

struct GrpcIdentityPeer::Stub {
  std::unique_ptr<identity::v1::IdentityService::Stub> identity;
  std::unique_ptr<identity::v1::DecisionService::Stub> decisions;
  std::unique_ptr<identity::v1::RelationService::Stub> relations;
};

GrpcIdentityPeer::GrpcIdentityPeer(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing)
    : stub_(std::make_unique<Stub>()), outgoing_(outgoing) {
  stub_->identity = identity::v1::IdentityService::NewStub(channel);
  stub_->decisions = identity::v1::DecisionService::NewStub(channel);
  stub_->relations = identity::v1::RelationService::NewStub(std::move(channel));
  outgoing_.Expect({kRegisterInIdentity, kBindApp, kLinkBatch, kLink, kEraseCorp,
                    kRevokeAuthorization, kRecordRelations});
}
GrpcIdentityPeer::~GrpcIdentityPeer() = default;

absl::Status GrpcIdentityPeer::RegisterProject(const Project& project, Deadline deadline) {
  identity::v1::RegisterProjectRequest request;
  request.set_project(project.name());
  request.set_number(project.number);
  return outgoing_
      .Call(Background(deadline), kRegisterInIdentity, *stub_->identity,
            &IdentityStub::RegisterProject, request, kIdempotent)
      .status();
}

absl::Status GrpcIdentityPeer::BindApp(const App& app, Deadline deadline) {
  identity::v1::BindAppRequest request;
  request.set_project(ProjectName(app.project));
  request.set_appid(app.appid);
  request.set_open_platform_account(app.open_platform_account);
  return outgoing_
      .Call(Background(deadline), kBindApp, *stub_->identity, &IdentityStub::BindApp, request,
            kIdempotent)
      .status();
}

absl::Status GrpcIdentityPeer::Link(const std::string& project,
                                    const std::vector<Evidence>& evidence, Deadline deadline) {
  identity::v1::LinkBatchRequest request;
  request.set_project(ProjectName(project));
  for (const Evidence& one : evidence) Fill(one, request.add_evidence());
  DATONG_ASSIGN_OR_RETURN(identity::v1::LinkBatchResponse response,
                          outgoing_.Call(Background(deadline), kLinkBatch, *stub_->identity,
                                         &IdentityStub::LinkBatch, request, kIdempotent));
  for (const auto& rejected : response.rejected()) {
    LogWarn("identity can never store this evidence", {{"reason", rejected.reason()}});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> GrpcIdentityPeer::LinkOne(const std::string& project,
                                                      const Evidence& evidence, Deadline deadline) {
  identity::v1::LinkRequest request;
  request.set_project(ProjectName(project));
  Fill(evidence, request.mutable_evidence());
  DATONG_ASSIGN_OR_RETURN(identity::v1::LinkResponse response,
                          outgoing_.Call(Background(deadline), kLink, *stub_->identity,
                                         &IdentityStub::Link, request, kIdempotent));
  // A refused link leaves two persons: the one who holds the openid is who logged in.
  const std::string openid = evidence.openid.empty() && !evidence.other_ids.empty()
                                 ? evidence.other_ids[0]
                                 : absl::StrCat("openid:", evidence.appid, ":", evidence.openid);
  for (const auto& person : response.persons()) {
    for (const auto& identifier : person.identifiers()) {
      if (identifier.identifier() == openid) return person.name();
    }
  }
  return response.persons().empty() ? std::string() : response.persons(0).name();
}

absl::Status GrpcIdentityPeer::RecordRelations(const std::string& project,
                                               const std::vector<Relation>& relations,
                                               Deadline deadline) {
  identity::v1::RecordRelationsRequest request;
  request.set_project(ProjectName(project));
  for (const Relation& relation : relations) {
    identity::v1::Relation* message = request.add_relations();
    message->set_identifier(relation.identifier);
    message->set_kind(static_cast<identity::v1::RelationKind>(relation.kind));
    message->set_state(static_cast<identity::v1::RelationState>(relation.state));
    message->set_with(relation.with);
    SetTime(relation.since, message->mutable_since_time());
  }
  DATONG_ASSIGN_OR_RETURN(identity::v1::RecordRelationsResponse response,
                          outgoing_.Call(Background(deadline), kRecordRelations, *stub_->relations,
                                         &RelationStub::RecordRelations, request, kIdempotent));
  for (const auto& rejected : response.rejected()) {
    LogWarn("identity can never store this relation", {{"reason", rejected.reason()}});
  }
  return absl::OkStatus();
}

absl::Status GrpcIdentityPeer::Withdraw(const std::string& project, const Withdrawal& withdrawal,
                                        Deadline deadline) {
  identity::v1::RevokeAuthorizationRequest request;
  request.set_project(ProjectName(project));
  request.set_identifier(withdrawal.identifier);
  for (const std::string& info : withdrawal.infos) request.add_infos(info);
  request.set_deregistered(withdrawal.deregistered);
  SetTime(withdrawal.when, request.mutable_revoke_time());
  return outgoing_
      .Call(Background(deadline), kRevokeAuthorization, *stub_->decisions,
            &DecisionStub::RevokeAuthorization, request, kIdempotent)
      .status();
}

absl::Status GrpcIdentityPeer::EraseCorp(const std::string& project, const std::string& corpid,
                                         const std::string& provider, absl::Time when,
                                         Deadline deadline) {
  identity::v1::CancelCorpAuthorizationRequest request;
  request.set_project(ProjectName(project));
  request.set_corp(corpid);
  request.set_provider(provider);
  SetTime(when, request.mutable_cancel_time());
  return outgoing_
      .Call(Background(deadline), kEraseCorp, *stub_->decisions,
            &DecisionStub::CancelCorpAuthorization, request, kIdempotent)
      .status();
}

struct GrpcIngestPeer::Stub {
  std::unique_ptr<ingest::v1::SourceService::Stub> sources;
  std::unique_ptr<ingest::v1::EventService::Stub> events;
};

GrpcIngestPeer::GrpcIngestPeer(std::shared_ptr<grpc::Channel> channel, rpc::Outgoing& outgoing)
    : stub_(std::make_unique<Stub>()), outgoing_(outgoing) {
  stub_->sources = ingest::v1::SourceService::NewStub(channel);
  stub_->events = ingest::v1::EventService::NewStub(std::move(channel));
  outgoing_.Expect({kRegisterInIngest, kEnsurePushSource, kAppendEvents});
}
GrpcIngestPeer::~GrpcIngestPeer() = default;

absl::Status GrpcIngestPeer::RegisterProject(const Project& project, Deadline deadline) {
  ingest::v1::RegisterProjectRequest request;
  request.set_project(project.name());
  request.set_number(project.number);
  return outgoing_
      .Call(Background(deadline), kRegisterInIngest, *stub_->sources, &SourceStub::RegisterProject,
            request, kIdempotent)
      .status();
}

absl::StatusOr<std::string> GrpcIngestPeer::EnsurePushSource(const App& app, Deadline deadline) {
  ingest::v1::EnsurePushSourceRequest request;
  request.set_project(ProjectName(app.project));
  request.set_app(app.appid);
  request.set_display_name(app.display_name);
  DATONG_ASSIGN_OR_RETURN(ingest::v1::EnsurePushSourceResponse response,
                          outgoing_.Call(Background(deadline), kEnsurePushSource, *stub_->sources,
                                         &SourceStub::EnsurePushSource, request, kIdempotent));
  return response.source().name();
}

absl::Status GrpcIngestPeer::AppendEvents(const std::string& source,
                                          const std::vector<PushEvent>& events, Deadline deadline) {
  ingest::v1::AppendEventsRequest request;
  request.set_source(source);
  for (const PushEvent& event : events) {
    ingest::v1::Event* message = request.add_events();
    message->set_event_id(event.event_id);
    SetTime(event.event_time, message->mutable_event_time());
    message->set_type(ingest::v1::EVENT_TYPE_PLATFORM_PUSH);
    message->set_event_name(event.name);
    message->set_identifier(event.identifier);
    for (const auto& [name, value] : event.attributes) {
      (*message->mutable_attributes())[name] = value;
    }
  }
  DATONG_ASSIGN_OR_RETURN(ingest::v1::AppendEventsResponse response,
                          outgoing_.Call(Background(deadline), kAppendEvents, *stub_->events,
                                         &EventStub::AppendEvents, request, kIdempotent));
  for (const auto& result : response.results()) {
    if (result.code() == ingest::v1::EVENT_RESULT_CODE_REFUSED) {
      LogWarn("ingest refuses a push", {{"source", source}, {"reason", result.reason()}});
    }
  }
  return absl::OkStatus();
}

}  // namespace datong::broker
