#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/crypto/envelope.h"
#include "common/postgres/pool.h"
#include "common/time/deadline.h"

namespace datong::broker {

// Seals what is kept under older keys again with the active one, while services read and write:
// a value that changed meanwhile is left alone, since it was sealed anew. It may end at any moment;
// the next run finds what is left. Blocks on PostgreSQL.
class Rewrapper {
 public:
  Rewrapper(postgres::Pool& pool, const crypto::Envelope& envelope)
      : pool_(pool), envelope_(envelope) {}

  struct Progress {
    int64_t rewrapped = 0;
    int64_t unreadable = 0;  // left as they are: their key is not in the folder, or they are broken
  };
  // `go_on` hears of the progress after each batch; false ends the run.
  // Errors: those of the pool.
  absl::StatusOr<Progress> Run(absl::FunctionRef<bool(const Progress&)> go_on);

  // Sealed values by the id of their key, over all columns. Errors: those of the pool.
  absl::StatusOr<std::map<std::string, int64_t>> CountByKey(Deadline deadline);

  // "table.column" of every sealed column, for the test that holds them against the schema.
  static std::map<std::string, std::string> Columns();

 private:
  struct Batch;

  postgres::Pool& pool_;
  const crypto::Envelope& envelope_;
};

}  // namespace datong::broker
