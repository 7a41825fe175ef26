#include "services/gateway/rpc/connect_error.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/error.h"

namespace datong::gateway {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

nlohmann::json ToDetail(absl::string_view type_url, const std::string& bytes) {
  const std::string type(type_url.substr(type_url.rfind('/') + 1));
  std::string value = absl::Base64Escape(bytes);
  value.erase(std::find(value.begin(), value.end(), '='), value.end());
  nlohmann::json detail = {{"type", type}, {"value", value}};

  const auto* descriptor = DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return detail;
  const std::unique_ptr<Message> message(
      MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  std::string json;
  if (message->ParseFromString(bytes) &&
      google::protobuf::util::MessageToJsonString(*message, &json).ok()) {
    detail["debug"] = nlohmann::json::parse(json, nullptr, false);
  }
  return detail;
}

}  // namespace

const char* ConnectCodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "ok";
    case absl::StatusCode::kCancelled:
      return "canceled";
    case absl::StatusCode::kInvalidArgument:
      return "invalid_argument";
    case absl::StatusCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case absl::StatusCode::kNotFound:
      return "not_found";
    case absl::StatusCode::kAlreadyExists:
      return "already_exists";
    case absl::StatusCode::kPermissionDenied:
      return "permission_denied";
    case absl::StatusCode::kResourceExhausted:
      return "resource_exhausted";
    case absl::StatusCode::kFailedPrecondition:
      return "failed_precondition";
    case absl::StatusCode::kAborted:
      return "aborted";
    case absl::StatusCode::kOutOfRange:
      return "out_of_range";
    case absl::StatusCode::kUnimplemented:
      return "unimplemented";
    case absl::StatusCode::kInternal:
      return "internal";
    case absl::StatusCode::kUnavailable:
      return "unavailable";
    case absl::StatusCode::kDataLoss:
      return "data_loss";
    case absl::StatusCode::kUnauthenticated:
      return "unauthenticated";
    default:
      return "unknown";
  }
}

int ConnectHttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

http::ServerResponse ConnectError(const absl::Status& status) {
  nlohmann::json error = {{"code", ConnectCodeName(status.code())},
                          {"message", std::string(status.message())}};
  status.ForEachPayload([&error](absl::string_view type_url, const absl::Cord& bytes) {
    error["details"].push_back(ToDetail(type_url, std::string(bytes)));
  });
  http::ServerResponse response;
  response.status = ConnectHttpStatus(status.code());
  response.content_type = "application/json";
  response.body = error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  response.headers.Add("Cache-Control", "no-store");
  if (const auto delay = GetRetryDelay(status)) {
    const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(*delay, absl::Seconds(1)));
    response.headers.Add("Retry-After", absl::StrCat(std::max<int64_t>(1, seconds)));
  } else if (response.status == 503) {
    response.headers.Add("Retry-After", "1");
  }
  return response;
}

}  // namespace datong::gateway
