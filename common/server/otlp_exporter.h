#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "common/trace/trace.h"

namespace datong::server {

// Sends finished spans to a collector by OTLP/HTTP with JSON (OpenTelemetry protocol 1.x,
// ExportTraceServiceRequest), from a bounded queue and on a thread of its own. What a full queue or
// an absent collector costs is counted, and costs no call any time. Thread-safe.
class OtlpExporter final : public trace::Sink {
 public:
  // `endpoint`: "http://host:4318"; spans go to its /v1/traces.
  OtlpExporter(const std::string& endpoint, std::string service_name, std::string version,
               metrics::Registry& registry);
  // Sends what is left, for at most two seconds.
  ~OtlpExporter() override;

  void Record(trace::FinishedSpan span) override;

 private:
  void Run();
  void Send(const std::vector<trace::FinishedSpan>& spans, absl::Duration timeout);

  const std::string url_;
  const std::string service_name_;
  const std::string version_;
  metrics::Counter& queue_full_;
  metrics::Counter& export_failed_;
  http::Client http_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<trace::FinishedSpan> queue_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace datong::server
