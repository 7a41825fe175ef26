#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/base/secret.h"

namespace datong::bench {

constexpr int kIdentifiersOfSeed = 4;  // and as many edges

// Brings project 1 to this many identifiers by COPY into identity's tables, as identity would have
// written them: persons of four identifiers and four edges, without a refusal. `seeded`: how many
// there are of them already. Indexes are dropped for it and made again; the tables are vacuumed.
absl::Status SeedGraph(const Secret& dsn, int64_t seeded, int64_t identifiers);

}  // namespace datong::bench
