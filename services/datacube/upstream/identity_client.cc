#include "services/datacube/upstream/identity_client.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/macros.h"

namespace datong::datacube {
namespace {

constexpr char kLinkBatch[] = "/datong.identity.v1.IdentityService/LinkBatch";
constexpr char kResolveBatch[] = "/datong.identity.v1.IdentityService/ResolveBatch";
constexpr char kListErasures[] = "/datong.identity.v1.PrivacyService/ListErasures";
constexpr size_t kMostInBatch = 1000;

}  // namespace

IdentityClient::IdentityClient(const std::shared_ptr<grpc::Channel>& channel,
                               rpc::Outgoing& outgoing)
    : outgoing_(outgoing),
      stub_(identity::v1::IdentityService::NewStub(channel)),
      privacy_(identity::v1::PrivacyService::NewStub(channel)) {
  outgoing_.Expect({kLinkBatch, kResolveBatch, kListErasures});
}

absl::Status IdentityClient::Send(const AppKey& app, const std::vector<OpenidPair>& pairs,
                                  absl::Time observed_time, Deadline deadline) {
  if (pairs.empty()) return absl::OkStatus();  // all were erased meanwhile
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

absl::StatusOr<ErasureFeed::Page> IdentityClient::ReadErasures(const std::string& project,
                                                               const std::string& cursor,
                                                               Deadline deadline) {
  identity::v1::ListErasuresRequest request;
  request.set_project(absl::StrCat("projects/", project));
  request.set_cursor(cursor);
  request.set_page_size(kMostInBatch);
  DATONG_ASSIGN_OR_RETURN(
      const identity::v1::ListErasuresResponse response,
      outgoing_.Call(rpc::MakeBackgroundCall("datacube.erasures", deadline), kListErasures,
                     *privacy_, &identity::v1::PrivacyService::StubInterface::ListErasures, request,
                     {.idempotent = true}));
  Page page;
  page.cursor = response.next_cursor();
  page.project_number = response.project_number();
  for (const auto& erasure : response.erasures()) {
    page.nodes.push_back({erasure.node(), absl::FromUnixSeconds(erasure.erase_time().seconds()) +
                                              absl::Nanoseconds(erasure.erase_time().nanos())});
  }
  return page;
}

absl::StatusOr<std::vector<std::string>> IdentityClient::FindKnown(
    const AppKey& app, const std::vector<std::string>& openids, Deadline deadline) {
  std::vector<std::string> known;
  for (size_t begin = 0; begin < openids.size(); begin += kMostInBatch) {
    const size_t end = std::min(openids.size(), begin + kMostInBatch);
    identity::v1::ResolveBatchRequest request;
    request.set_project(absl::StrCat("projects/", app.project));
    for (size_t i = begin; i < end; ++i) {
      request.add_identifiers(absl::StrCat("openid:", app.appid, ":", openids[i]));
    }
    DATONG_ASSIGN_OR_RETURN(
        const identity::v1::ResolveBatchResponse response,
        outgoing_.Call(rpc::MakeBackgroundCall("datacube.erasures", deadline), kResolveBatch,
                       *stub_, &identity::v1::IdentityService::StubInterface::ResolveBatch, request,
                       {.idempotent = true}));
    for (int i = 0; i < response.results_size(); ++i) {
      if (response.results(i).person_index() > 0) {
        known.push_back(openids[begin + static_cast<size_t>(i)]);
      }
    }
  }
  return known;
}

}  // namespace datong::datacube
