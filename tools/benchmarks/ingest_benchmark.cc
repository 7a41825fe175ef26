#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/ingest/v1/event.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/copy_limit.h"
#include "tools/benchmarks/estate.h"

namespace datong::bench {
namespace {

constexpr int kStreamEvents = 50'000;
constexpr int kStreamBatch = 1000;
constexpr int kHttpEvents = 20'000;
constexpr int kHttpBatch = 50;
constexpr int kHttpConnections = 32;
constexpr int kDevices = 5000;
constexpr double kStreamBar = 0.4;
constexpr double kHttpBar = 0.25;
constexpr char kProject[] = "projects/demo";
constexpr char kSource[] = "projects/demo/sources/bench";
constexpr char kWriteKey[] = "bench-write-key";

absl::Status Prepare(const Estate& estate, server::Process& process) {
  metrics::Registry registry;
  rpc::Outgoing outgoing(registry);
  const rpc::CallContext call = estate.Call();
  const auto identity = identity::v1::IdentityService::NewStub(process.channel());
  identity::v1::RegisterProjectRequest known;
  known.set_project(kProject);
  known.set_number(1);
  DATONG_RETURN_IF_ERROR(
      outgoing
          .Call(call, "/datong.identity.v1.IdentityService/RegisterProject", *identity,
                &identity::v1::IdentityService::StubInterface::RegisterProject, known)
          .status());
  const auto sources = ingest::v1::SourceService::NewStub(process.channel());
  ingest::v1::RegisterProjectRequest project;
  project.set_project(kProject);
  project.set_number(1);
  DATONG_RETURN_IF_ERROR(
      outgoing
          .Call(call, "/datong.ingest.v1.SourceService/RegisterProject", *sources,
                &ingest::v1::SourceService::StubInterface::RegisterProject, project)
          .status());
  ingest::v1::CreateSourceRequest create;
  create.mutable_source()->set_name(kSource);
  create.mutable_source()->set_kind(ingest::v1::SOURCE_KIND_SERVER);
  create.mutable_source()->set_trust(ingest::v1::TRUST_SERVER);
  create.mutable_source()->set_surface("bench");
  create.mutable_source()->set_write_key(kWriteKey);
  return outgoing
      .Call(call, "/datong.ingest.v1.SourceService/CreateSource", *sources,
            &ingest::v1::SourceService::StubInterface::CreateSource, create)
      .status();
}

std::vector<ingest::v1::StreamEventsRequest> StreamRequests(int round) {
  std::vector<ingest::v1::StreamEventsRequest> requests(kStreamEvents / kStreamBatch);
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  int serial = 0;
  for (ingest::v1::StreamEventsRequest& request : requests) {
    request.set_source(kSource);
    for (int i = 0; i < kStreamBatch; ++i, ++serial) {
      ingest::v1::Event& event = *request.add_events();
      event.set_event_id(absl::StrCat("bench-", round, "-", serial));
      const int64_t time_ms = now_ms - 60'000 + serial;
      event.mutable_event_time()->set_seconds(time_ms / 1000);
      event.mutable_event_time()->set_nanos(static_cast<int32_t>(time_ms % 1000) * 1'000'000);
      event.set_type(ingest::v1::EVENT_TYPE_CUSTOM);
      event.set_event_name("order_submit");
      event.set_identifier(absl::StrCat("device:bench:5570a1b2-0000-4000-8000-",
                                        absl::Dec(serial % kDevices, absl::kZeroPad12)));
      event.set_session_id(absl::StrCat("session-", serial / 10));
      event.set_platform("server");
      event.set_path("/pages/order/confirm");
      event.set_title("Confirm the order");
      for (int field = 0; field < 6; ++field) {
        (*event.mutable_attributes())[absl::StrCat("attribute_", field)] =
            absl::StrCat("value-", serial % 97, "-", field);
      }
    }
  }
  return requests;
}

// Sends the batches over one stream; returns events a second until the last one was acknowledged.
absl::StatusOr<double> RunStream(const Estate& estate, ingest::v1::EventService::Stub& stub,
                                 int round) {
  const std::vector<ingest::v1::StreamEventsRequest> requests = StreamRequests(round);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  context.AddMetadata("authorization", estate.authorization());
  const auto begin = std::chrono::steady_clock::now();
  const auto stream = stub.StreamEvents(&context);
  std::thread writer([&] {
    for (const ingest::v1::StreamEventsRequest& request : requests) {
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });
  int64_t acknowledged = 0;
  bool all_stored = true;
  for (ingest::v1::StreamEventsResponse ack; stream->Read(&ack);) {
    acknowledged = ack.acknowledged();
    all_stored &= ack.results().empty();
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  writer.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  if (acknowledged != static_cast<int64_t>(requests.size()) || !all_stored) {
    return absl::InternalError("Not every event of the stream was stored.");
  }
  return kStreamEvents / seconds;
}

std::vector<std::string> HttpRequests(int round) {
  std::vector<std::string> requests;
  const absl::Time now = absl::Now();
  const auto iso = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
  };
  for (int serial = 0; serial < kHttpEvents;) {
    std::string body = "{\"batch\":[";
    for (int i = 0; i < kHttpBatch; ++i, ++serial) {
      absl::StrAppend(
          &body, i == 0 ? "" : ",", R"({"type":"track","event":"order_submit","messageId":"bench-)",
          round, "-", serial, R"(","anonymousId":"5570a1b2-0000-4000-8000-)", serial % kDevices,
          R"(","timestamp":")", iso(now - absl::Seconds(60) + absl::Milliseconds(serial)),
          R"(","context":{"library":{"name":"bench","version":"1"},"page":{"path":"/confirm"}},)",
          R"("properties":{"attribute_0":"value-)", serial % 97,
          R"(","attribute_1":"value","attribute_2":"value","amount":)", serial % 1000, "}}");
    }
    absl::StrAppend(&body, "],\"sentAt\":\"", iso(now), "\"}");
    requests.push_back(
        absl::StrCat("POST /v1/batch HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n",
                     "Authorization: Basic ", absl::Base64Escape(absl::StrCat(kWriteKey, ":")),
                     "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  }
  return requests;
}

// A connection that sends one request after the other and reads each answer: as little work as
// possible, so that the server is measured.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      close(fd_);
      fd_ = -1;
    }
  }
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Whether the request was answered with 200 (or 204).
  bool Post(const std::string& request) {
    for (size_t sent = 0; sent < request.size();) {
      const ssize_t size = send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return false;
      sent += static_cast<size_t>(size);
    }
    std::string answer;
    size_t whole = std::string::npos;
    while (answer.size() < whole) {
      char buffer[4096];
      const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
      if (size <= 0) return false;
      answer.append(buffer, static_cast<size_t>(size));
      const size_t head = answer.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const size_t length = answer.find("Content-Length: ");
      whole = head + 4 + (length < head ? std::stoul(answer.substr(length + 16)) : 0);
    }
    return answer.rfind("HTTP/1.1 20", 0) == 0;
  }

 private:
  int fd_;
};

