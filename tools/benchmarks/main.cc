// Prints what the suite is measured by, each figure beside its bar. See --help.
#include <cstring>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "common/log/log.h"
#include "tools/benchmarks/benchmarks.h"

namespace {

constexpr char kHelp[] =
    R"(Usage: tools/bench [token|expiry|api|ingest|identity|identity-scale|start …] [--rounds=N] [--json]

Measures the suite against its limits, in one run on this machine; figures are ratios where that is
possible, so that they hold on other machines too. Without a name: all but identity-scale, in less
than ten minutes.

  token    GetToken from memory, authentication and audit on / a bare gRPC callback server (>= 0.85)
  expiry   4 replicas, 1,000 callers at half the bare server's rate, while tokens expire: p99 of
           reads from memory / that of bare servers (<= 3), upstream calls for each token (1)
  api      CallApi to the simulator, less a direct call to it, at the median (<= 1 ms)
  ingest   durable events a second / binary COPY of the same rows: gRPC stream (>= 0.4),
           HTTP in batches of 50 (>= 0.25)
  identity known evidence over LinkBatch (>= 200,000/s on 2 cores); new edges / binary COPY of the
           rows they make (>= 0.4); ResolveBatch of 1,000 from memory (<= 5 ms) and from the
           database (<= 50 ms); recomputation of 5,000 identifiers with 50,000 edges (<= 100 ms)
  identity-scale
           only by name; takes a quarter of an hour and 20 GB in /var/tmp: the cost of a new edge
           at 1, 5 and 20 million identifiers, most / least (<= 1.3), and the full rebuild of 20
           million edges (reported)
  start    start to ready (<= 1 s) and idle memory (<= 64 MiB) of each service

  --rounds=N  how often a ratio is taken; the median counts (5)
  --json      for programs

Ends with 0 when every figure reaches its bar, with 1 when one does not, with 2 when something could
not be measured. Needs a machine that does nothing else meanwhile.
)";

int Fail(const std::string& problem) {
  std::cerr << problem << "\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::set<std::string> names;
  int rounds = 5;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::cout << kHelp;
      return 0;
    }
    if (argument == "--json") {
      json = true;
    } else if (argument.rfind("--rounds=", 0) == 0) {
      rounds = std::atoi(argument.c_str() + std::strlen("--rounds="));
      if (rounds < 1 || rounds > 100) return Fail("--rounds must be 1 to 100.");
    } else if (argument == "token" || argument == "expiry" || argument == "api" ||
               argument == "ingest" || argument == "identity" || argument == "identity-scale" ||
               argument == "start") {
      names.insert(argument);
    } else {
      return Fail("\"" + argument + "\" is not known; see tools/bench --help.");
    }
  }
  if (names.empty()) names = {"token", "expiry", "api", "ingest", "identity", "start"};

  using datong::bench::Figure;
  std::vector<Figure> figures;
  for (const std::string& name : names) {
    std::cerr << "measuring " << name << " …\n";
    const absl::StatusOr<std::vector<Figure>> measured =
        name == "token"            ? datong::bench::BenchToken(rounds)
        : name == "expiry"         ? datong::bench::BenchExpiry(rounds)
        : name == "api"            ? datong::bench::BenchCallApi(rounds)
        : name == "ingest"         ? datong::bench::BenchIngest(rounds)
        : name == "identity"       ? datong::bench::BenchIdentity(rounds)
        : name == "identity-scale" ? datong::bench::BenchIdentityScale()
                                   : datong::bench::BenchStart();
    if (!measured.ok()) return Fail(name + ": " + std::string(measured.status().message()));
    figures.insert(figures.end(), measured->begin(), measured->end());
  }
  std::cout << (json ? FormatJson(figures) : FormatTable(figures));
  for (const Figure& figure : figures) {
    if (!figure.Passes()) return 1;
  }
  return 0;
}
