#include "common/rpc/server_calls.h"

#include <grpc/support/time.h>

#include "common/log/log.h"
#include "common/rpc/status.h"
#include "common/status/error.h"

namespace datong::rpc {
namespace {

absl::string_view ToView(grpc::string_ref text) { return {text.data(), text.size()}; }

LogLevel LevelOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return LogLevel::kError;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return LogLevel::kWarn;
    case absl::StatusCode::kCancelled:
      return LogLevel::kDebug;
    default:
      return LogLevel::kInfo;
  }
}

// Whether the message tells of us. One about the caller's request quotes it, and with it persons
// and perhaps secrets: the caller gets it, the log has the reason.
bool IsOurs(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

}  // namespace

Calls::Calls(CallsOptions options, metrics::Registry& registry, const Gate* gate)
    : gate_(gate),
      pool_(options.threads, options.queue_capacity),
      series_("server", registry),
      without_deadline_(registry.AddCounter("datong_rpc_calls_without_deadline_total",
                                            "Calls that came without a deadline.")) {}

Calls::~Calls() = default;

CallRecord Calls::Begin(absl::string_view method, const char* type) {
  const MethodSeries& series = series_.Find(method, type);
  series.started->Increment();
  return {&series, std::chrono::steady_clock::now()};
}

CallContext Calls::MakeContext(const grpc::CallbackServerContext& context,
                               const std::string& method, bool unary) {
  IncomingHeaders headers;
  absl::string_view service;
  for (const auto& [key, value] : context.client_metadata()) {
    const absl::string_view name = ToView(key);
    if (name == "x-request-id") headers.request_id = ToView(value);
    if (name == "traceparent") headers.traceparent = ToView(value);
    if (name == "tracestate") headers.tracestate = ToView(value);
    if (name == "authorization") headers.authorization = ToView(value);
    if (name == kServiceHeader) service = ToView(value);
  }
  const gpr_timespec left =
      gpr_time_sub(context.raw_deadline(), gpr_now(context.raw_deadline().clock_type));
  absl::Duration time_left = absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
  // Without a deadline gRPC says "infinite future".
  if (time_left > absl::Hours(24 * 365)) {
    if (unary) without_deadline_.Increment();
    time_left = unary ? kDefaultDeadline : absl::Hours(24 * 365);
  }
  CallContext call = MakeCallContext(method, headers, Deadline::After(time_left));
  call.caller.peer = context.peer();
  if (gate_ != nullptr) gate_->Prove(context, service, call.caller);
  if (const trace::SpanContext parent = trace::ParseTraceparent(call.traceparent); parent.sampled) {
    call.span = std::make_shared<trace::Span>(trace::Kind::kServer, method.substr(1), parent,
                                              call.begins_trace);
    call.traceparent = call.span->context().Traceparent();
  }
  return call;
}

absl::Status Calls::Admit(CallContext& call, const google::protobuf::Message& request) const {
  if (gate_ == nullptr) return absl::OkStatus();
  return *gate_->Admit(call, request, /*may_block=*/true);
}

std::optional<absl::Status> Calls::AdmitAtOnce(CallContext& call,
                                               const google::protobuf::Message& request) const {
  if (gate_ == nullptr) return absl::OkStatus();
  return gate_->Admit(call, request, /*may_block=*/false);
}

grpc::Status Calls::End(const CallRecord& record, const CallContext& call,
                        const absl::Status& status) {
  const absl::Duration elapsed = absl::FromChrono(std::chrono::steady_clock::now() - record.begin);
  record.series->Handled(status.code(), elapsed);
  if (status.ok()) return grpc::Status();
  if (call.span != nullptr) call.span->Fail(CodeName(status.code()));
  const trace::Scope scope(trace::ParseTraceparent(call.traceparent));
  Log(LevelOf(status.code()), "call failed",
      {{"grpc_method", call.method},
       {"grpc_code", CodeName(status.code())},
       {"reason", GetReason(status)},
       {"cause", IsOurs(status.code()) ? status.message() : ""},
       {"request_id", call.request_id},
       {"caller", call.caller.name},
       {"duration_ms", absl::ToDoubleMilliseconds(elapsed)}});
  return ToGrpcStatus(status, call.request_id);
}

void Calls::Add(OpenStream& stream) {
  bool ending = false;
  {
    MutexLock lock(&mutex_);
    streams_.insert(&stream);
    ending = ending_;
  }
  if (ending) stream.EndSoon();
}

void Calls::Remove(OpenStream& stream) {
  MutexLock lock(&mutex_);
  streams_.erase(&stream);
}

void Calls::EndStreams() {
  MutexLock lock(&mutex_);
  ending_ = true;
  for (OpenStream* stream : streams_) stream->EndSoon();
}

absl::Status Calls::QueueFull() {
  return WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                  "The service has more calls than it can queue; slow down and "
                                  "come back in a second.",
                                  {"datong", "SERVER_BUSY", {}}),
                        absl::Seconds(1));
}

absl::Status Calls::Draining() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "This server is shutting down; open the stream again.",
                   {"datong", "SERVER_DRAINING", {}});
}

absl::Status Calls::FromException(const std::exception* thrown) {
  return absl::InternalError(
      absl::StrCat("a handler threw: ", thrown != nullptr ? thrown->what() : "not an exception"));
}

absl::Status Calls::TooLate(const grpc::CallbackServerContext& context, const CallContext& call) {
  if (call.deadline.Passed()) {
    return MakeError(
        absl::StatusCode::kDeadlineExceeded,
        "The call waited in the queue until its deadline; slow down or give it more time.",
        {"datong", "DEADLINE_IN_QUEUE", {}});
  }
  if (context.IsCancelled()) return absl::CancelledError("The caller went away.");
  return absl::OkStatus();
}

}  // namespace datong::rpc
