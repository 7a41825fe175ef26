#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace datong::rpc {

// What the caller is told: code, sentence and details (google.rpc.Status with ErrorInfo,
// RetryInfo). INTERNAL and UNKNOWN become a fixed sentence, with the request id to look up in the
// log.
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id);

// The other way: details become payloads, so that GetErrorInfo and GetRetryDelay find them.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The code as metrics spell it: "OK", "InvalidArgument".
const char* CodeName(absl::StatusCode code);

}  // namespace datong::rpc
