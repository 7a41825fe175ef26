#include "common/rpc/client.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/status.h"
#include "common/status/error.h"
#include "common/time/backoff.h"

namespace datong::rpc {
namespace {

constexpr int kAttempts = 3;
constexpr absl::Duration kFirstWait = absl::Milliseconds(100);
constexpr absl::Duration kLongestWait = absl::Seconds(2);

// Adds headers to every call of its channel.
class HeaderInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit HeaderInterceptor(const std::map<std::string, std::string>& headers)
      : headers_(headers) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->insert(headers_.begin(), headers_.end());
    }
    methods->Proceed();
  }

 private:
  const std::map<std::string, std::string>& headers_;
};

class HeaderInterceptorFactory final
    : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit HeaderInterceptorFactory(std::map<std::string, std::string> headers)
      : headers_(std::move(headers)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new HeaderInterceptor(headers_);
  }

 private:
  const std::map<std::string, std::string> headers_;
};

}  // namespace

std::shared_ptr<grpc::Channel> CreateChannel(const std::string& address,
                                             const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 10'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  // Retries are ours: only they know which calls may run twice.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(options.max_message_bytes);
  arguments.SetLoadBalancingPolicyName("round_robin");
  const auto credentials =
      options.credentials != nullptr ? options.credentials : grpc::InsecureChannelCredentials();
  if (options.headers.empty()) {
    return grpc::CreateCustomChannel(address, credentials, arguments);
  }
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<HeaderInterceptorFactory>(options.headers));
  return grpc::experimental::CreateCustomChannelWithInterceptors(address, credentials, arguments,
                                                                 std::move(interceptors));
}

void PrepareContext(const CallContext& call, absl::Duration longest, grpc::ClientContext& context) {
  PrepareContext(call, call.traceparent, longest, context);
}

void PrepareContext(const CallContext& call, const std::string& traceparent, absl::Duration longest,
                    grpc::ClientContext& context) {
  // A little earlier than our own caller gives up, so that its answer still names the cause.
  const absl::Duration left = call.deadline.Remaining();
  const absl::Duration margin = std::min(left / 10, absl::Milliseconds(50));
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMicroseconds(std::min(left - margin, longest)));
  if (!call.request_id.empty()) context.AddMetadata("x-request-id", call.request_id);
  if (!traceparent.empty()) context.AddMetadata("traceparent", traceparent);
  if (!call.tracestate.empty()) context.AddMetadata("tracestate", call.tracestate);
  if (!call.authorization.empty()) context.AddMetadata("authorization", call.authorization);
}

void Outgoing::Expect(std::initializer_list<absl::string_view> methods) {
  for (const absl::string_view method : methods) series_.Find(method, "unary");
}

absl::Status Outgoing::Run(const CallContext& call, absl::string_view method, CallOptions options,
                           absl::FunctionRef<grpc::Status(grpc::ClientContext&)> attempt) {
  const MethodSeries& series = series_.Find(method, "unary");
  const Deadline deadline = call.deadline.AtMost(options.longest);
  // Within our own span when there is one, since then that is what began the trace.
  trace::Span span(trace::Kind::kClient, method.substr(1),
                   trace::ParseTraceparent(call.traceparent),
                   call.begins_trace && call.span == nullptr);
  const std::string traceparent =
      span.context().valid() ? span.context().Traceparent() : call.traceparent;
  Backoff backoff(kFirstWait, kLongestWait);
  absl::InsecureBitGen random;
  for (int tries = 1;; ++tries) {
    grpc::ClientContext context;
    PrepareContext(call, traceparent, deadline.Remaining(), context);
    const auto begin = std::chrono::steady_clock::now();
    series.started->Increment();
    series.sent->Increment();
    const absl::Status status = FromGrpcStatus(attempt(context));
    series.Handled(status.code(), absl::FromChrono(std::chrono::steady_clock::now() - begin));
    if (status.ok()) {
      series.received->Increment();
      return status;
    }
    // We never cancel a call: a server that shuts down ends so what it has not begun.
    const bool may_come_again = absl::IsUnavailable(status) || absl::IsCancelled(status);
    const absl::Duration wait =
        std::max(backoff.Next(random), GetRetryDelay(status).value_or(absl::ZeroDuration()));
    // A wait longer than the caller has is no help to it.
    const bool in_time = wait < deadline.Remaining() && wait <= kLongestWait;
    if (!(options.idempotent && may_come_again && tries < kAttempts && in_time)) {
      span.Fail(CodeName(status.code()));
      return status;
    }
    std::this_thread::sleep_for(absl::ToChronoMicroseconds(wait));
  }
}

}  // namespace datong::rpc
