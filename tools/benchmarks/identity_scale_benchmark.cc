#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/postgres/pool.h"
#include "common/status/macros.h"
#include "services/identity/core/integrity_checker.h"
#include "services/identity/store/postgres_policy_store.h"
#include "tools/benchmarks/benchmarks.h"
#include "tools/benchmarks/graph_seed.h"
#include "tools/benchmarks/identity_house.h"

namespace datong::bench {
namespace {

constexpr int64_t kSizes[] = {1'000'000, 5'000'000, 20'000'000};
constexpr int kWindows = 5;
constexpr int kPeople = 3000;  // of a window, four edges each
constexpr int kCallers = 2;
constexpr double kFlatBar = 1.3;

// The most memory that this process held since the last call, in MiB.
double PeakMib() {
  std::ifstream status("/proc/self/status");
  double peak = 0;
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, "VmHWM:")) peak = std::stod(line.substr(6)) / 1024;
  }
  std::ofstream("/proc/self/clear_refs") << "5";
  return peak;
}

// Microseconds that a new edge costs, over some windows at the size that the graph has.
absl::StatusOr<double> CostOfEdge(IdentityHouse& house, int first_round) {
  std::vector<double> costs;
  for (int window = -1; window < kWindows; ++window) {
    DATONG_ASSIGN_OR_RETURN(const double rate,
                            house.SendOnce(MakePeople(first_round + window, kPeople), kCallers));
    if (window >= 0) costs.push_back(1e6 / rate);
  }
  std::cerr << "  microseconds an edge: "
            << absl::StrJoin(
                   costs, " ",
                   [](std::string* out, double cost) { absl::StrAppendFormat(out, "%.0f", cost); })
            << "\n";
  return Median(costs);
}

// All persons from all evidence, compared with those that are kept.
absl::StatusOr<Figure> Rebuild(const Secret& dsn, int64_t edges) {
  metrics::Registry registry;
  identity::Metrics metrics(registry);
  postgres::Pool pool({.dsn = dsn, .max_connections = 2}, registry);
  const SystemClock clock;
  identity::PostgresPolicyStore store(pool, clock, identity::Policy(), metrics);
  identity::IntegrityChecker checker(store, clock, metrics);
  std::cerr << "  rebuilding …\n";
  PeakMib();
  const auto begin = std::chrono::steady_clock::now();
  DATONG_ASSIGN_OR_RETURN(const identity::IntegrityRound round,
                          checker.Check({IdentityHouse::kProject, 1}));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (round.differences != 0) {
    return absl::InternalError(
        absl::StrCat("The rebuilt persons differ in ", round.differences, " places."));
  }
  return Figure{
      absl::StrFormat("identity: full rebuild of %.0f M edges", static_cast<double>(edges) / 1e6),
      seconds,
      "s",
      std::nullopt,
      false,
      absl::StrFormat("%.0f edges/s, %d persons' components, peak memory %.0f MiB, no "
                      "difference",
                      static_cast<double>(edges) / seconds, round.components, PeakMib())};
}

}  // namespace

absl::StatusOr<std::vector<Figure>> BenchIdentityScale() {
  DATONG_ASSIGN_OR_RETURN(const std::unique_ptr<IdentityHouse> house, IdentityHouse::Make());
  std::vector<double> costs;
  std::vector<std::string> curve;
  int64_t seeded = 0;
  int64_t edges = 0;
  for (const int64_t size : kSizes) {
    DATONG_RETURN_IF_ERROR(SeedGraph(house->dsn(), seeded, size));
    edges += size - seeded;
    seeded = size;
    DATONG_ASSIGN_OR_RETURN(
        const double cost, CostOfEdge(*house, 2 + static_cast<int>(costs.size()) * (kWindows + 1)));
    edges += int64_t{4} * kPeople * (kWindows + 1);
    costs.push_back(cost);
    curve.push_back(absl::StrFormat("%.0f us at %d M", cost, size / 1'000'000));
  }
  std::vector<Figure> figures = {{"identity: cost of a new edge, most / least",
                                  *std::max_element(costs.begin(), costs.end()) /
                                      *std::min_element(costs.begin(), costs.end()),
                                  "x", kFlatBar, false, absl::StrJoin(curve, ", ")}};
  DATONG_ASSIGN_OR_RETURN(figures.emplace_back(), Rebuild(house->dsn(), edges));
  return figures;
}

}  // namespace datong::bench
