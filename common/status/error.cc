#include "common/status/error.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace datong {
namespace {

constexpr absl::string_view kInfoUrl = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr absl::string_view kRetryUrl = "type.googleapis.com/google.rpc.RetryInfo";

template <typename Message>
std::optional<Message> Payload(const absl::Status& status, absl::string_view url) {
  const auto bytes = status.GetPayload(url);
  Message message;
  if (!bytes.has_value() || !message.ParseFromString(std::string(*bytes))) return std::nullopt;
  return message;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view message, const ErrorInfo& info) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo proto;
  proto.set_domain(info.domain);
  proto.set_reason(info.reason);
  for (const auto& [key, value] : info.metadata) (*proto.mutable_metadata())[key] = value;
  status.SetPayload(kInfoUrl, absl::Cord(proto.SerializeAsString()));
  return status;
}

std::optional<ErrorInfo> GetErrorInfo(const absl::Status& status) {
  const auto proto = Payload<google::rpc::ErrorInfo>(status, kInfoUrl);
  if (!proto.has_value()) return std::nullopt;
  return ErrorInfo{
      proto->domain(), proto->reason(), {proto->metadata().begin(), proto->metadata().end()}};
}

std::string GetReason(const absl::Status& status) {
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  return info.has_value() ? info->reason : "";
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo proto;
  proto.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(delay));
  proto.mutable_retry_delay()->set_nanos(static_cast<int>(
      absl::ToInt64Nanoseconds(delay - absl::Seconds(absl::ToInt64Seconds(delay)))));
  status.SetPayload(kRetryUrl, absl::Cord(proto.SerializeAsString()));
  return status;
}

std::optional<absl::Duration> GetRetryDelay(const absl::Status& status) {
  const auto proto = Payload<google::rpc::RetryInfo>(status, kRetryUrl);
  if (!proto.has_value()) return std::nullopt;
  return absl::Seconds(proto->retry_delay().seconds()) +
         absl::Nanoseconds(proto->retry_delay().nanos());
}

}  // namespace datong
