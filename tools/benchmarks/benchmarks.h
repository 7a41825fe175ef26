#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "tools/benchmarks/figure.h"

namespace datong::bench {

// Each starts what it needs, measures, and leaves nothing behind. `rounds`: how often a ratio is
// taken; the median counts.

// GetToken from memory ÷ a bare gRPC callback server with answers of the same size.
absl::StatusOr<std::vector<Figure>> BenchToken(int rounds);
// The 99th percentile of GetToken over four replicas while tokens expire, ÷ that of bare servers,
// with 1,000 callers at half the rate of a bare server; and the calls that each expiry cost.
absl::StatusOr<std::vector<Figure>> BenchExpiry(int rounds);
// Durable events a second over the gRPC stream, and over HTTP in batches of 50, ÷ binary COPY of
// the same rows into the same table with its indexes, in commits of the same size.
absl::StatusOr<std::vector<Figure>> BenchIngest(int rounds);
// A call of the platform through CallApi, less the same call made directly: what the way through
// the broker adds at the median.
absl::StatusOr<std::vector<Figure>> BenchCallApi(int rounds);
// identity: known evidence and new edges (÷ binary COPY of the same rows) through LinkBatch,
// ResolveBatch from memory and from the database, and the recomputation of a large raw component.
absl::StatusOr<std::vector<Figure>> BenchIdentity(int rounds);
// identity at 1, 5 and 20 million identifiers: the cost of a new edge at each, and the full
// rebuild. Takes long and 20 GB of disk.
absl::StatusOr<std::vector<Figure>> BenchIdentityScale();
// Start to ready, and memory when idle, of each service whose binary stands beside this program.
absl::StatusOr<std::vector<Figure>> BenchStart();

}  // namespace datong::bench
