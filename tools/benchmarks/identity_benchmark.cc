#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/status/macros.h"
#include "services/identity/core/link_plan.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/graph_limit.h"
#include "tools/benchmarks/identity_house.h"

namespace datong::bench {
namespace {

using identity::v1::LinkBatchRequest;
using identity::v1::ResolveBatchRequest;

constexpr int kPeople = 3000;
constexpr int kCallers = 2;
constexpr auto kKnownTime = std::chrono::seconds(2);
constexpr double kKnownBar = 200;  // thousands a second
constexpr double kNewBar = 0.4;
constexpr double kMemoryBar = 5;  // ms
constexpr double kDatabaseBar = 50;
constexpr double kComponentBar = 100;

absl::StatusOr<Figure> BenchNewEdges(IdentityHouse& house, int rounds) {
  DATONG_ASSIGN_OR_RETURN(GraphLimit limit, GraphLimit::Connect(house.dsn()));
  std::vector<double> ratios;
  std::vector<double> rates;
  std::vector<double> limit_rates;
  for (int round = -1; round < rounds; ++round) {
    const std::vector<LinkBatchRequest> batches = MakePeople(100 + round, kPeople);
    DATONG_RETURN_IF_ERROR(limit.Empty());
    DATONG_ASSIGN_OR_RETURN(const double rate, house.SendOnce(batches, kCallers));
    DATONG_ASSIGN_OR_RETURN(const int64_t stored, limit.CountEvidence());
    if (stored != 4 * kPeople) return absl::InternalError("Not every record was a new edge.");
    DATONG_ASSIGN_OR_RETURN(const double limit_rate, limit.Measure());
    if (round < 0) continue;  // warmed up
    rates.push_back(rate);
    limit_rates.push_back(limit_rate);
    ratios.push_back(rate / limit_rate);
  }
  return Figure{
      "identity: new edges / binary COPY of their rows",
      Median(ratios),
      "x",
      kNewBar,
      true,
      absl::StrFormat("%.0f over %.0f edges/s, %.1f rows an edge, %d commits", Median(rates),
                      Median(limit_rates), limit.rows_per_record(), limit.commits())};
}

absl::StatusOr<Figure> BenchKnown(IdentityHouse& house, int rounds) {
  const std::vector<LinkBatchRequest> batches = MakePeople(1, kPeople);
  DATONG_RETURN_IF_ERROR(house.SendOnce(batches, 1).status());
  std::vector<double> rates;
  for (int round = 0; round < rounds; ++round) {
    const auto end = std::chrono::steady_clock::now() + kKnownTime;
    DATONG_ASSIGN_OR_RETURN(const double rate, house.Send(batches, kCallers, [&](size_t) {
      return std::chrono::steady_clock::now() > end;
    }));
    rates.push_back(rate / 1000);
  }
  return Figure{"identity: known evidence over LinkBatch",
                Median(rates),
                "k/s",
                kKnownBar,
                true,
                absl::StrFormat("%d facts in batches of %d, %d callers on the same machine",
                                4 * kPeople, IdentityHouse::kBatch, kCallers)};
}

absl::StatusOr<std::vector<Figure>> BenchResolve(IdentityHouse& house, int rounds) {
  const std::vector<LinkBatchRequest> batches = MakePeople(2, kPeople);
  DATONG_RETURN_IF_ERROR(house.SendOnce(batches, 1).status());
  const std::vector<ResolveBatchRequest> requests = AskAbout(batches);
  std::vector<double> first;
  std::vector<double> again;
  for (const ResolveBatchRequest& request : requests) {
    DATONG_ASSIGN_OR_RETURN(const double milliseconds, house.TimeResolve(request));
    first.push_back(milliseconds);
  }
  for (int round = 0; round < rounds; ++round) {
    for (const ResolveBatchRequest& request : requests) {
      DATONG_ASSIGN_OR_RETURN(const double milliseconds, house.TimeResolve(request));
      again.push_back(milliseconds);
    }
  }
  const auto slowest = [](const std::vector<double>& times) {
    return absl::StrFormat("median of %d calls, the slowest %.2f ms", times.size(),
                           *std::max_element(times.begin(), times.end()));
  };
  return std::vector<Figure>{{"identity: ResolveBatch of 1,000 from memory", Median(again), "ms",
                              kMemoryBar, false, slowest(again)},
                             {"identity: ResolveBatch of 1,000 from the database", Median(first),
                              "ms", kDatabaseBar, false, slowest(first)}};
}

// 500 persons of four strong identifiers and 3,000 devices, each of which 15 of them used: 5,000
// identifiers, 50,000 edges, most of them refused.
identity::GraphState MakeComponent() {
  constexpr int kPersons = 500;
  constexpr int kDevices = 3000;
  identity::GraphState state;
  const auto id = [](const char* kind_and_scope, int number) {
    return absl::StrFormat("%s:o6_bench_%06d", kind_and_scope, number);
  };
  const char* const kinds[] = {"unionid:op1", "openid:wx1234567890abcdef",
                               "openid:wx234567890abcdef1", "login:main"};
  const auto show = [&](const char* kind, std::string a, std::string b) {
    identity::Evidence record;
    record.kind = kind;
    record.ids = {std::move(a), std::move(b)};
    std::sort(record.ids.begin(), record.ids.end());
    record.observed =
        absl::FromUnixSeconds(1'772'000'000 + static_cast<int64_t>(state.evidence.size()));
    record.appid = "wx1234567890abcdef";
    state.evidence.push_back(std::move(record));
  };
  const auto make = [&](std::string identifier) {
    identity::StoredNode node;
    node.node = static_cast<int64_t>(state.nodes.size()) + 1;
    node.identifier = std::move(identifier);
    node.component = 1;
    state.nodes.push_back(std::move(node));
  };
  for (int person = 0; person < kPersons; ++person) {
    for (const char* kind : kinds) make(id(kind, person));
    for (int a = 0; a < 4; ++a) {
      for (int b = a + 1; b < 4; ++b) {
        show(b == 3 ? "tenant.login" : "mp.code2session", id(kinds[a], person),
             id(kinds[b], person));
      }
      // And one that contradicts them.
      show("tenant.import", id(kinds[a], person), id(kinds[(a + 1) % 4], (person + 1) % kPersons));
    }
  }
  for (int device = 0; device < kDevices; ++device) {
    make(id("device:web", device));
    for (int owner = 0; owner < 15; ++owner) {
      show("client.claim", id("device:web", device),
           id(kinds[1], (device * 7 + owner * 31) % kPersons));
    }
  }
  return state;
}

absl::StatusOr<Figure> BenchComponent(int rounds) {
  const identity::GraphState state = MakeComponent();
  if (state.nodes.size() != 5000 || state.evidence.size() != 50'000) {
    return absl::InternalError("The component has another size.");
  }
  std::vector<double> times;
  size_t refused = 0;
  for (int round = -1; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    const identity::LinkPlan plan =
        identity::PlanLink(1, state, {}, identity::Policy(), /*everything=*/true);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    if (!plan.frozen.empty() || plan.nodes.size() != state.nodes.size()) {
      return absl::InternalError("The component was not worked out.");
    }
    refused = plan.opened.size();
    if (round >= 0) times.push_back(took.count());
  }
  return Figure{
      "identity: recomputation, 5,000 ids, 50,000 edges", Median(times), "ms", kComponentBar, false,
      absl::StrFormat("in memory, %d refusals", refused)};
}

}  // namespace

absl::StatusOr<std::vector<Figure>> BenchIdentity(int rounds) {
  DATONG_ASSIGN_OR_RETURN(const Figure component, BenchComponent(rounds));
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<IdentityHouse> house, IdentityHouse::Make());
  DATONG_ASSIGN_OR_RETURN(const Figure fresh, BenchNewEdges(*house, rounds));
  DATONG_ASSIGN_OR_RETURN(const Figure known, BenchKnown(*house, rounds));
  DATONG_ASSIGN_OR_RETURN(const std::vector<Figure> resolved, BenchResolve(*house, rounds));
  return std::vector<Figure>{known, fresh, resolved[0], resolved[1], component};
}

}  // namespace datong::bench
