#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/datacube/core/types.h"

namespace datong::datacube {

// The platform takes at most seven days a call and keeps nothing trustworthy before that day.
inline constexpr int kMaxSpanDays = 7;
inline constexpr absl::CivilDay kEarliestDay = absl::CivilDay(2014, 12, 1);
// Yesterday's figures are promised for 08:00.
inline constexpr absl::Duration kPublishTime = absl::Hours(8);

// The rules of the work, as the operator sets them.
struct SyncPolicy {
  int backfill_days = 90;
  // Each account's night begins so long after Shanghai midnight, plus a fixed share of the spread.
  absl::Duration night_start = absl::Hours(8) + absl::Minutes(10);
  absl::Duration night_spread = absl::Minutes(40);
  // When the platform has not published yet, it is asked again after this.
  absl::Duration reask_interval = absl::Minutes(20);
  // An answer without rows for a day is believed when the day has been over for so many days.
  int empty_final_after_days = 3;
  // Followers are described anew when what is known of them is older.
  absl::Duration roster_info_max_age = absl::Hours(30 * 24);
  absl::Duration retry_first = absl::Seconds(2);
  absl::Duration retry_longest = absl::Minutes(10);
};

// The newest day whose figures the platform should have by `now`: yesterday from 08:00 on.
absl::CivilDay NewestPublishedDay(absl::Time now);

// The first beginning of this account's night after `now`.
absl::Time NextNight(const SyncPolicy& policy, absl::string_view appid, absl::Time now);

// The first day of a backfill begun at `now`.
absl::CivilDay BackfillBegin(const SyncPolicy& policy, absl::Time now);

// The span cut into calls, newest first; empty when it ends before it begins.
std::vector<DaySpan> CutSpan(DaySpan span);

// The calls that cover the last seven days up to `newest` (late corrections) and every missing day
// before them, newest first. `missing` is in ascending order.
std::vector<DaySpan> NightlySpans(absl::CivilDay newest, absl::CivilDay wanted_begin,
                                  const std::vector<absl::CivilDay>& missing);

// Pieces of statistics work for the spans, due at once.
std::vector<Piece> StatisticsPieces(const AppKey& app, Api api, const std::vector<DaySpan>& spans,
                                    absl::Time now);
// The first page of the follower list.
Piece RosterPiece(const AppKey& app, absl::Time now);

// When work begun at `now` gives up waiting: at the next morning's publishing, where the next night
// takes over.
absl::Time GiveUpTime(absl::Time now);

}  // namespace datong::datacube
