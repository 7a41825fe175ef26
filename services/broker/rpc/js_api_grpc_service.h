#pragma once

#include <memory>

#include "services/broker/rpc/js_api_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::broker {

// datong.broker.v1.JsApiService over its handlers, which must outlive it.
std::unique_ptr<grpc::Service> MakeJsApiGrpcService(rpc::Calls& calls, JsApiHandlers& handlers);

}  // namespace datong::broker
