#pragma once

#include <memory>

#include "services/broker/rpc/wecom_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::broker {

// datong.broker.v1.WecomService over its handlers, which must outlive it.
std::unique_ptr<grpc::Service> MakeWecomGrpcService(rpc::Calls& calls, WecomHandlers& handlers);

}  // namespace datong::broker
