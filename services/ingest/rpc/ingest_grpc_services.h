#pragma once

#include <memory>
#include <vector>

namespace grpc {
class Service;
}
namespace datong::rpc {
class Calls;
}

namespace datong::ingest {

class SourceHandlers;
class EventHandlers;
class QuarantineHandlers;

// The three gRPC services, one line per RPC. The handlers must outlive them.
std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(rpc::Calls& calls,
                                                             SourceHandlers& sources,
                                                             EventHandlers& events,
                                                             QuarantineHandlers& quarantine);

}  // namespace datong::ingest
