#include "services/gateway/upstream/grpc_wecom_links.h"

#include <utility>

#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/broker/v1/wecom.grpc.pb.h"
#include "services/gateway/upstream/call_context.h"

namespace datong::gateway {
namespace {

using broker::v1::WecomService;

constexpr char kGetLink[] = "/datong.broker.v1.WecomService/GetInstallLink";
constexpr char kBegin[] = "/datong.broker.v1.WecomService/BeginInstall";
constexpr char kComplete[] = "/datong.broker.v1.WecomService/CompleteInstall";
// The handlers set shorter deadlines in the call's context.
constexpr absl::Duration kLongest = absl::Minutes(1);

// The last part of a resource name.
std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

absl::Status NotConnected() { return absl::UnavailableError("The gateway is starting."); }

}  // namespace

struct GrpcWecomLinks::Stub {
  Stub(const std::shared_ptr<grpc::Channel>& channel, metrics::Registry& registry)
      : outgoing(registry), wecom(WecomService::NewStub(channel)) {
    outgoing.Expect({kGetLink, kBegin, kComplete});
  }
  rpc::Outgoing outgoing;
  std::unique_ptr<WecomService::Stub> wecom;
};

GrpcWecomLinks::GrpcWecomLinks(metrics::Registry& registry) : registry_(registry) {}
GrpcWecomLinks::~GrpcWecomLinks() = default;

void GrpcWecomLinks::Connect(std::shared_ptr<grpc::Channel> channel) {
  auto stub = std::make_shared<Stub>(channel, registry_);
  MutexLock lock(&mutex_);
  stub_ = std::move(stub);
}

std::shared_ptr<GrpcWecomLinks::Stub> GrpcWecomLinks::stub() {
  MutexLock lock(&mutex_);
  return stub_;
}

absl::StatusOr<LaunchLink> GrpcWecomLinks::GetLink(const Call& call, absl::string_view link) {
  const std::shared_ptr<Stub> held = stub();
  if (held == nullptr) return NotConnected();
  broker::v1::GetInstallLinkRequest request;
  request.set_link(std::string(link));
  DATONG_ASSIGN_OR_RETURN(const broker::v1::GetInstallLinkResponse response,
                          held->outgoing.Call(ToContext(call), kGetLink, *held->wecom,
                                              &WecomService::Stub::GetInstallLink, request,
                                              {.longest = kLongest, .idempotent = true}));
  LaunchLink found;
  found.id = std::string(link);
  found.url = response.link().url();
  found.component_name = response.link().suite_display_name();
  found.kinds = AccountKinds::kWecomCorps;
  if (response.link().has_expire_time()) {
    found.expire_time = absl::FromUnixSeconds(response.link().expire_time().seconds());
  }
  found.is_expired = response.expired();
  found.connected_appid = LastPart(response.link().app());
  return found;
}

absl::StatusOr<std::string> GrpcWecomLinks::Begin(const Call& call, absl::string_view link, bool) {
  const std::shared_ptr<Stub> held = stub();
  if (held == nullptr) return NotConnected();
  broker::v1::BeginInstallRequest request;
  request.set_link(std::string(link));
  DATONG_ASSIGN_OR_RETURN(
      const broker::v1::BeginInstallResponse response,
      held->outgoing.Call(ToContext(call), kBegin, *held->wecom, &WecomService::Stub::BeginInstall,
                          request, {.longest = kLongest}));
  return response.install_url();
}

absl::StatusOr<ConnectedAccount> GrpcWecomLinks::Complete(const Call& call, absl::string_view link,
                                                          absl::string_view auth_code, int) {
  const std::shared_ptr<Stub> held = stub();
  if (held == nullptr) return NotConnected();
  broker::v1::CompleteInstallRequest request;
  request.set_link(std::string(link));
  request.set_auth_code(std::string(auth_code));
  DATONG_ASSIGN_OR_RETURN(const broker::v1::CompleteInstallResponse response,
                          held->outgoing.Call(ToContext(call), kComplete, *held->wecom,
                                              &WecomService::Stub::CompleteInstall, request,
                                              {.longest = kLongest, .idempotent = true}));
  const broker::v1::Corp& corp = response.corp();
  return ConnectedAccount{corp.corpid(), corp.corp_name(), corp.corp_full_name(), 0};
}

}  // namespace datong::gateway
