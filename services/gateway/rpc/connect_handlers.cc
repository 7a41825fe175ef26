#include "services/gateway/rpc/connect_handlers.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/http/content_encoding.h"
#include "common/rpc/call_context.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/gateway/rpc/call_of.h"
#include "services/gateway/rpc/connect_error.h"

namespace datong::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

constexpr char kErrorDomain[] = "gateway.datong";

absl::Status Invalid(absl::string_view reason, absl::string_view sentence) {
  return MakeError(absl::StatusCode::kInvalidArgument, sentence,
                   {kErrorDomain, std::string(reason), {}});
}

std::unique_ptr<Message> NewMessage(const Descriptor* descriptor) {
  return std::unique_ptr<Message>(
      MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

// "application/json; charset=utf-8" → "application/json".
std::string MediaType(absl::string_view content_type) {
  return absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
}

absl::StatusOr<absl::Duration> Timeout(absl::string_view header, const ConnectOptions& options) {
  if (header.empty()) return options.default_timeout;
  int64_t millis = 0;
  if (header.size() > 10 || !absl::SimpleAtoi(header, &millis) || millis < 0) {
    return Invalid("TIMEOUT_INVALID",
                   "The connect-timeout-ms header must be a number of at most 10 digits.");
  }
  return std::min(options.longest_timeout, absl::Milliseconds(millis));
}

absl::StatusOr<std::string> JsonToBytes(const Descriptor* type, const std::string& json) {
  const std::unique_ptr<Message> message = NewMessage(type);
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, message.get());
  if (!parsed.ok()) {
    // The parser's first line: those after it repeat the body.
    absl::string_view why(parsed.message().data(), parsed.message().size());
    why = absl::StripSuffix(why.substr(0, why.find('\n')), ".");
    return Invalid("JSON_INVALID",
                   absl::StrCat("The body is no ", type->full_name(), " in JSON: ", why,
                                ". The page / shows a sample of each request."));
  }
  return message->SerializeAsString();
}

absl::Status CheckBytes(const Descriptor* type, const std::string& bytes) {
  if (NewMessage(type)->ParseFromString(bytes)) return absl::OkStatus();
  return Invalid("MESSAGE_INVALID",
                 absl::StrCat("The body is no ", type->full_name(), " in binary form."));
}

absl::StatusOr<std::string> BytesToJson(const Descriptor* type, const std::string& bytes) {
  const std::unique_ptr<Message> message = NewMessage(type);
  std::string json;
  if (!message->ParseFromString(bytes) ||
      !google::protobuf::util::MessageToJsonString(*message, &json).ok()) {
    return absl::InternalError("The answer could not be turned into JSON.");
  }
  return json;
}

http::ServerResponse UnsupportedMediaType() {
  http::ServerResponse response;
  response.status = 415;
  response.headers.Add("Accept-Post", "application/json, application/proto");
  response.body = "Send application/json or application/proto.\n";
  return response;
}

http::ServerResponse UnknownMethod(absl::string_view sentence) {
  http::ServerResponse response = ConnectError(
      MakeError(absl::StatusCode::kUnimplemented, sentence, {kErrorDomain, "METHOD_UNKNOWN", {}}));
  response.status = 404;
  return response;
}

}  // namespace

void ConnectHandlers::RegisterRoutes(http::Router& router) {
  const auto handler = [this](const http::ServerRequest& request) { return Handle(request); };
  for (const std::string& service : directory_.services()) {
    router.Handle("POST", absl::StrCat("/", service, "/{method}"),
                  {.metric = "rpc", .max_body_bytes = options_.max_message_bytes}, handler);
  }
  // A service that does not exist, so that a typing error is answered in the protocol's own words.
  router.Handle("POST", "/{service}/{method}", {.metric = "rpc", .max_body_bytes = 64 << 10},
                handler);
}

http::ServerResponse ConnectHandlers::Handle(const http::ServerRequest& request) {
  const ApiMethod* method = directory_.Find(request.path);
  if (method == nullptr) {
    if (!absl::StartsWith(request.path, "/datong.")) {
      http::ServerResponse response;
      response.status = 404;
      response.body = "Not Found\n";
      return response;
    }
    return UnknownMethod("There is no such method; the page / lists them all.");
  }
  if (!method->is_unary()) {
    return UnknownMethod("This method streams and is served over gRPC only; use its paged form.");
  }
  const std::string media_type = MediaType(request.headers.Get("content-type"));
  const bool is_json = media_type == "application/json";
  if (!is_json && media_type != "application/proto") return UnsupportedMediaType();

  absl::StatusOr<std::string> answer = Answer(request, *method, is_json);
  if (!answer.ok()) return ConnectError(answer.status());
  http::ServerResponse response;
  response.content_type = media_type;
  response.body = *std::move(answer);
  response.headers.Add("Cache-Control", "no-store");
  return response;
}

absl::StatusOr<std::string> ConnectHandlers::Answer(const http::ServerRequest& request,
                                                    const ApiMethod& method, bool is_json) {
  const absl::string_view version = request.headers.Get("connect-protocol-version");
  if (!version.empty() && version != "1") {
    return Invalid("PROTOCOL_VERSION_INVALID", "The connect-protocol-version header must be 1.");
  }
  DATONG_ASSIGN_OR_RETURN(const absl::Duration timeout,
                          Timeout(request.headers.Get("connect-timeout-ms"), options_));
  DATONG_ASSIGN_OR_RETURN(std::string body, http::Decode(request.headers.Get("content-encoding"),
                                                         request.body, options_.max_message_bytes));
  if (is_json) {
    DATONG_ASSIGN_OR_RETURN(body, JsonToBytes(method.descriptor->input_type(), body));
  } else {
    DATONG_RETURN_IF_ERROR(CheckBytes(method.descriptor->input_type(), body));
  }
  const Call call = CallOf(request, method.path, timeout);
  if (call.authorization == rpc::kMalformedAuthorization) {
    return MakeError(absl::StatusCode::kUnauthenticated,
                     "The authorization header holds characters that none may hold.",
                     {kErrorDomain, "AUTHORIZATION_MALFORMED", {}});
  }
  DATONG_ASSIGN_OR_RETURN(std::string answer, backends_.Call(call, method.owner, body));
  if (!is_json) return answer;
  return BytesToJson(method.descriptor->output_type(), answer);
}

}  // namespace datong::gateway
