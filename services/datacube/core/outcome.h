#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/datacube/core/planner.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// How a fetch ended, for the metrics.
enum class FetchResult { kOk, kEmpty, kNotReady, kQuota, kError };

// What the platform's answer to one piece of work means: what is stored, and how the work goes on.
// The store applies it in one transaction.
struct Outcome {
  enum class End {
    kDone,    // nothing more to do
    kFailed,  // given up; a later run tries again
    kAgain,   // the same piece once more, with `span` and at `due_time`
    kSplit,   // replaced by `parts`
  };
  End end = End::kDone;
  FetchResult result = FetchResult::kOk;
  std::string reason;      // for people, when something was not as wished
  bool counts_try = true;  // whether `attempts` grows (kAgain)

  // kStatistics
  std::vector<ChangeRow> changes;
  std::vector<TotalRow> totals;
  std::vector<absl::CivilDay> final_empty_days;  // believed to have no rows

  // kRosterPage
  std::optional<RosterPage> page;
  bool roster_ends = false;         // no further page
  bool roster_is_complete = false;  // so that followers not seen have left

  // kRosterBatch
  std::vector<FollowerInfo> infos;
  std::vector<std::string> refused_openids;

  // kEvidence
  int64_t evidence_sent = 0;

  // kAgain, kSplit
  DaySpan span;
  absl::Time due_time;
  std::vector<Piece> parts;

  // The interface's condition after this call.
  ApiCondition condition = ApiCondition::kFine;
  // Not called before; with `closes_app`, none of the app's interfaces is.
  std::optional<absl::Time> closed_until;
  bool closes_app = false;
  // The other waiting pieces of this interface would be refused likewise: they end too.
  bool fails_siblings = false;
};

// Reads the answer to `piece`. Pure: the same input gives the same outcome.
// `answer` is the body of the platform's answer, or why there is none.
Outcome ReadAnswer(const SyncPolicy& policy, const Piece& piece,
                   const absl::StatusOr<std::string>& answer, absl::Time now,
                   absl::BitGenRef random);

// Reads what identity said of a piece of evidence.
Outcome ReadEvidenceReceipt(const SyncPolicy& policy, const Piece& piece,
                            const absl::Status& receipt, absl::Time now, absl::BitGenRef random);

}  // namespace datong::datacube
