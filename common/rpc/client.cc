#include "common/rpc/client.h"

#include <algorithm>
#include <chrono>
#include <thread>

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

}  // namespace

std::shared_ptr<grpc::Channel> CreateChannel(const std::string& address, int max_message_bytes) {
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
  arguments.SetMaxReceiveMessageSize(max_message_bytes);
  arguments.SetLoadBalancingPolicyName("round_robin");
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
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
    const bool again = options.idempotent && absl::IsUnavailable(status) && tries < kAttempts;
    if (!again) span.Fail(CodeName(status.code()));
    if (!again) return status;
    const absl::Duration wait =
        std::max(backoff.Next(random), GetRetryDelay(status).value_or(absl::ZeroDuration()));
    // A wait longer than the caller has is no help to it.
    if (wait >= deadline.Remaining() || wait > kLongestWait) return status;
    std::this_thread::sleep_for(absl::ToChronoMicroseconds(wait));
  }
}

}  // namespace datong::rpc
