#pragma once

#include <memory>

#include "services/broker/rpc/readiness_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::broker {

// datong.broker.v1.ReadinessService over its handlers, which must outlive it.
std::unique_ptr<grpc::Service> MakeReadinessGrpcService(rpc::Calls& calls,
                                                        ReadinessHandlers& handlers);

}  // namespace datong::broker
