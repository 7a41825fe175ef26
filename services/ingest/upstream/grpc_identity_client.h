#pragma once

#include <memory>
#include <string>

#include "common/metrics/registry.h"
#include "services/ingest/core/identity_client.h"

namespace grpc {
class Channel;
}

namespace datong::ingest {

// Calls datong.identity.v1 over gRPC. Thread-safe.
std::unique_ptr<IdentityClient> MakeGrpcIdentityClient(std::shared_ptr<grpc::Channel> channel,
                                                       std::string consent_purpose,
                                                       metrics::Registry& registry);

}  // namespace datong::ingest
