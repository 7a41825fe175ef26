#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace datong::tools {

// One RPC of any kind, without its generated stub.
struct GenericCall {
  std::shared_ptr<grpc::Channel> channel;
  std::string path;        // "/package.Service/Method"
  absl::Duration timeout;  // infinite for none
  // Fills the next request, or returns false when there is none any more. For a unary call it gives
  // one.
  std::function<bool(google::protobuf::Message&)> next_request;
  // Takes an answer; false ends the call.
  std::function<bool(const google::protobuf::Message&)> on_answer;
};

// Errors: those of the service, with their details.
absl::Status MakeCall(const GenericCall& call, google::protobuf::Message& request,
                      google::protobuf::Message& answer);

}  // namespace datong::tools
