#include "tools/datong/selftest.h"

#include <grpcpp/generic/generic_stub.h>

#include <chrono>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/strings.h"
#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "common/rpc/status.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/time/backoff.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/ingest/v1/event.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "tools/datong/connection.h"

namespace datong::tools {
namespace {

constexpr const char* kComponents[] = {"broker",   "ingest",  "identity",
                                       "datacube", "insight", "gateway"};

// Who does not say who it is gets no token.
absl::Status CheckRefusal(const std::string& broker, absl::Duration timeout) {
  metrics::Registry registry;
  rpc::Outgoing outgoing(registry);
  const auto tokens = broker::v1::TokenService::NewStub(OpenNamelessChannel(broker));
  broker::v1::GetTokenRequest request;
  request.set_app("projects/selftest/apps/selftest");
  const absl::Status status =
      outgoing
          .Call(rpc::MakeBackgroundCall("selftest", Deadline::After(timeout)),
                "/datong.broker.v1.TokenService/GetToken", *tokens,
                &broker::v1::TokenService::StubInterface::GetToken, request, {.idempotent = true})
          .status();
  if (absl::IsUnauthenticated(status)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the broker answered ", status.ToString(),
                                          " where it should say UNAUTHENTICATED."));
}

class RoundTrip {
 public:
  RoundTrip(const SelftestOptions& options, const std::string& broker, const std::string& ingest)
      : options_(options),
        call_(rpc::MakeBackgroundCall("selftest", Deadline::After(options.timeout))),
        projects_(broker::v1::ProjectService::NewStub(OpenChannel(broker, options.api_key))),
        sources_(ingest::v1::SourceService::NewStub(OpenChannel(ingest, options.api_key))),
        events_(ingest::v1::EventService::NewStub(OpenChannel(ingest, options.api_key))) {}

  absl::Status Run() {
    DATONG_RETURN_IF_ERROR(MakeProject());
    DATONG_RETURN_IF_ERROR(MakeSource());
    ingest::v1::AppendEventsRequest request;
    request.set_source(Source());
    ingest::v1::Event& event = *request.add_events();
    event.set_event_id(absl::StrCat("selftest-", RandomHex(12)));
    event.mutable_event_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
    event.set_type(ingest::v1::EVENT_TYPE_CUSTOM);
    event.set_event_name("selftest");
    event.set_identifier("login:selftest:selftest");
    DATONG_RETURN_IF_ERROR(Append(request, ingest::v1::EVENT_RESULT_CODE_STORED));
    return Append(request, ingest::v1::EVENT_RESULT_CODE_DUPLICATE);
  }

 private:
  std::string Source() const { return options_.project + "/sources/selftest"; }

  absl::Status MakeProject() {
    broker::v1::CreateProjectRequest request;
    request.set_project_id(options_.project.substr(options_.project.find('/') + 1));
    request.mutable_project()->set_display_name("Self-test");
    return outgoing_
        .Call(call_, "/datong.broker.v1.ProjectService/CreateProject", *projects_,
              &broker::v1::ProjectService::StubInterface::CreateProject, request,
              {.idempotent = true})
        .status();
  }

  // The project becomes known to ingest a little later.
  absl::Status MakeSource() {
    ingest::v1::CreateSourceRequest request;
    request.mutable_source()->set_name(Source());
    request.mutable_source()->set_kind(ingest::v1::SOURCE_KIND_SERVER);
    Backoff backoff(absl::Milliseconds(50), absl::Seconds(1));
    absl::InsecureBitGen random;
    while (true) {
      const absl::Status status =
          outgoing_
              .Call(call_, "/datong.ingest.v1.SourceService/CreateSource", *sources_,
                    &ingest::v1::SourceService::StubInterface::CreateSource, request,
                    {.idempotent = true})
              .status();
      if (!absl::IsNotFound(status) || call_.deadline.Passed()) return status;
      absl::SleepFor(backoff.Next(random));
    }
  }

  absl::Status Append(const ingest::v1::AppendEventsRequest& request,
                      ingest::v1::EventResultCode wanted) {
    DATONG_ASSIGN_OR_RETURN(
        const ingest::v1::AppendEventsResponse response,
        outgoing_.Call(call_, "/datong.ingest.v1.EventService/AppendEvents", *events_,
                       &ingest::v1::EventService::StubInterface::AppendEvents, request,
                       {.idempotent = wanted == ingest::v1::EVENT_RESULT_CODE_DUPLICATE}));
    if (response.results_size() == 1 && response.results(0).code() == wanted) {
      return absl::OkStatus();
    }
    return absl::InternalError(absl::StrCat("ingest answered ", response.ShortDebugString(),
                                            " where it should say ",
                                            ingest::v1::EventResultCode_Name(wanted), "."));
  }

  const SelftestOptions& options_;
  const rpc::CallContext call_;
  metrics::Registry registry_;
  rpc::Outgoing outgoing_{registry_};
  std::unique_ptr<broker::v1::ProjectService::Stub> projects_;
  std::unique_ptr<ingest::v1::SourceService::Stub> sources_;
  std::unique_ptr<ingest::v1::EventService::Stub> events_;
};

}  // namespace

// By hand: the request's field 1 is a text, the answer's field 1 is 1 for SERVING. gRPC's Debian
// package brings no definition of grpc.health.v1.
absl::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                         Deadline deadline) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMicroseconds(deadline.Remaining()));
  context.set_wait_for_ready(true);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(
      absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service));
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer answer;
  grpc::Status status;
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  DATONG_RETURN_IF_ERROR(rpc::FromGrpcStatus(status));
  grpc::Slice bytes;
  answer.DumpToSingleSlice(&bytes).ok();
  const bool is_serving = std::string(bytes.begin(), bytes.end()) == std::string("\x08\x01", 2);
  return is_serving ? absl::OkStatus() : absl::UnavailableError("It is not ready.");
}

bool Selftest(const SelftestOptions& options, const std::function<void(const std::string&)>& say) {
  const auto address_of = [&options](const std::string& component) {
    const auto found = options.components.find(component);
    return found == options.components.end() ? options.address : found->second;
  };
  bool all_right = true;
  const auto report = [&](const std::string& what, const absl::Status& status) {
    all_right = all_right && status.ok();
    say(status.ok() ? absl::StrCat("ok      ", what)
                    : absl::StrCat("FAILED  ", what, ": ", status.message()));
  };
  for (const char* component : kComponents) {
    const std::string address = address_of(component);
    report(
        absl::StrCat(component, " serves at ", address),
        CheckHealth(OpenChannel(address, Secret()), "readiness", Deadline::After(options.timeout)));
  }
  if (all_right && !options.insecure) {
    report("a token is refused to who does not say who it is",
           CheckRefusal(address_of("broker"), options.timeout));
  }
  if (all_right) {
    report("an event is stored once",
           RoundTrip(options, address_of("broker"), address_of("ingest")).Run());
  }
  return all_right;
}

}  // namespace datong::tools
