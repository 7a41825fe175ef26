#pragma once

#include <memory>

#include "services/insight/rpc/insight_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::insight {

// datong.insight.v1.InsightService over the handlers, both of which must outlive it.
std::unique_ptr<grpc::Service> MakeInsightGrpcService(rpc::Calls& calls, InsightHandlers& handlers);

}  // namespace datong::insight
