#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace datong::gateway {

// One RPC that the gateway can call.
struct ApiMethod {
  const google::protobuf::MethodDescriptor* descriptor;
  std::string owner;  // the service that serves it: "broker"
  std::string path;   // "/datong.broker.v1.TokenService/GetToken"
  bool is_unary() const {
    return !descriptor->client_streaming() && !descriptor->server_streaming();
  }
};

// All RPCs of the given files; those of package datong.<owner>.v1 belong to <owner>. Immutable.
class MethodDirectory {
 public:
  explicit MethodDirectory(const std::vector<const google::protobuf::FileDescriptor*>& files);

  // By "/package.Service/Method"; nullptr when there is none.
  const ApiMethod* Find(absl::string_view path) const;
  const std::map<std::string, ApiMethod>& methods() const { return methods_; }
  // Fully qualified names, sorted.
  const std::vector<std::string>& services() const { return services_; }

 private:
  std::map<std::string, ApiMethod> methods_;
  std::vector<std::string> services_;
};

}  // namespace datong::gateway
