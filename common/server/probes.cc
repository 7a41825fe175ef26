#include "common/server/probes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

#ifndef DATONG_VERSION
#define DATONG_VERSION "unknown"
#endif
#ifndef DATONG_REVISION
#define DATONG_REVISION "unknown"
#endif

namespace datong::server {

Probes::Probes(metrics::Registry& registry, std::string component)
    : registry_(registry),
      component_(std::move(component)),
      process_(registry),
      dropped_lines_(registry.AddCounter("datong_log_dropped_total",
                                         "Log lines that a slow reader cost.",
                                         {{"reason", "buffer_full"}})) {
  for (const char* reason : {"queue_full", "export_failed"}) {
    registry.AddCounter("datong_trace_spans_dropped_total", "Spans that were not sent.",
                        {{"reason", reason}});
  }
  registry
      .AddGauge(
          "datong_build_info", "Which build this is.",
          {{"version", DATONG_VERSION}, {"revision", DATONG_REVISION}, {"component", component_}})
      .Set(1);
}

std::string Probes::Scrape() {
  process_.Update();
  const double dropped = static_cast<double>(DroppedLogLines());
  if (dropped > dropped_lines_.Value()) dropped_lines_.Increment(dropped - dropped_lines_.Value());
  return registry_.Serialize();
}

void Probes::Register(http::Router& router, std::function<absl::Status()> check) {
  router.Handle("GET", "/metrics", {}, [this](const http::ServerRequest&) {
    http::ServerResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = Scrape();
    return response;
  });
  router.Handle("GET", "/livez", {.is_inline = true}, [](const http::ServerRequest&) {
    http::ServerResponse response;
    response.body = "alive\n";
    return response;
  });
  router.Handle("GET", "/readyz", {.is_inline = true},
                [check = std::move(check)](const http::ServerRequest&) {
                  const absl::Status status = check();
                  http::ServerResponse response;
                  response.status = status.ok() ? 200 : 503;
                  response.body = status.ok() ? "ready\n" : absl::StrCat(status.message(), "\n");
                  return response;
                });
  router.Handle("GET", "/version", {.is_inline = true}, [this](const http::ServerRequest&) {
    http::ServerResponse response;
    response.content_type = "application/json";
    response.body = absl::StrCat("{\"component\":\"", component_,
                                 "\",\"version\":\"" DATONG_VERSION
                                 "\",\"revision\":\"" DATONG_REVISION "\"}\n");
    return response;
  });
}

}  // namespace datong::server
