#pragma once

#include <memory>

#include "services/broker/rpc/estate_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::broker {

// datong.broker.v1.EstateService over its handlers, which must outlive it.
std::unique_ptr<grpc::Service> MakeEstateGrpcService(rpc::Calls& calls, EstateHandlers& handlers);

}  // namespace datong::broker
