#include "services/ingest/rpc/ingest_grpc_services.h"

#include "common/rpc/server_calls.h"
#include "datong/ingest/v1/event.grpc.pb.h"
#include "datong/ingest/v1/quarantine.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "services/ingest/rpc/event_handlers.h"
#include "services/ingest/rpc/quarantine_handlers.h"
#include "services/ingest/rpc/source_handlers.h"

namespace datong::ingest {
namespace {

class SourceGrpcService final : public v1::SourceService::CallbackService {
 public:
  SourceGrpcService(rpc::Calls& calls, SourceHandlers& sources)
      : calls_(calls), sources_(sources) {}

  grpc::ServerUnaryReactor* RegisterProject(grpc::CallbackServerContext* context,
                                            const v1::RegisterProjectRequest* request,
                                            v1::RegisterProjectResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.SourceService/RegisterProject",
        [this](const auto& call, const auto& r) { return sources_.RegisterProject(call, r); });
  }
  grpc::ServerUnaryReactor* CreateSource(grpc::CallbackServerContext* context,
                                         const v1::CreateSourceRequest* request,
                                         v1::CreateSourceResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.SourceService/CreateSource",
        [this](const auto& call, const auto& r) { return sources_.CreateSource(call, r); });
  }
  grpc::ServerUnaryReactor* GetSource(grpc::CallbackServerContext* context,
                                      const v1::GetSourceRequest* request,
                                      v1::GetSourceResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.SourceService/GetSource",
        [this](const auto& call, const auto& r) { return sources_.GetSource(call, r); });
  }
  grpc::ServerUnaryReactor* ListSources(grpc::CallbackServerContext* context,
                                        const v1::ListSourcesRequest* request,
                                        v1::ListSourcesResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.SourceService/ListSources",
        [this](const auto& call, const auto& r) { return sources_.ListSources(call, r); });
  }
  grpc::ServerUnaryReactor* UpdateSource(grpc::CallbackServerContext* context,
                                         const v1::UpdateSourceRequest* request,
                                         v1::UpdateSourceResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.SourceService/UpdateSource",
        [this](const auto& call, const auto& r) { return sources_.UpdateSource(call, r); });
  }
  grpc::ServerUnaryReactor* EnsurePushSource(grpc::CallbackServerContext* context,
                                             const v1::EnsurePushSourceRequest* request,
                                             v1::EnsurePushSourceResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.SourceService/EnsurePushSource",
        [this](const auto& call, const auto& r) { return sources_.EnsurePushSource(call, r); });
  }

 private:
  rpc::Calls& calls_;
  SourceHandlers& sources_;
};

class EventGrpcService final : public v1::EventService::CallbackService {
 public:
  EventGrpcService(rpc::Calls& calls, EventHandlers& events) : calls_(calls), events_(events) {}

  grpc::ServerUnaryReactor* AppendEvents(grpc::CallbackServerContext* context,
                                         const v1::AppendEventsRequest* request,
                                         v1::AppendEventsResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.ingest.v1.EventService/AppendEvents",
        [this](const rpc::CallContext& call, const v1::AppendEventsRequest& r,
               v1::AppendEventsResponse& out) { return events_.AppendEvents(call, r, out); });
  }
  grpc::ServerBidiReactor<v1::StreamEventsRequest, v1::StreamEventsResponse>* StreamEvents(
      grpc::CallbackServerContext* context) override {
    return calls_.BidiStream<v1::StreamEventsRequest, v1::StreamEventsResponse>(
        context, "/datong.ingest.v1.EventService/StreamEvents",
        [stream = std::make_shared<EventStreamHandler>(events_.appender())](
            const rpc::CallContext& call, v1::StreamEventsRequest& request,
            rpc::Emitter<v1::StreamEventsResponse>& out) {
          return stream->OnMessage(call, request, out.more_waiting(), &out.messages());
        });
  }

 private:
  rpc::Calls& calls_;
  EventHandlers& events_;
};

class QuarantineGrpcService final : public v1::QuarantineService::CallbackService {
 public:
  QuarantineGrpcService(rpc::Calls& calls, QuarantineHandlers& quarantine)
      : calls_(calls), quarantine_(quarantine) {}

  grpc::ServerUnaryReactor* ListQuarantinedEvents(
      grpc::CallbackServerContext* context, const v1::ListQuarantinedEventsRequest* request,
      v1::ListQuarantinedEventsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.ingest.v1.QuarantineService/ListQuarantinedEvents",
                        [this](const auto& call, const auto& r) {
                          return quarantine_.ListQuarantinedEvents(call, r);
                        });
  }
  grpc::ServerUnaryReactor* ReplayQuarantinedEvents(
      grpc::CallbackServerContext* context, const v1::ReplayQuarantinedEventsRequest* request,
      v1::ReplayQuarantinedEventsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.ingest.v1.QuarantineService/ReplayQuarantinedEvents",
                        [this](const auto& call, const auto& r) {
                          return quarantine_.ReplayQuarantinedEvents(call, r);
                        });
  }

 private:
  rpc::Calls& calls_;
  QuarantineHandlers& quarantine_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(rpc::Calls& calls,
                                                             SourceHandlers& sources,
                                                             EventHandlers& events,
                                                             QuarantineHandlers& quarantine) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<SourceGrpcService>(calls, sources));
  services.push_back(std::make_unique<EventGrpcService>(calls, events));
  services.push_back(std::make_unique<QuarantineGrpcService>(calls, quarantine));
  return services;
}

}  // namespace datong::ingest
