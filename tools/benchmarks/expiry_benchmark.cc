#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "common/time/clock.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "services/broker/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "tools/benchmarks/bare_token_service.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/estate.h"

namespace datong::bench {
namespace {

using broker::v1::GetTokenRequest;
using broker::v1::GetTokenResponse;
using broker::v1::TokenService;
using Steady = std::chrono::steady_clock;

constexpr int kReplicas = 4;
constexpr int kCallers = 1000;
constexpr int kApps = 5;
constexpr absl::Duration kRound = absl::Seconds(5);
// Tokens first seen so soon were there before.
constexpr std::chrono::seconds kStart(1);
constexpr double kMostSlower = 3;

std::string AppId(int i) { return absl::StrCat("wx000000000000000", i); }

// What callers saw.
struct Seen {
  absl::Duration p99;           // of the time to an answer from memory
  absl::Duration longest_wait;  // of a caller who came after the end of a token and before its heir
  int64_t waits = 0;            // how many did
};

// Callers that each ask one server at a pace of their own; what has not been answered yet is not
// asked again.
class PacedCallers {
 public:
  // `rate`: calls a second of all together.
  PacedCallers(const std::vector<std::unique_ptr<TokenService::Stub>>& stubs,
               const std::string& authorization, double rate)
      : authorization_(authorization),
        interval_(std::chrono::duration_cast<Steady::duration>(
            std::chrono::duration<double>(kCallers / rate))),
        callers_(kCallers) {
    for (size_t i = 0; i < callers_.size(); ++i) {
      callers_[i].stub = stubs[i % stubs.size()].get();
      // Each app is asked for at every server.
      const size_t app = i / stubs.size() % kApps;
      callers_[i].request.set_app(
          absl::StrCat("projects/demo/apps/", AppId(static_cast<int>(app))));
    }
  }

  // `halfway` runs on this thread in the middle. Errors: the first failure of a call.
  absl::StatusOr<Seen> Run(absl::Duration duration, const std::function<void()>& halfway) {
    const Steady::time_point begin = Steady::now();
    const auto end = begin + absl::ToChronoNanoseconds(duration);
    const auto middle = begin + absl::ToChronoNanoseconds(duration / 2);
    bool is_second_half = halfway == nullptr;
    for (size_t i = 0; i < callers_.size(); ++i) {
      callers_[i].next = begin + interval_ * static_cast<int64_t>(i) / kCallers;
    }
    while (Steady::now() < end) {
      if (!is_second_half && Steady::now() >= middle) {
        is_second_half = true;
        halfway();
      }
      const Steady::time_point now = Steady::now();
      for (Caller& caller : callers_) {
        if (caller.next > now || caller.is_busy.exchange(true)) continue;
        caller.next = std::max(caller.next + interval_, now);
        Ask(caller);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    for (Caller& caller : callers_) {
      while (caller.is_busy) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Sum();
  }

 private:
  struct Read {
    Steady::time_point asked;
    Steady::time_point answered;
    size_t token;  // a hash of its fingerprint
  };
  struct Caller {
    TokenService::Stub* stub = nullptr;
    GetTokenRequest request;
    GetTokenResponse response;
    std::unique_ptr<grpc::ClientContext> context;
    Steady::time_point next;
    Steady::time_point asked;
    std::atomic<bool> is_busy{false};
    // Of the call under way, and of this thread once none is.
    std::vector<Read> reads;
    int failures = 0;
    std::string failure;
  };

  void Ask(Caller& caller) {
    caller.context = std::make_unique<grpc::ClientContext>();
    caller.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    caller.context->AddMetadata("authorization", authorization_);
    caller.asked = Steady::now();
    caller.stub->async()->GetToken(
        caller.context.get(), &caller.request, &caller.response,
        [&caller](const grpc::Status& status) {
          caller.reads.push_back({caller.asked, Steady::now(),
                                  std::hash<std::string>()(caller.response.fingerprint())});
          if (!status.ok()) {
            ++caller.failures;
            caller.failure = status.error_message();
          }
          caller.is_busy = false;
        });
  }

  absl::StatusOr<Seen> Sum() const {
    // When somebody had each token for the first time: who asked for it before had to wait for it,
    // all others were answered from memory.
    absl::flat_hash_map<size_t, Steady::time_point> first_seen;
    Steady::time_point begin = Steady::time_point::max();
    for (const Caller& caller : callers_) {
      if (caller.failures > 0) return absl::UnavailableError("A call failed: " + caller.failure);
      for (const Read& read : caller.reads) {
        const auto [at, is_new] = first_seen.try_emplace(read.token, read.answered);
        at->second = std::min(at->second, read.answered);
        begin = std::min(begin, read.answered);
      }
    }
    Seen seen;
    std::vector<absl::Duration> cached;
    for (const Caller& caller : callers_) {
      for (const Read& read : caller.reads) {
        const absl::Duration took = absl::FromChrono(read.answered - read.asked);
        const Steady::time_point first = first_seen[read.token];
        const bool is_of_the_start = first - begin < kStart;
        if (!is_of_the_start && read.asked < first) {
          ++seen.waits;
          seen.longest_wait = std::max(seen.longest_wait, took);
        } else {
          cached.push_back(took);
        }
      }
    }
    if (cached.empty()) return absl::UnavailableError("No call was made.");
    const auto at = cached.begin() + static_cast<std::ptrdiff_t>(cached.size() * 99 / 100);
    std::nth_element(cached.begin(), at, cached.end());
    seen.p99 = *at;
    return seen;
  }

  const std::string authorization_;
  const Steady::duration interval_;
  std::vector<Caller> callers_;
};

std::vector<std::unique_ptr<TokenService::Stub>> StubsAt(const std::vector<int>& ports) {
  std::vector<std::unique_ptr<TokenService::Stub>> stubs;
  for (const int port : ports) {
    stubs.push_back(TokenService::NewStub(rpc::CreateChannel(absl::StrCat("127.0.0.1:", port))));
  }
  return stubs;
}

}  // namespace

absl::StatusOr<std::vector<Figure>> BenchExpiry(int rounds) {
  const std::vector<server::ModuleDefinition> modules = {broker::kModule, identity::kModule,
                                                         ingest::kModule};
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<Estate> estate, Estate::Make(modules));
  SystemClock clock;
  std::vector<std::unique_ptr<server::Process>> replicas;
  std::vector<int> ports;
  for (int i = 0; i < kReplicas; ++i) {
    DATONG_ASSIGN_OR_RETURN(
        std::unique_ptr<server::Process> replica,
        estate->StartProcess(absl::StrCat("expiry-bench-", i), modules, &clock));
    ports.push_back(replica->ports().grpc);
    replicas.push_back(std::move(replica));
  }
  for (int i = 0; i < kApps; ++i)
    DATONG_RETURN_IF_ERROR(CreateTokenApp(*estate, *replicas[0], AppId(i)));
  const auto stubs = StubsAt(ports);
  GetTokenResponse token;
  for (const auto& stub : stubs) {
    for (int i = 0; i < kApps; ++i) {
      grpc::ClientContext context;
      context.AddMetadata("authorization", estate->authorization());
      GetTokenRequest request;
      request.set_app(absl::StrCat("projects/demo/apps/", AppId(i)));
      const grpc::Status status = stub->GetToken(&context, request, &token);
      if (!status.ok()) return absl::UnavailableError(status.error_message());
    }
  }

  // As many bare servers, in the same process as the callers like the replicas.
  BareTokenService echo_service(token);
  std::vector<std::unique_ptr<grpc::Server>> bare_servers;
  std::vector<int> bare_ports(kReplicas);
  for (int i = 0; i < kReplicas; ++i) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &bare_ports[static_cast<size_t>(i)]);
    builder.RegisterService(&echo_service);
    bare_servers.push_back(builder.BuildAndStart());
    if (bare_servers.back() == nullptr) {
      return absl::UnavailableError("The bare server does not listen.");
    }
  }
  const auto bare_stubs = StubsAt(bare_ports);
  GetTokenRequest request;
  request.set_app(absl::StrCat("projects/demo/apps/", AppId(0)));
  const std::string& authorization = estate->authorization();
  DATONG_RETURN_IF_ERROR(
      MeasureRate(*bare_stubs[0], request, authorization, absl::Seconds(1)).status());
  DATONG_ASSIGN_OR_RETURN(const double echo,
                          MeasureRate(*bare_stubs[0], request, authorization, absl::Seconds(2)));

