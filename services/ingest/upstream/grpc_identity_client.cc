#include "services/ingest/upstream/grpc_identity_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/privacy.grpc.pb.h"
#include "datong/identity/v1/profile.grpc.pb.h"

namespace datong::ingest {
namespace {

constexpr char kLinkBatch[] = "/datong.identity.v1.IdentityService/LinkBatch";
constexpr char kListConsentChanges[] = "/datong.identity.v1.ConsentService/ListConsentChanges";

namespace identity = ::datong::identity::v1;

constexpr char kListErasures[] = "/datong.identity.v1.PrivacyService/ListErasures";
constexpr int kConsentPage = 1'000;
constexpr int kErasurePage = 100;

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

class GrpcIdentityClient final : public IdentityClient {
 public:
  GrpcIdentityClient(const std::shared_ptr<grpc::Channel>& channel, std::string consent_purpose,
                     metrics::Registry& registry)
      : persons_(identity::IdentityService::NewStub(channel)),
        consents_(identity::ConsentService::NewStub(channel)),
        privacy_(identity::PrivacyService::NewStub(channel)),
        consent_purpose_(std::move(consent_purpose)),
        outgoing_(registry) {
    outgoing_.Expect({kLinkBatch, kListConsentChanges, kListErasures});
  }

  absl::Status LinkBatch(const std::string& project, const std::vector<PendingEvidence>& records,
                         Deadline deadline) override {
    identity::LinkBatchRequest request;
    request.set_project(absl::StrCat("projects/", project));
    for (const PendingEvidence& record : records) {
      identity::Evidence& evidence = *request.add_evidence();
      evidence.set_kind(record.kind);
      for (const std::string& id : record.ids) evidence.add_ids(id);
      const int64_t micros = absl::ToUnixMicros(record.observed);
      evidence.mutable_observed_time()->set_seconds(micros / 1'000'000);
      evidence.mutable_observed_time()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
      evidence.set_appid(record.app);
      evidence.set_request_id(record.evidence_id);
      evidence.set_obtained_by("ingest");
    }
    rpc::CallContext call;
    call.deadline = deadline;
    DATONG_ASSIGN_OR_RETURN(
        const identity::LinkBatchResponse response,
        (outgoing_.Call<identity::IdentityService::StubInterface,
                        identity::IdentityService::StubInterface, identity::LinkBatchRequest,
                        identity::LinkBatchResponse>(
            call, kLinkBatch, *persons_, &identity::IdentityService::StubInterface::LinkBatch,
            request, {.longest = absl::Seconds(25), .idempotent = true})));
    if (response.rejected_size() > 0) {
      LogWarn("identity refuses evidence for ever",
              {{"records", response.rejected_size()}, {"reason", response.rejected(0).reason()}});
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ConsentPage> ListConsents(const std::string& project, const std::string& cursor,
                                           Deadline deadline) override {
    identity::ListConsentChangesRequest request;
    request.set_project(absl::StrCat("projects/", project));
    request.set_cursor(cursor);
    request.set_page_size(kConsentPage);
    rpc::CallContext call;
    call.deadline = deadline;
    DATONG_ASSIGN_OR_RETURN(
        const identity::ListConsentChangesResponse response,
        (outgoing_
             .Call<identity::ConsentService::StubInterface, identity::ConsentService::StubInterface,
                   identity::ListConsentChangesRequest, identity::ListConsentChangesResponse>(
                 call, kListConsentChanges, *consents_,
                 &identity::ConsentService::StubInterface::ListConsentChanges, request,
                 {.idempotent = true})));
    ConsentPage page;
    page.next_cursor = response.next_cursor();
    page.full = response.changes_size() == kConsentPage;
    for (const identity::ConsentChange& change : response.changes()) {
      if (change.consent().purpose() != consent_purpose_) continue;
      ConsentEntry entry;
      entry.node = change.node();
      entry.granted = change.consent().state() == identity::CONSENT_STATE_GRANTED;
      entry.said = FromProto(change.consent().consent_time());
      page.entries.push_back(entry);
    }
    return page;
  }

  absl::StatusOr<ErasurePage> ListErasures(const std::string& project, const std::string& cursor,
                                           Deadline deadline) override {
    identity::ListErasuresRequest request;
    request.set_project(absl::StrCat("projects/", project));
    request.set_cursor(cursor);
    request.set_page_size(kErasurePage);
    rpc::CallContext call;
    call.deadline = deadline;
    DATONG_ASSIGN_OR_RETURN(
        const identity::ListErasuresResponse response,
        (outgoing_.Call<identity::PrivacyService::StubInterface,
                        identity::PrivacyService::StubInterface, identity::ListErasuresRequest,
                        identity::ListErasuresResponse>(
            call, kListErasures, *privacy_, &identity::PrivacyService::StubInterface::ListErasures,
            request, {.idempotent = true})));
    ErasurePage page;
    page.next_cursor = response.next_cursor();
    page.full = response.erasures_size() == kErasurePage;
    for (const auto& erasure : response.erasures()) {
      page.entries.push_back({0, erasure.node(), FromProto(erasure.erase_time())});
    }
    return page;
  }

 private:
  const std::unique_ptr<identity::IdentityService::StubInterface> persons_;
  const std::unique_ptr<identity::ConsentService::StubInterface> consents_;
  const std::unique_ptr<identity::PrivacyService::StubInterface> privacy_;
  const std::string consent_purpose_;
  rpc::Outgoing outgoing_;
};

}  // namespace

std::unique_ptr<IdentityClient> MakeGrpcIdentityClient(std::shared_ptr<grpc::Channel> channel,
                                                       std::string consent_purpose,
                                                       metrics::Registry& registry) {
  return std::make_unique<GrpcIdentityClient>(channel, std::move(consent_purpose), registry);
}

}  // namespace datong::ingest
