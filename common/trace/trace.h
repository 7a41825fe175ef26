#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace datong::trace {

// Where a piece of work stands: W3C Trace Context, level 1. A trace id of zero: nowhere.
struct SpanContext {
  uint64_t trace_high = 0;
  uint64_t trace_low = 0;
  uint64_t span_id = 0;
  bool sampled = false;

  bool valid() const { return (trace_high | trace_low) != 0 && span_id != 0; }
  std::string TraceId() const;      // 32 hexadecimal digits
  std::string SpanId() const;       // 16
  std::string Traceparent() const;  // "00-{trace}-{span}-01"
};

// Nowhere when the text is no traceparent.
SpanContext ParseTraceparent(absl::string_view traceparent);
// The first span of a new trace; the ratio of SetSink decides whether it is sampled.
SpanContext NewTrace();

// Numbers as in OTLP.
enum class Kind { kServer = 2, kClient = 3 };

// A piece of work that is over. Holds no secret and no identifier of a person.
struct FinishedSpan {
  SpanContext context;
  uint64_t parent_id = 0;
  Kind kind = Kind::kServer;
  std::string name;
  std::chrono::system_clock::time_point start;
  std::chrono::system_clock::time_point end;
  std::string error;  // a code or a reason; empty when it went well
  std::vector<std::pair<const char*, std::string>> attributes;
};

// Takes finished spans. Thread-safe, and never blocks.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void Record(FinishedSpan span) = 0;
};

// Where the spans of this process go from now on, and which part of new traces is sampled (0 to
// 1). nullptr: nowhere, contexts are still handed on. The sink must outlive its use.
void SetSink(Sink* sink, double ratio);

// The context of the work that this thread does.
SpanContext Current();

// Makes `context` the thread's current one while it lives.
class Scope {
 public:
  explicit Scope(const SpanContext& context);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  const SpanContext before_;
};

// A span from construction to destruction, as a child of `parent`. Costs next to nothing when the
// trace is not sampled: then it stands for its parent. Not current by itself; see Scope.
class Span {
 public:
  // `begins`: nothing came before, `parent` only names the trace.
  Span(Kind kind, absl::string_view name, const SpanContext& parent = Current(),
       bool begins = false);
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  const SpanContext& context() const { return span_.context; }
  bool recording() const { return recording_; }
  void Set(const char* attribute, absl::string_view value);
  // `code` says how it failed: "UNAVAILABLE".
  void Fail(absl::string_view code);

 private:
  bool recording_ = false;
  FinishedSpan span_;
};

}  // namespace datong::trace
