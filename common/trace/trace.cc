#include "common/trace/trace.h"

#include <atomic>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace datong::trace {
namespace {

std::atomic<Sink*> the_sink{nullptr};
std::atomic<double> the_ratio{0};
thread_local SpanContext current;

// Ids need to be unique, not unpredictable.
uint64_t NewId() {
  static thread_local std::mt19937_64 generator(
      (static_cast<uint64_t>(std::random_device{}()) << 32) ^ std::random_device{}());
  uint64_t id = 0;
  while (id == 0) id = generator();
  return id;
}

std::string Hex(uint64_t number) { return absl::StrCat(absl::Hex(number, absl::kZeroPad16)); }

bool ReadHex(absl::string_view digits, uint64_t& number) {
  number = 0;
  for (const char c : digits) {
    // Capitals are not allowed.
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) return false;
    number = number << 4 | static_cast<uint64_t>(value);
  }
  return true;
}

}  // namespace

std::string SpanContext::TraceId() const { return Hex(trace_high) + Hex(trace_low); }
std::string SpanContext::SpanId() const { return Hex(span_id); }
std::string SpanContext::Traceparent() const {
  return absl::StrCat("00-", TraceId(), "-", SpanId(), sampled ? "-01" : "-00");
}

SpanContext ParseTraceparent(absl::string_view text) {
  SpanContext context;
  uint64_t version = 0;
  uint64_t flags = 0;
  // Later versions may be longer, but only behind another dash.
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
      (text.size() > 55 && text[55] != '-') || !ReadHex(text.substr(0, 2), version) ||
      version == 0xff || (version == 0 && text.size() != 55) ||
      !ReadHex(text.substr(3, 16), context.trace_high) ||
      !ReadHex(text.substr(19, 16), context.trace_low) ||
      !ReadHex(text.substr(36, 16), context.span_id) || !ReadHex(text.substr(53, 2), flags)) {
    return {};
  }
  context.sampled = (flags & 1) != 0;
  return context.valid() ? context : SpanContext();
}

SpanContext NewTrace() {
  SpanContext context{.trace_high = NewId(), .trace_low = NewId(), .span_id = NewId()};
  // By the trace id, so that whoever else decides by the same ratio decides the same.
  const double draw = static_cast<double>(context.trace_low >> 11) * 0x1p-53;
  context.sampled = draw < the_ratio.load(std::memory_order_relaxed);
  return context;
}

void SetSink(Sink* sink, double ratio) {
  the_sink.store(sink);
  the_ratio.store(sink == nullptr ? 0 : ratio);
}

SpanContext Current() { return current; }

Scope::Scope(const SpanContext& context) : before_(current) { current = context; }
Scope::~Scope() { current = before_; }

Span::Span(Kind kind, absl::string_view name, const SpanContext& parent, bool begins) {
  span_.context = parent;
  if (!parent.sampled || the_sink.load(std::memory_order_relaxed) == nullptr) return;
  recording_ = true;
  span_.context.span_id = NewId();
  span_.parent_id = begins ? 0 : parent.span_id;
  span_.kind = kind;
  span_.name = std::string(name);
  span_.start = std::chrono::system_clock::now();
}

Span::~Span() {
  if (!recording_) return;
  span_.end = std::chrono::system_clock::now();
  if (Sink* sink = the_sink.load()) sink->Record(std::move(span_));
}

void Span::Set(const char* attribute, absl::string_view value) {
  if (recording_) span_.attributes.emplace_back(attribute, std::string(value));
}

void Span::Fail(absl::string_view code) {
  if (recording_) span_.error = std::string(code);
}

}  // namespace datong::trace
