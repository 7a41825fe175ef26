#include "common/server/otlp_exporter.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "common/status/error.h"

namespace datong::server {
namespace {

using nlohmann::json;

constexpr size_t kMostQueued = 8192;
constexpr size_t kMostSentAtOnce = 1024;
constexpr absl::Duration kInterval = absl::Seconds(1);
constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr absl::Duration kLastTimeout = absl::Seconds(2);
constexpr int kStatusError = 2;

// Nothing public is reached: the operator names the collector.
http::ClientOptions Options() {
  http::ClientOptions options;
  options.allow_private = true;
  return options;
}

json Attribute(const std::string& key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", SanitizeUtf8(value)}}}};
}

// int64 as text, as JSON of Protobuf has it.
std::string Nanos(std::chrono::system_clock::time_point time) {
  return absl::StrCat(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

json ToJson(const trace::FinishedSpan& span) {
  json one = {{"traceId", span.context.TraceId()},
              {"spanId", span.context.SpanId()},
              {"name", span.name},
              {"kind", static_cast<int>(span.kind)},
              {"startTimeUnixNano", Nanos(span.start)},
              {"endTimeUnixNano", Nanos(span.end)}};
  if (span.parent_id != 0) {
    one["parentSpanId"] = trace::SpanContext{.span_id = span.parent_id}.SpanId();
  }
  if (!span.error.empty()) one["status"] = {{"code", kStatusError}, {"message", span.error}};
  for (const auto& [key, value] : span.attributes) {
    one["attributes"].push_back(Attribute(key, value));
  }
  return one;
}

metrics::Counter& Dropped(metrics::Registry& registry, const char* reason) {
  return registry.AddCounter("datong_trace_spans_dropped_total", "Spans that were not sent.",
                             {{"reason", reason}});
}

}  // namespace

OtlpExporter::OtlpExporter(const std::string& endpoint, std::string service_name,
                           std::string version, metrics::Registry& registry)
    : url_(absl::StrCat(absl::StripSuffix(endpoint, "/"), "/v1/traces")),
      service_name_(std::move(service_name)),
      version_(std::move(version)),
      queue_full_(Dropped(registry, "queue_full")),
      export_failed_(Dropped(registry, "export_failed")),
      http_(Options()),
      thread_([this] { Run(); }) {}

OtlpExporter::~OtlpExporter() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void OtlpExporter::Record(trace::FinishedSpan span) {
  MutexLock lock(&mutex_);
  if (queue_.size() >= kMostQueued) {
    queue_full_.Increment();
  } else {
    queue_.push_back(std::move(span));
  }
}

void OtlpExporter::Run() {
  for (bool last = false; !last;) {
    std::vector<trace::FinishedSpan> spans;
    {
      MutexLock lock(&mutex_);
      const auto is_due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || queue_.size() >= kMostSentAtOnce;
      };
      mutex_.AwaitWithTimeout(absl::Condition(&is_due), kInterval);
      while (!queue_.empty() && (stopping_ || spans.size() < kMostSentAtOnce)) {
        spans.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      last = stopping_;
    }
    if (!spans.empty()) Send(spans, last ? kLastTimeout : kTimeout);
  }
}

void OtlpExporter::Send(const std::vector<trace::FinishedSpan>& spans, absl::Duration timeout) {
  json list = json::array();
  for (const trace::FinishedSpan& span : spans) list.push_back(ToJson(span));
  const json body = {
      {"resourceSpans",
       {{{"resource",
          {{"attributes",
            {Attribute("service.name", service_name_), Attribute("service.version", version_)}}}},
         {"scopeSpans", {{{"scope", {{"name", "datong"}}}, {"spans", std::move(list)}}}}}}}};
  http::ClientRequest request;
  request.method = "POST";
  request.url = url_;
  request.headers.Add("Content-Type", "application/json");
  request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  const absl::StatusOr<http::ClientResponse> answer = http_.Send(request, Deadline::After(timeout));
  if (answer.ok() && answer->status / 100 == 2) return;
  export_failed_.Increment(static_cast<double>(spans.size()));
  LogWarn("spans are lost: the collector does not take them",
          {{"spans", static_cast<int64_t>(spans.size())},
           {"reason",
            answer.ok() ? absl::StrCat("HTTP_", answer->status) : GetReason(answer.status())}});
}

}  // namespace datong::server
