#include "services/datacube/core/planner.h"

#include <algorithm>

#include "common/time/shanghai.h"

namespace datong::datacube {
namespace {

// FNV-1a: the same share of the spread in every process and every version.
double ShareOf(absl::string_view appid) {
  uint32_t hash = 2166136261U;
  for (const char c : appid) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return static_cast<double>(hash) / 4294967296.0;
}

}  // namespace

absl::CivilDay NewestPublishedDay(absl::Time now) { return ShanghaiDay(now - kPublishTime) - 1; }

absl::Time NextNight(const SyncPolicy& policy, absl::string_view appid, absl::Time now) {
  const absl::Duration offset = policy.night_start + policy.night_spread * ShareOf(appid);
  const absl::CivilDay today = ShanghaiDay(now);
  const absl::Time tonight = ShanghaiMidnight(today) + offset;
  return tonight > now ? tonight : ShanghaiMidnight(today + 1) + offset;
}

absl::CivilDay BackfillBegin(const SyncPolicy& policy, absl::Time now) {
  return std::max(kEarliestDay, ShanghaiDay(now) - policy.backfill_days);
}

std::vector<DaySpan> CutSpan(DaySpan span) {
  std::vector<DaySpan> spans;
  for (absl::CivilDay end = span.end; end >= span.begin; end -= kMaxSpanDays) {
    spans.push_back({std::max(span.begin, end - (kMaxSpanDays - 1)), end});
  }
  return spans;
}

std::vector<DaySpan> NightlySpans(absl::CivilDay newest, absl::CivilDay wanted_begin,
                                  const std::vector<absl::CivilDay>& missing) {
  const absl::CivilDay trailing = std::max(wanted_begin, newest - (kMaxSpanDays - 1));
  std::vector<DaySpan> spans;
  if (trailing <= newest) spans.push_back({trailing, newest});
  auto day = missing.rbegin();
  while (day != missing.rend()) {
    if (*day >= trailing || *day < wanted_begin) {
      ++day;
      continue;
    }
    DaySpan span{*day, *day};
    while (day != missing.rend() && *day >= wanted_begin && span.end - *day < kMaxSpanDays) {
      span.begin = *day++;
    }
    spans.push_back(span);
  }
  return spans;
}

std::vector<Piece> StatisticsPieces(const AppKey& app, Api api, const std::vector<DaySpan>& spans,
                                    absl::Time now) {
  std::vector<Piece> pieces;
  for (const DaySpan& span : spans) {
    Piece piece;
    piece.app = app;
    piece.kind = PieceKind::kStatistics;
    piece.api = api;
    piece.span = span;
    piece.due_time = now;
    piece.give_up_time = GiveUpTime(now);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Piece RosterPiece(const AppKey& app, absl::Time now) {
  Piece piece;
  piece.app = app;
  piece.kind = PieceKind::kRosterPage;
  piece.api = Api::kRoster;
  piece.due_time = now;
  piece.give_up_time = GiveUpTime(now);
  return piece;
}

absl::Time GiveUpTime(absl::Time now) {
  return ShanghaiMidnight(ShanghaiDay(now - kPublishTime) + 1) + kPublishTime;
}

}  // namespace datong::datacube
