#pragma once

#include <memory>
#include <vector>

#include "services/broker/rpc/authorization_handlers.h"
#include "services/broker/rpc/project_handlers.h"
#include "services/broker/rpc/token_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::broker {

// The gRPC services of datong.broker.v1 over their handlers, which must outlive them.
std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(rpc::Calls& calls,
                                                             ProjectHandlers& projects,
                                                             AuthorizationHandlers& authorizations,
                                                             TokenHandlers& tokens);

}  // namespace datong::broker
