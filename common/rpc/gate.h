#pragma once

// The one place where calls are let in or refused (docs/adr/0005-callers-and-permissions.md).

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/auth/access.h"
#include "common/base/secret.h"
#include "common/rpc/call_context.h"

namespace google::protobuf {
class MethodDescriptor;
class ServiceDescriptor;
}  // namespace google::protobuf

namespace datong::rpc {

// The header by which modules of one process prove to each other which of them calls.
inline constexpr char kServiceHeader[] = "x-datong-service";

// What an RPC demands, read once from its definition.
struct MethodRule {
  // How a request names a resource: a field, or the `name` of a message in it.
  struct Path {
    const google::protobuf::FieldDescriptor* outer;  // nullptr: `field` is one of the request
    const google::protobuf::FieldDescriptor* field;
  };
  std::string permission;
  std::vector<Path> names;                                     // "projects/…"
  std::vector<const google::protobuf::FieldDescriptor*> apps;  // appids or names of apps
  const google::protobuf::FieldDescriptor* api_path = nullptr;
};

MethodRule RuleOf(const google::protobuf::MethodDescriptor& method);

// A call that was refused.
struct Denial {
  const CallContext& call;
  absl::string_view permission;
  absl::string_view project;
  absl::string_view app;
  std::string reason;  // of the error
};

// Finds out who calls, what about, and whether `access` lets him. One for all servers of a process.
// Thread-safe but for AddService and OnDenied, which come before the first call.
class Gate {
 public:
  explicit Gate(auth::Access& access);

  // Reads the rules of a service's RPCs. Services of gRPC's own (health, reflection) need none.
  // Errors: FAILED_PRECONDITION/PERMISSION_UNNAMED for an RPC whose definition names no permission.
  absl::Status AddService(const google::protobuf::ServiceDescriptor& service);
  // Hears of every call to one of `package`'s services ("datong.broker.v1") that was refused.
  void OnDenied(std::string package, std::function<void(const Denial&)> listener);

  // The value of kServiceHeader for calls of `service`, which runs in this process.
  std::string ServiceCredential(absl::string_view service) const;

  // Fills what the transport and the headers prove into the caller.
  void Prove(const grpc::CallbackServerContext& context, absl::string_view service_header,
             Caller& caller) const;

  // OK or why not, and names call.caller; nullopt when only blocking could tell. Streams ask for
  // each message.
  std::optional<absl::Status> Admit(CallContext& call, const google::protobuf::Message& request,
                                    bool may_block) const;

 private:
  void Tell(const Denial& denial) const;

  auth::Access& access_;
  const Secret process_secret_;
  absl::flat_hash_map<std::string, MethodRule> rules_;  // by "/package.Service/Method"
  std::vector<std::pair<std::string, std::function<void(const Denial&)>>> listeners_;
};

// For ServerBuilder::SetOption: the rules of every service of the server. `status` gets the first
// failure, and is read after BuildAndStart.
std::unique_ptr<grpc::ServerBuilderOption> GateRules(Gate& gate, absl::Status& status);

}  // namespace datong::rpc
