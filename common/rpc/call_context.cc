#include "common/rpc/call_context.h"
#include "common/trace/trace.h"

#include <algorithm>
#include <random>

#include "absl/strings/ascii.h"

namespace datong::rpc {
namespace {

constexpr size_t kLongestRequestId = 128;
constexpr size_t kLongestTraceState = 512;

// Ids need to be unique, not unpredictable.
void AppendHex(std::string& out, int words) {
  static thread_local std::mt19937_64 generator(
      (static_cast<uint64_t>(std::random_device{}()) << 32) ^ std::random_device{}());
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 0; i < words; ++i) {
    uint64_t bits = generator();
    char digits[16];
    for (char& digit : digits) {
      digit = kDigits[bits & 15];
      bits >>= 4;
    }
    out.append(digits, sizeof digits);
  }
}

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kLongestRequestId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.' || c == ':';
         });
}

// What a header of a gRPC call may hold: the library ends the process over anything else.
bool IsVisible(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

CallContext MakeCallContext(absl::string_view method, const IncomingHeaders& headers,
                            Deadline deadline) {
  CallContext call;
  call.method = std::string(method);
  call.authorization = IsVisible(headers.authorization) ? std::string(headers.authorization)
                                                        : std::string(kMalformedAuthorization);
  call.deadline = deadline;
  if (IsRequestId(headers.request_id)) {
    call.request_id.assign(headers.request_id.data(), headers.request_id.size());
  } else {
    AppendHex(call.request_id, 2);
  }
  if (const trace::SpanContext context = trace::ParseTraceparent(headers.traceparent);
      context.valid()) {
    call.traceparent = context.Traceparent();
    if (headers.tracestate.size() <= kLongestTraceState && IsVisible(headers.tracestate)) {
      call.tracestate.assign(headers.tracestate.data(), headers.tracestate.size());
    }
  } else {
    call.traceparent = trace::NewTrace().Traceparent();
    call.begins_trace = true;
  }
  return call;
}

CallContext MakeBackgroundCall(absl::string_view name, Deadline deadline) {
  const trace::SpanContext current = trace::Current();
  const std::string traceparent = current.valid() ? current.Traceparent() : "";
  CallContext call = MakeCallContext(name, {{}, traceparent, {}, {}}, deadline);
  call.caller.name = std::string(name);
  return call;
}

}  // namespace datong::rpc
