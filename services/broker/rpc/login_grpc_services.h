#pragma once

#include <memory>
#include <vector>

#include "services/broker/rpc/login_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::broker {

// The gRPC services of logins (datong.broker.v1) over their handlers, which must outlive them.
std::vector<std::unique_ptr<grpc::Service>> MakeLoginGrpcServices(rpc::Calls& calls,
                                                                  LoginHandlers& handlers);

}  // namespace datong::broker
