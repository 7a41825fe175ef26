#include "services/datacube/rpc/statistics_grpc_service.h"

#include "common/rpc/server_calls.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"

namespace datong::datacube {
namespace {

#define DATONG_METHOD(name) "/datong.datacube.v1.StatisticsService/" name

class StatisticsGrpcService final : public v1::StatisticsService::CallbackService {
 public:
  StatisticsGrpcService(rpc::Calls& calls, StatisticsHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}

  grpc::ServerUnaryReactor* QueryStatistics(grpc::CallbackServerContext* context,
                                            const v1::QueryStatisticsRequest* request,
                                            v1::QueryStatisticsResponse* response) override {
    return calls_.Unary(
        context, request, response, DATONG_METHOD("QueryStatistics"),
        [this](const rpc::CallContext& call, const v1::QueryStatisticsRequest& asked) {
          return handlers_.QueryStatistics(call, asked);
        });
  }
  grpc::ServerUnaryReactor* GetFreshness(grpc::CallbackServerContext* context,
                                         const v1::GetFreshnessRequest* request,
                                         v1::GetFreshnessResponse* response) override {
    return calls_.Unary(context, request, response, DATONG_METHOD("GetFreshness"),
                        [this](const rpc::CallContext& call, const v1::GetFreshnessRequest& asked) {
                          return handlers_.GetFreshness(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* ListSyncRuns(grpc::CallbackServerContext* context,
                                         const v1::ListSyncRunsRequest* request,
                                         v1::ListSyncRunsResponse* response) override {
    return calls_.Unary(context, request, response, DATONG_METHOD("ListSyncRuns"),
                        [this](const rpc::CallContext& call, const v1::ListSyncRunsRequest& asked) {
                          return handlers_.ListSyncRuns(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* GetSyncRun(grpc::CallbackServerContext* context,
                                       const v1::GetSyncRunRequest* request,
                                       v1::GetSyncRunResponse* response) override {
    return calls_.Unary(context, request, response, DATONG_METHOD("GetSyncRun"),
                        [this](const rpc::CallContext& call, const v1::GetSyncRunRequest& asked) {
                          return handlers_.GetSyncRun(call, asked);
                        });
  }
  grpc::ServerUnaryReactor* TriggerSync(grpc::CallbackServerContext* context,
                                        const v1::TriggerSyncRequest* request,
                                        v1::TriggerSyncResponse* response) override {
    return calls_.Unary(context, request, response, DATONG_METHOD("TriggerSync"),
                        [this](const rpc::CallContext& call, const v1::TriggerSyncRequest& asked) {
                          return handlers_.TriggerSync(call, asked);
                        });
  }

 private:
  rpc::Calls& calls_;
  StatisticsHandlers& handlers_;
};

#undef DATONG_METHOD

}  // namespace

std::unique_ptr<grpc::Service> MakeStatisticsGrpcService(rpc::Calls& calls,
                                                         StatisticsHandlers& handlers) {
  return std::make_unique<StatisticsGrpcService>(calls, handlers);
}

}  // namespace datong::datacube
