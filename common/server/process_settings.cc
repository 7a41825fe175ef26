#include "common/server/process_settings.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace datong::server {
namespace {

std::string Variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

// Of OTEL_TRACES_SAMPLER: always_on, always_off, traceidratio, each with or without parentbased_.
double DefaultSampleRatio() {
  const std::string sampler = Variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
  if (absl::EndsWith(sampler, "always_on")) return 1;
  if (absl::EndsWith(sampler, "always_off")) return 0;
  double ratio = 0;
  const bool is_ratio = absl::SimpleAtod(Variable("OTEL_TRACES_SAMPLER_ARG", "0.01"), &ratio);
  return is_ratio && ratio >= 0 && ratio <= 1 ? ratio : 0.01;
}

}  // namespace

ProcessSettings ProcessSettings::FromSettings(config::Settings& settings) {
  const auto port = [&settings](const std::string& key, int fallback, const std::string& help) {
    return static_cast<int>(settings.Int(key, fallback, 0, 65535, help + " 0: any free one."));
  };
  ProcessSettings process;
  process.address =
      settings.String("server.address", "0.0.0.0", "The address to listen on, for every port.");
  process.grpc_port = port("server.grpc_port", 9000, "Business RPCs.");
  process.health_port = port("server.health_port", 9001, "grpc.health.v1 alone, for probes.");
  process.metrics_port =
      port("server.metrics_port", 9464, "/metrics, /livez, /readyz and /version.");
  process.http_port = port("server.http_port", 8080, "HTTP, for the services that have routes.");
  process.threads = static_cast<int>(
      settings.Int("server.threads", 16, 1, 512, "Threads on which the RPCs of one service run."));
  process.queue = static_cast<int>(
      settings.Int("server.queue", 1024, 1, 1'000'000,
                   "Calls of one service that wait for a thread; above, RESOURCE_EXHAUSTED."));
  process.http_threads = static_cast<int>(settings.Int(
      "server.http_threads", 16, 1, 512, "Threads on which HTTP requests are answered."));
  process.reflection = settings.Bool("server.reflection", false, "Serves gRPC reflection.");
  process.core_dumps =
      settings.Bool("server.core_dumps", false, "Lets the process be dumped and traced.");
  process.drain_wait =
      settings.Duration("server.drain_wait", absl::Seconds(5), absl::ZeroDuration(),
                        absl::Minutes(5), "From \"not ready\" to the end of streams, at shutdown.");
  process.shutdown_grace =
      settings.Duration("server.shutdown_grace", absl::Seconds(20), absl::ZeroDuration(),
                        absl::Minutes(5), "What running calls get to end, at shutdown.");
  process.log_level = settings.String("log.level", "info", "debug, info, warn or error.");
  if (process.log_level != "debug" && process.log_level != "info" && process.log_level != "warn" &&
      process.log_level != "error") {
    settings.AddFault("log.level", "must be debug, info, warn or error");
  }
  process.log_file =
      settings.String("log.file", "", "File to append the log to; standard output when empty.");
  process.is_local =
      process.address == "127.0.0.1" || process.address == "::1" || process.address == "localhost";
  // Its standard variables are honoured, as the defaults of our own.
  process.traces_endpoint = settings.String(
      "traces.endpoint", Variable("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
      "OTLP/HTTP collector, http://host:4318; spans go to its /v1/traces. Empty: nowhere.");
  process.traces_service_name =
      settings.String("traces.service_name", Variable("OTEL_SERVICE_NAME", ""),
                      "service.name of the spans; datong-<component> when empty.");
  process.traces_sample_ratio =
      settings.Double("traces.sample_ratio", DefaultSampleRatio(), 0, 1,
                      "Part of the traces begun here that is sampled; others follow their parent.");
  process.tls.cert_file = settings.String(
      "tls.cert_file", "", "This service's certificate, PEM, with a SPIFFE ID; TLS is on with it.");
  process.tls.key_file = settings.String("tls.key_file", "", "The certificate's key, PEM.");
  process.tls.ca_file =
      settings.String("tls.ca_file", "", "The authority of all services' certificates, PEM.");
  process.tls.reload_interval =
      settings.Duration("tls.reload_interval", absl::Minutes(1), absl::Seconds(1), absl::Hours(1),
                        "How often these files are looked at again.");
  if (process.tls.key_file.empty() != process.tls.cert_file.empty() ||
      process.tls.ca_file.empty() != process.tls.cert_file.empty()) {
    settings.AddFault("tls.cert_file", "goes together with tls.key_file and tls.ca_file");
  }
  process.peers = settings.StringMap(
      "peers", "Address of that service, host:port or dns:///name:port, when it runs elsewhere.");
  return process;
}

}  // namespace datong::server