  std::vector<double> slower;
  std::vector<double> times, bare_times;
  double most_calls = 0;
  int64_t waits = 0;
  absl::Duration longest_wait;
  absl::Duration offset;
  for (int round = 0; round < rounds; ++round) {
    PacedCallers bare_callers(bare_stubs, authorization, echo / 2);
    DATONG_ASSIGN_OR_RETURN(const Seen bare, bare_callers.Run(kRound, nullptr));
    const int64_t before = estate->platform_calls();
    PacedCallers callers(stubs, authorization, echo / 2);
    DATONG_ASSIGN_OR_RETURN(const Seen seen, callers.Run(kRound, [&] {
      offset += absl::Seconds(7300);
      clock.SetOffset(offset);
    }));
    most_calls =
        std::max(most_calls, static_cast<double>(estate->platform_calls() - before) / kApps);
    slower.push_back(absl::FDivDuration(seen.p99, bare.p99));
    times.push_back(absl::ToDoubleMilliseconds(seen.p99));
    bare_times.push_back(absl::ToDoubleMilliseconds(bare.p99));
    waits += seen.waits;
    longest_wait = std::max(longest_wait, seen.longest_wait);
  }
  for (const auto& server : bare_servers) server->Shutdown();
  for (const auto& replica : replicas) replica->Stop();
  return std::vector<Figure>{
      {"GetToken at expiry, 4 replicas, 1,000 callers: p99 of cached reads / bare p99",
       Median(slower), "x", kMostSlower, false,
       absl::StrFormat(
           "%.2f over %.2f ms at %.0f calls/s; %d waited for a refresh, %.0f ms at most",
           Median(times), Median(bare_times), echo / 2, waits,
           absl::ToDoubleMilliseconds(longest_wait))},
      {"upstream calls for each token that expired", most_calls, "", 1, false,
       absl::StrFormat("%d tokens, the worst of %d rounds", kApps, rounds)}};
}

}  // namespace datong::bench
