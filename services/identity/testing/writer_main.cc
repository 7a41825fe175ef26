// A writer for tests that kill it: links a random history in batches of four from a place on, and
// says after each commit how many records are acknowledged.
//
// identity_writer DSN PROJECT NUMBER SEED COUNT FIRST

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "common/postgres/pool.h"
#include "common/testing/fake_clock.h"
#include "services/identity/core/linker.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/testing/scenarios.h"

int main(int argc, char** argv) {
  using namespace datong;
  using namespace datong::identity;
  if (argc != 7) return 2;
  metrics::Registry registry;
  postgres::Pool pool({.dsn = Secret(argv[1]), .max_connections = 2}, registry);
  const FakeClock clock(absl::FromUnixSeconds(1'790'000'000));
  Metrics metrics(registry);
  PostgresGraphStore store(pool, clock, {}, metrics);
  const Project project{argv[2], std::atoi(argv[3])};
  std::vector<Evidence> records =
      RandomHistory(static_cast<unsigned>(std::atoi(argv[4])), std::atoi(argv[5]), 20);
  for (Evidence& record : records) Normalise(record);
  for (auto i = static_cast<size_t>(std::atoi(argv[6])); i < records.size(); i += 4) {
    const auto batch = absl::MakeConstSpan(records).subspan(i, 4);
    if (!store.Link(project, batch, Deadline::After(absl::Seconds(60))).ok()) return 1;
    std::printf("%zu\n", i + batch.size());
    std::fflush(stdout);
  }
  return 0;
}
