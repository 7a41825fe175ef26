#include "services/datacube/upstream/identity_client.h"

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/macros.h"

namespace datong::datacube {
namespace {

constexpr char kLinkBatch[] = "/datong.identity.v1.IdentityService/LinkBatch";

}  // namespace

IdentityClient::IdentityClient(const std::shared_ptr<grpc::Channel>& channel,
                               rpc::Outgoing& outgoing)
    : outgoing_(outgoing), stub_(identity::v1::IdentityService::NewStub(channel)) {
  outgoing_.Expect({kLinkBatch});
}

absl::Status IdentityClient::Send(const AppKey& app, const std::vector<OpenidPair>& pairs,
                                  absl::Time observed_time, Deadline deadline) {
  identity::v1::LinkBatchRequest request;
  request.set_project(absl::StrCat("projects/", app.project));
  const int64_t micros = absl::ToUnixMicros(observed_time);
  for (const OpenidPair& pair : pairs) {
    identity::v1::Evidence& evidence = *request.add_evidence();
    evidence.set_kind("oa.user_info");
    evidence.add_ids(absl::StrCat("openid:", app.appid, ":", pair.openid));
    // identity knows which Open Platform account the app is bound to.
    if (!pair.unionid.empty()) {
      evidence.add_ids(absl::StrCat("unionid:@", app.appid, ":", pair.unionid));
    }
    evidence.mutable_observed_time()->set_seconds(micros / 1'000'000);
    evidence.mutable_observed_time()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
    evidence.set_appid(app.appid);
    evidence.set_obtained_by("datacube");
  }
  DATONG_ASSIGN_OR_RETURN(
      const identity::v1::LinkBatchResponse response,
      outgoing_.Call(rpc::MakeBackgroundCall("datacube.evidence", deadline), kLinkBatch, *stub_,
                     &identity::v1::IdentityService::StubInterface::LinkBatch, request,
                     {.idempotent = true}));
  if (response.rejected_size() > 0) {
    LogWarn("identity refuses evidence for good", {{"app", app.appid},
                                                   {"records", response.rejected_size()},
                                                   {"reason", response.rejected(0).reason()}});
  }
  return absl::OkStatus();
}

}  // namespace datong::datacube
