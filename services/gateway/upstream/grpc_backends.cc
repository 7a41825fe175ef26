#include "services/gateway/upstream/grpc_backends.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/gateway/upstream/call_context.h"

namespace datong::gateway {
namespace {

// Blocks for one answer: the generic stub has no blocking form of its own.
grpc::Status CallUnary(grpc::Channel& channel, grpc::ClientContext& context,
                       const std::string& method, const grpc::ByteBuffer& request,
                       grpc::ByteBuffer& response) {
  // The stub only borrows the channel for the time of the call.
  grpc::GenericStub stub(std::shared_ptr<grpc::ChannelInterface>(&channel, [](auto*) {}));
  grpc::CompletionQueue queue;
  grpc::Status status;
  const auto reader = stub.PrepareUnaryCall(&context, method, request, &queue);
  reader->StartCall();
  reader->Finish(&response, &status, &status);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

absl::Status Unreachable(absl::string_view service) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("The service \"", service, "\" cannot be reached right now; retry later."),
      {"gateway.datong", "SERVICE_UNREACHABLE", {{"service", std::string(service)}}});
}

}  // namespace

GrpcBackends::GrpcBackends(metrics::Registry& registry)
    : outgoing_(std::make_unique<rpc::Outgoing>(registry)) {}
GrpcBackends::~GrpcBackends() = default;

void GrpcBackends::Connect(const std::string& service, std::shared_ptr<grpc::Channel> channel) {
  MutexLock lock(&mutex_);
  channels_[service] = std::move(channel);
}

absl::StatusOr<std::string> GrpcBackends::Call(const gateway::Call& call, absl::string_view service,
                                               const std::string& request) {
  std::shared_ptr<grpc::Channel> channel;
  {
    MutexLock lock(&mutex_);
    const auto found = channels_.find(std::string(service));
    if (found != channels_.end()) channel = found->second;
  }
  if (channel == nullptr) return Unreachable(service);
  const grpc::Slice slice(request);
  const grpc::ByteBuffer request_buffer(&slice, 1);
  grpc::ByteBuffer response_buffer;
  const absl::Status status = outgoing_->Run(
      ToContext(call), call.method, {.longest = absl::Minutes(1)},
      [&](grpc::ClientContext& context) {
        return CallUnary(*channel, context, call.method, request_buffer, response_buffer);
      });
  // Without a reason it is the transport that speaks, and it names inner addresses.
  if (absl::IsUnavailable(status) && GetReason(status).empty()) {
    LogWarn("service unreachable", {{"service", service},
                                    {"cause", std::string(status.message())},
                                    {"request_id", call.request_id}});
    return Unreachable(service);
  }
  DATONG_RETURN_IF_ERROR(status);
  return ToString(response_buffer);
}

}  // namespace datong::gateway