absl::StatusOr<double> RunHttp(int port, int round) {
  const std::vector<std::string> requests = HttpRequests(round);
  std::atomic<size_t> next = 0;
  std::atomic<int> failures = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < kHttpConnections; ++i) {
    threads.emplace_back([&] {
      Connection connection(port);
      for (size_t index = next++; index < requests.size(); index = next++) {
        if (!connection.Post(requests[index])) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (failures > 0) {
    return absl::UnavailableError(absl::StrCat(failures.load(), " requests were refused."));
  }
  return kHttpEvents / seconds;
}

// The median over the rounds of the rate ÷ the limit's rate for the same rows.
absl::StatusOr<Figure> Compare(const std::string& name, double bar, int rounds, int events,
                               CopyLimit& limit,
                               const std::function<absl::StatusOr<double>(int round)>& run) {
  DATONG_RETURN_IF_ERROR(run(-1).status());  // warms up
  std::vector<double> ratios;
  std::vector<double> rates;
  std::vector<double> limit_rates;
  for (int round = 0; round < rounds; ++round) {
    DATONG_RETURN_IF_ERROR(limit.Empty());
    DATONG_ASSIGN_OR_RETURN(const double rate, run(round));
    DATONG_ASSIGN_OR_RETURN(const int64_t stored, limit.CountEvents());
    if (stored != events) {
      return absl::InternalError(
          absl::StrCat(name, ": ", stored, " of ", events, " events are in the table."));
    }
    DATONG_ASSIGN_OR_RETURN(const double limit_rate, limit.Measure());
    rates.push_back(rate);
    limit_rates.push_back(limit_rate);
    ratios.push_back(rate / limit_rate);
  }
  return Figure{name,
                Median(ratios),
                "x",
                bar,
                true,
                absl::StrFormat("%.0f over %.0f events/s, %.0f rows a commit", Median(rates),
                                Median(limit_rates), limit.rows_per_commit())};
}

}  // namespace

absl::StatusOr<std::vector<Figure>> BenchIngest(int rounds) {
  const std::vector<server::ModuleDefinition> modules = {ingest::kModule, identity::kModule};
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<Estate> estate, Estate::Make(modules));
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<server::Process> process,
                          estate->StartProcess("ingest-bench", modules));
  DATONG_RETURN_IF_ERROR(Prepare(*estate, *process));
  DATONG_ASSIGN_OR_RETURN(CopyLimit limit, CopyLimit::Connect(estate->dsn()));
  const auto stub = ingest::v1::EventService::NewStub(
      rpc::CreateChannel(absl::StrCat("127.0.0.1:", process->ports().grpc)));
  const int http_port = process->ports().http;
  DATONG_ASSIGN_OR_RETURN(
      const Figure stream,
      Compare("ingest over the gRPC stream / binary COPY", kStreamBar, rounds, kStreamEvents, limit,
              [&](int round) { return RunStream(*estate, *stub, round); }));
  DATONG_ASSIGN_OR_RETURN(
      const Figure http,
      Compare("ingest over HTTP, batches of 50 / binary COPY", kHttpBar, rounds, kHttpEvents, limit,
              [&](int round) { return RunHttp(http_port, 1000 + round); }));
  process->Stop();
  return std::vector<Figure>{stream, http};
}

}  // namespace datong::bench
