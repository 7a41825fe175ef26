#include "common/rpc/call_context.h"

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

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsTraceparent(absl::string_view text) {
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const absl::string_view trace = text.substr(3, 32);
  const absl::string_view span = text.substr(36, 16);
  return IsLowerHex(text.substr(0, 2)) && text.substr(0, 2) != "ff" && IsLowerHex(trace) &&
         IsLowerHex(span) && IsLowerHex(text.substr(53, 2)) &&
         trace.find_first_not_of('0') != absl::string_view::npos &&
         span.find_first_not_of('0') != absl::string_view::npos;
}

}  // namespace

CallContext MakeCallContext(absl::string_view method, const IncomingHeaders& headers,
                            Deadline deadline) {
  CallContext call{.method = std::string(method),
                   .caller = {},
                   .request_id = {},
                   .traceparent = {},
                   .tracestate = {},
                   .authorization = IsVisible(headers.authorization)
                                        ? std::string(headers.authorization)
                                        : std::string(kMalformedAuthorization),
                   .deadline = deadline};
  if (IsRequestId(headers.request_id)) {
    call.request_id.assign(headers.request_id.data(), headers.request_id.size());
  } else {
    AppendHex(call.request_id, 2);
  }
  if (IsTraceparent(headers.traceparent)) {
    call.traceparent.assign(headers.traceparent.data(), headers.traceparent.size());
    if (headers.tracestate.size() <= kLongestTraceState && IsVisible(headers.tracestate)) {
      call.tracestate.assign(headers.tracestate.data(), headers.tracestate.size());
    }
  } else {
    call.traceparent.reserve(55);
    call.traceparent = "00-";
    AppendHex(call.traceparent, 2);
    call.traceparent += '-';
    AppendHex(call.traceparent, 1);
    call.traceparent += "-00";
  }
  return call;
}

CallContext MakeBackgroundCall(absl::string_view name, Deadline deadline) {
  CallContext call = MakeCallContext(name, {}, deadline);
  call.caller.name = std::string(name);
  return call;
}

absl::string_view TraceIdOf(absl::string_view traceparent) {
  return traceparent.size() == 55 ? traceparent.substr(3, 32) : absl::string_view();
}

}  // namespace datong::rpc
