#include "services/gateway/upstream/grpc_broker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/push.grpc.pb.h"
#include "services/gateway/upstream/call_context.h"

namespace datong::gateway {
namespace {

using broker::v1::AuthorizationService;
using broker::v1::PushService;

constexpr char kReceivePush[] = "/datong.broker.v1.PushService/ReceivePush";
constexpr char kGetLink[] = "/datong.broker.v1.AuthorizationService/GetAuthorizationLink";
constexpr char kBegin[] = "/datong.broker.v1.AuthorizationService/BeginAuthorization";
constexpr char kComplete[] = "/datong.broker.v1.AuthorizationService/CompleteAuthorization";
// The handlers set shorter deadlines in the call's context.
constexpr absl::Duration kLongest = absl::Minutes(1);

AccountKinds ToKinds(broker::v1::AuthorizationType type) {
  switch (type) {
    case broker::v1::AUTHORIZATION_TYPE_OFFICIAL_ACCOUNT:
      return AccountKinds::kOfficialAccounts;
    case broker::v1::AUTHORIZATION_TYPE_MINI_PROGRAM:
      return AccountKinds::kMiniPrograms;
    default:
      return AccountKinds::kBoth;
  }
}

// The last part of a resource name.
std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

absl::Status NotConnected() { return absl::UnavailableError("The gateway is starting."); }

}  // namespace

struct GrpcBroker::Stubs {
  Stubs(const std::shared_ptr<grpc::Channel>& channel, metrics::Registry& registry)
      : outgoing(registry),
        push(PushService::NewStub(channel)),
        authorization(AuthorizationService::NewStub(channel)) {
    outgoing.Expect({kReceivePush, kGetLink, kBegin, kComplete});
  }
  rpc::Outgoing outgoing;
  std::unique_ptr<PushService::Stub> push;
  std::unique_ptr<AuthorizationService::Stub> authorization;
};

GrpcBroker::GrpcBroker(metrics::Registry& registry) : registry_(registry) {}
GrpcBroker::~GrpcBroker() = default;

void GrpcBroker::Connect(std::shared_ptr<grpc::Channel> channel) {
  auto stubs = std::make_shared<Stubs>(channel, registry_);
  MutexLock lock(&mutex_);
  stubs_ = std::move(stubs);
}

std::shared_ptr<GrpcBroker::Stubs> GrpcBroker::stubs() {
  MutexLock lock(&mutex_);
  return stubs_;
}

absl::StatusOr<PushAnswer> GrpcBroker::ReceivePush(const Call& call, const Push& push) {
  const std::shared_ptr<Stubs> held = stubs();
  if (held == nullptr) return NotConnected();
  broker::v1::ReceivePushRequest request;
  request.set_method(push.method);
  request.set_path(push.path);
  request.set_query(push.query);
  request.set_content_type(push.content_type);
  request.set_body(push.body);
  request.set_peer(push.peer);
  DATONG_ASSIGN_OR_RETURN(broker::v1::ReceivePushResponse response,
                          held->outgoing.Call(ToContext(call), kReceivePush, *held->push,
                                              &PushService::Stub::ReceivePush, request,
                                              {.longest = kLongest, .idempotent = true}));
  return PushAnswer{std::move(*response.mutable_body()), response.content_type()};
}

absl::StatusOr<LaunchLink> GrpcBroker::GetLink(const Call& call, absl::string_view link) {
  const std::shared_ptr<Stubs> held = stubs();
  if (held == nullptr) return NotConnected();
  broker::v1::GetAuthorizationLinkRequest request;
  request.set_link(std::string(link));
  DATONG_ASSIGN_OR_RETURN(const broker::v1::GetAuthorizationLinkResponse response,
                          held->outgoing.Call(ToContext(call), kGetLink, *held->authorization,
                                              &AuthorizationService::Stub::GetAuthorizationLink,
                                              request, {.longest = kLongest, .idempotent = true}));
  LaunchLink found;
  found.id = std::string(link);
  found.url = response.link().url();
  found.component_name = response.link().component_display_name();
  found.kinds = ToKinds(response.link().type());
  found.biz_appid = response.link().biz_appid();
  if (response.link().has_expire_time()) {
    found.expire_time = absl::FromUnixSeconds(response.link().expire_time().seconds());
  }
  found.is_expired = response.expired();
  found.connected_appid = LastPart(response.link().app());
  return found;
}

absl::StatusOr<std::string> GrpcBroker::Begin(const Call& call, absl::string_view link,
                                              bool on_phone) {
  const std::shared_ptr<Stubs> held = stubs();
  if (held == nullptr) return NotConnected();
  broker::v1::BeginAuthorizationRequest request;
  request.set_link(std::string(link));
  request.set_device(on_phone ? broker::v1::AUTHORIZATION_DEVICE_MOBILE
                              : broker::v1::AUTHORIZATION_DEVICE_PC);
  DATONG_ASSIGN_OR_RETURN(const broker::v1::BeginAuthorizationResponse response,
                          held->outgoing.Call(ToContext(call), kBegin, *held->authorization,
                                              &AuthorizationService::Stub::BeginAuthorization,
                                              request, {.longest = kLongest}));
  return response.authorization_url();
}

absl::StatusOr<ConnectedAccount> GrpcBroker::Complete(const Call& call, absl::string_view link,
                                                      absl::string_view auth_code, int expires_in) {
  const std::shared_ptr<Stubs> held = stubs();
  if (held == nullptr) return NotConnected();
  broker::v1::CompleteAuthorizationRequest request;
  request.set_link(std::string(link));
  request.set_auth_code(std::string(auth_code));
  request.set_expires_in(expires_in);
  DATONG_ASSIGN_OR_RETURN(const broker::v1::CompleteAuthorizationResponse response,
                          held->outgoing.Call(ToContext(call), kComplete, *held->authorization,
                                              &AuthorizationService::Stub::CompleteAuthorization,
                                              request, {.longest = kLongest, .idempotent = true}));
  const broker::v1::Authorization& authorization = response.authorization();
  return ConnectedAccount{LastPart(authorization.app()), authorization.nick_name(),
                          authorization.principal_name(), authorization.permission_sets_size()};
}

}  // namespace datong::gateway
