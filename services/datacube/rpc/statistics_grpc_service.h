#pragma once

#include <memory>

#include "services/datacube/rpc/statistics_handlers.h"

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::datacube {

// Both must outlive the service.
std::unique_ptr<grpc::Service> MakeStatisticsGrpcService(rpc::Calls& calls,
                                                         StatisticsHandlers& handlers);

}  // namespace datong::datacube
