#include "services/insight/rpc/insight_grpc_service.h"

#include "common/rpc/server_calls.h"
#include "datong/insight/v1/insight.grpc.pb.h"

namespace datong::insight {
namespace {

class InsightGrpcService final : public v1::InsightService::CallbackService {
 public:
  InsightGrpcService(rpc::Calls& calls, InsightHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  grpc::ServerUnaryReactor* QueryTraffic(grpc::CallbackServerContext* context,
                                         const v1::QueryTrafficRequest* request,
                                         v1::QueryTrafficResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.insight.v1.InsightService/QueryTraffic",
                        [this](const auto& call, const auto& asked) {
                          return handlers_.QueryTraffic(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* QueryOverlap(grpc::CallbackServerContext* context,
                                         const v1::QueryOverlapRequest* request,
                                         v1::QueryOverlapResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.insight.v1.InsightService/QueryOverlap",
                        [this](const auto& call, const auto& asked) {
                          return handlers_.QueryOverlap(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* QueryFunnel(grpc::CallbackServerContext* context,
                                        const v1::QueryFunnelRequest* request,
                                        v1::QueryFunnelResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.insight.v1.InsightService/QueryFunnel",
        [this](const auto& call, const auto& asked) { return handlers_.QueryFunnel(call, asked); });
  }
  grpc::ServerUnaryReactor* QueryRetention(grpc::CallbackServerContext* context,
                                           const v1::QueryRetentionRequest* request,
                                           v1::QueryRetentionResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.insight.v1.InsightService/QueryRetention",
                        [this](const auto& call, const auto& asked) {
                          return handlers_.QueryRetention(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* GetTimeline(grpc::CallbackServerContext* context,
                                        const v1::GetTimelineRequest* request,
                                        v1::GetTimelineResponse* response) override {
    return calls_.Unary(
        context, request, response, "/datong.insight.v1.InsightService/GetTimeline",
        [this](const auto& call, const auto& asked) { return handlers_.GetTimeline(call, asked); });
  }
  grpc::ServerUnaryReactor* SearchPersons(grpc::CallbackServerContext* context,
                                          const v1::SearchPersonsRequest* request,
                                          v1::SearchPersonsResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.insight.v1.InsightService/SearchPersons",
                        [this](const auto& call, const auto& asked) {
                          return handlers_.SearchPersons(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* QueryFollowerGrowth(
      grpc::CallbackServerContext* context, const v1::QueryFollowerGrowthRequest* request,
      v1::QueryFollowerGrowthResponse* response) override {
    return calls_.Unary(context, request, response,
                        "/datong.insight.v1.InsightService/QueryFollowerGrowth",
                        [this](const auto& call, const auto& asked) {
                          return handlers_.QueryFollowerGrowth(call, asked);
                        });
  }

 private:
  rpc::Calls& calls_;
  InsightHandlers& handlers_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeInsightGrpcService(rpc::Calls& calls,
                                                      InsightHandlers& handlers) {
  return std::make_unique<InsightGrpcService>(calls, handlers);
}

}  // namespace datong::insight
