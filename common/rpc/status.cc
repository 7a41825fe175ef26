#include "common/rpc/status.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace datong::rpc {
namespace {

constexpr absl::string_view kKnownDetails = "type.googleapis.com/google.rpc.";
constexpr absl::string_view kInternalSentence =
    "Something went wrong inside the service. Its log has the cause under the request id that "
    "comes "
    "with this error; tell the operator.";

// What the outside reads in place of a cause that may name anything.
absl::Status Hidden(absl::StatusCode code, absl::string_view request_id) {
  absl::Status status = MakeError(code, kInternalSentence, {"datong", "INTERNAL_ERROR", {}});
  google::rpc::RequestInfo request;
  request.set_request_id(std::string(request_id));
  status.SetPayload("type.googleapis.com/google.rpc.RequestInfo",
                    absl::Cord(request.SerializeAsString()));
  return status;
}

// The database's own words name hosts, sockets and values: they are for the log.
absl::Status WithoutDatabaseCause(const absl::Status& status) {
  std::optional<ErrorInfo> info = GetErrorInfo(status);
  if (!info.has_value() || info->domain != "postgres.datong") return status;
  info->metadata.erase("cause");
  absl::Status told = MakeError(
      status.code(), status.message().substr(0, status.message().find(" Cause: ")), *info);
  if (const std::optional<absl::Duration> delay = GetRetryDelay(status)) {
    told = WithRetryDelay(told, *delay);
  }
  return told;
}

grpc::Status Convert(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(SanitizeUtf8(status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& bytes) {
    if (!absl::StartsWith(url, kKnownDetails)) return;
    google::protobuf::Any* detail = proto.add_details();
    detail->set_type_url(std::string(url));
    detail->set_value(std::string(bytes));
  });
  const std::string details = proto.details().empty() ? "" : proto.SerializeAsString();
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), proto.message(), details);
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id) {
  if (status.ok()) return grpc::Status();
  const bool hidden = absl::IsInternal(status) || absl::IsUnknown(status);
  return Convert(hidden ? Hidden(status.code(), request_id) : WithoutDatabaseCause(status));
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status proto;
  if (!status.error_details().empty() && proto.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : proto.details()) {
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
  return result;
}

const char* CodeName(absl::StatusCode code) {
  constexpr const char* kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "Unknown";
}

}  // namespace datong::rpc
