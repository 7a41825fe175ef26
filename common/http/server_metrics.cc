#include "common/http/server_metrics.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace datong::http {
namespace {

// Methods come from outside: whatever is not one of these is counted as "other".
std::string MethodLabel(absl::string_view method) {
  constexpr std::array<absl::string_view, 7> kMethods = {"GET",   "POST", "PUT",    "DELETE",
                                                         "PATCH", "HEAD", "OPTIONS"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end() ? std::string(method)
                                                                               : "other";
}

}  // namespace

ServerMetrics::ServerMetrics(const Router& router, metrics::Registry& registry)
    : registry_(registry) {
  InFlight("other");
  for (const Router::Route& route : router.routes()) {
    InFlight(route.options.metric);
    Find(route.options.metric, route.method.empty() ? "POST" : route.method, 200);
  }
}

void ServerMetrics::Started(const std::string& handler) { InFlight(handler).Increment(); }

void ServerMetrics::Ended(const std::string& handler) { InFlight(handler).Decrement(); }

void ServerMetrics::Answered(const std::string& handler, absl::string_view method, int code,
                             absl::Duration elapsed, size_t request_bytes) {
  Series& series = Find(handler, method, code);
  series.requests->Increment();
  series.seconds->Observe(absl::ToDoubleSeconds(elapsed));
  series.bytes->Observe(static_cast<double>(request_bytes));
}

ServerMetrics::Series& ServerMetrics::Find(const std::string& handler, absl::string_view method,
                                           int code) {
  const std::string method_label = MethodLabel(method);
  const auto [entry, is_new] =
      series_.try_emplace(absl::StrCat(handler, "\n", method_label, "\n", code));
  if (is_new) {
    const metrics::Labels labels = {
        {"handler", handler}, {"method", method_label}, {"code", absl::StrCat(code)}};
    entry->second = {
        &registry_.AddCounter("http_requests_total", "HTTP requests answered.", labels),
        &registry_.AddHistogram("http_request_duration_seconds",
                                "Time from a request's first byte to its answer.",
                                metrics::kRpcBuckets, labels),
        &registry_.AddHistogram("http_request_size_bytes", "Sizes of request bodies.",
                                metrics::kSizeBuckets, labels)};
  }
  return entry->second;
}

metrics::Gauge& ServerMetrics::InFlight(const std::string& handler) {
  metrics::Gauge*& gauge = in_flight_[handler];
  if (gauge == nullptr) {
    gauge = &registry_.AddGauge("http_requests_in_flight", "HTTP requests being answered.",
                                {{"handler", handler}});
  }
  return *gauge;
}

}  // namespace datong::http
