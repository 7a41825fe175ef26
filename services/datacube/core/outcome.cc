#include "services/datacube/core/outcome.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "common/time/shanghai.h"
#include "services/datacube/core/answers.h"

namespace datong::datacube {
namespace {

// Tries of a batch of followers before it is cut in two although the platform names no openid.
constexpr int kTriesBeforeBisecting = 3;
// A piece is given up only after so many tries, however far the clock has moved.
constexpr int kFewestTries = 3;

// What an answer without data asks for.
enum class Reaction { kRetry, kNotReady, kQuota, kPause, kHalve, kSpoiled, kRefused };

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return GetReason(status) == "TICKET_MISSING";
  }
}

Reaction ReactionTo(const absl::Status& status) {
  switch (ErrcodeOf(status)) {
    case 0:
      break;
    case -1:
    case 40001:
    case 40014:
    case 42001:
      return Reaction::kRetry;
    case 45009:
      return Reaction::kQuota;
    case 45011:
      return Reaction::kPause;
    case 61503:
      return Reaction::kNotReady;
    case 61501:
      return Reaction::kHalve;
    case 40003:
    case 40032:
      return Reaction::kSpoiled;
    default:
      return Reaction::kRefused;
  }
  const std::string reason = GetReason(status);
  if (reason == "API_QUOTA_EXHAUSTED") return Reaction::kQuota;
  if (reason == "API_RATE_LIMITED") return Reaction::kPause;
  return IsTransient(status) ? Reaction::kRetry : Reaction::kRefused;
}

std::string AdviceFor(int64_t errcode) {
  switch (errcode) {
    case 48001:
      return " The account may not use this interface: it must be verified (认证).";
    case 48004:
      return " The platform has forbidden the interface for the account.";
    case 47009:
      return " The platform has switched the interface off.";
    case 50001:
    case 50002:
      return " The account is limited (frozen); its owner must talk to WeChat.";
    case 61003:
      return " The account has withdrawn its authorisation; connect it again.";
    case 61004:
      return " This server's address is not in the platform's list; add it there.";
    case 61007:
      return " The permission set (权限集) was not granted; let the administrator authorise again.";
    default:
      return "";
  }
}

void Again(Outcome& outcome, const Piece& piece, absl::Time due) {
  outcome.end = Outcome::End::kAgain;
  outcome.span = piece.span;
  outcome.due_time = due;
}

void RetryLater(Outcome& outcome, const SyncPolicy& policy, const Piece& piece, absl::Time now,
                absl::BitGenRef random) {
  outcome.condition = ApiCondition::kUnreachable;
  if (now >= piece.give_up_time && piece.attempts + 1 >= kFewestTries) {
    outcome.end = Outcome::End::kFailed;
    return;
  }
  absl::Duration wait = policy.retry_first;
  for (int i = 0; i < piece.attempts && wait < policy.retry_longest; ++i) wait *= 2;
  wait = std::min(wait, policy.retry_longest) * absl::Uniform(random, 0.5, 1.0);
  Again(outcome, piece, now + wait);
}

void WaitUntilReady(Outcome& outcome, const SyncPolicy& policy, const Piece& piece, DaySpan span,
                    absl::Time now) {
  outcome.condition = ApiCondition::kNotReady;
  if (now >= piece.give_up_time) {
    outcome.end = Outcome::End::kFailed;
    absl::StrAppend(&outcome.reason, " Given up for today; the next night asks again.");
    return;
  }
  Again(outcome, piece, now + policy.reask_interval);
  outcome.span = span;
}

Piece Part(const Piece& whole, absl::Time due) {
  Piece part = whole;
  part.id = 0;
  part.claim = 0;
  part.attempts = 0;
  part.due_time = due;
  part.condition = ApiCondition::kFine;
  part.reason.clear();
  return part;
}

void SplitBatch(Outcome& outcome, const Piece& piece, absl::Time now) {
  if (piece.openids.size() <= 1) {
    outcome.refused_openids = piece.openids;
    return;
  }
  const auto middle = piece.openids.begin() + static_cast<std::ptrdiff_t>(piece.openids.size() / 2);
  Piece first = Part(piece, now);
  first.openids.assign(piece.openids.begin(), middle);
  Piece second = Part(piece, now);
  second.openids.assign(middle, piece.openids.end());
  outcome.end = Outcome::End::kSplit;
  outcome.parts = {std::move(first), std::move(second)};
}

void SplitSpan(Outcome& outcome, const Piece& piece, absl::CivilDay first_of_second,
               absl::Time second_due, absl::Time now) {
  Piece first = Part(piece, now);
  first.span.end = first_of_second - 1;
  Piece second = Part(piece, second_due);
  second.span.begin = first_of_second;
  outcome.end = Outcome::End::kSplit;
  outcome.parts = {std::move(first), std::move(second)};
}

// The platform (or broker) gave no data.
Outcome ReadFailure(const SyncPolicy& policy, const Piece& piece, const absl::Status& status,
                    absl::Time now, absl::BitGenRef random) {
  Outcome outcome;
  outcome.result = FetchResult::kError;
  outcome.reason = absl::StrCat(std::string(status.message()), AdviceFor(ErrcodeOf(status)));
  const bool is_batch = piece.kind == PieceKind::kRosterBatch;
  switch (ReactionTo(status)) {
    case Reaction::kRetry:
      // A batch that fails time and again although the platform can be reached holds an openid that
      // the platform stumbles over.
      if (is_batch && piece.attempts + 1 >= kTriesBeforeBisecting &&
          (ErrcodeOf(status) == -1 || GetReason(status) == "ANSWER_MALFORMED")) {
        SplitBatch(outcome, piece, now);
        return outcome;
      }
      RetryLater(outcome, policy, piece, now, random);
      return outcome;
    case Reaction::kNotReady:
      outcome.result = FetchResult::kNotReady;
      // The days before yesterday need not wait for it.
      if (piece.span.end > piece.span.begin && piece.attempts == 0) {
        outcome.condition = ApiCondition::kNotReady;
        SplitSpan(outcome, piece, piece.span.end, now + policy.reask_interval, now);
        outcome.parts.back().condition = ApiCondition::kNotReady;
        outcome.parts.back().reason = outcome.reason;
        return outcome;
      }
      WaitUntilReady(outcome, policy, piece, piece.span, now);
      return outcome;
    case Reaction::kQuota:
      outcome.result = FetchResult::kQuota;
      outcome.condition = ApiCondition::kQuota;
      outcome.reason = absl::StrCat("The day's quota of ", ApiName(piece.api),
                                    " is used up for this account; work goes on after midnight.");
      outcome.closed_until = ShanghaiMidnight(ShanghaiDay(now) + 1);
      outcome.counts_try = false;
      Again(outcome, piece, *outcome.closed_until);
      return outcome;
    case Reaction::kPause:
      outcome.condition = ApiCondition::kUnreachable;
      outcome.closed_until =
          now + std::max(absl::Seconds(60), GetRetryDelay(status).value_or(absl::ZeroDuration()));
      outcome.closes_app = true;
      outcome.counts_try = false;
      Again(outcome, piece, *outcome.closed_until);
      return outcome;
    case Reaction::kHalve:
      if (piece.kind == PieceKind::kStatistics && piece.span.end > piece.span.begin) {
        const auto days = piece.span.end - piece.span.begin + 1;
        SplitSpan(outcome, piece, piece.span.begin + (days + 1) / 2, now, now);
        return outcome;
      }
      outcome.end = Outcome::End::kFailed;
      outcome.condition = ApiCondition::kRefused;
      return outcome;
    case Reaction::kSpoiled:
      if (is_batch) {
        SplitBatch(outcome, piece, now);
        return outcome;
      }
      break;
    case Reaction::kRefused:
      break;
  }
  outcome.end = Outcome::End::kFailed;
  outcome.condition = ApiCondition::kRefused;
  outcome.fails_siblings = true;
  return outcome;
}

// Rows were taken; what of the days that have none?
void JudgeDays(Outcome& outcome, const SyncPolicy& policy, const Piece& piece,
               const std::set<absl::CivilDay>& days_with_rows, int rows_refused, absl::Time now) {
  const absl::CivilDay final_until =
      ShanghaiDay(now) - 1 - policy.empty_final_after_days;  // days over for long enough
  std::vector<absl::CivilDay> waiting;
  for (absl::CivilDay day = piece.span.begin; day <= piece.span.end; ++day) {
    if (days_with_rows.contains(day)) continue;
    // An answer about other days says nothing of these.
    if (day <= final_until && rows_refused == 0) {
      outcome.final_empty_days.push_back(day);
    } else {
      waiting.push_back(day);
    }
  }
  if (days_with_rows.empty()) outcome.result = FetchResult::kEmpty;
  if (waiting.empty()) return;
  if (!days_with_rows.empty()) outcome.result = FetchResult::kNotReady;
  if (rows_refused > 0) {
    outcome.result = FetchResult::kError;
    outcome.reason = "The platform answered with rows of days that were not asked for.";
  } else {
    outcome.reason =
        absl::StrCat("The platform has no rows yet for ", FormatDay(waiting.back()), ".");
  }
  WaitUntilReady(outcome, policy, piece, {waiting.front(), waiting.back()}, now);
}

Outcome ReadStatistics(const SyncPolicy& policy, const Piece& piece, const std::string& body,
                       absl::Time now, absl::BitGenRef random) {
  Outcome outcome;
  std::set<absl::CivilDay> days;
  int refused = 0;
  if (piece.api == Api::kUserSummary) {
    absl::StatusOr<ChangeAnswer> answer = ParseUserSummary(body, piece.span);
    if (!answer.ok()) return ReadFailure(policy, piece, answer.status(), now, random);
    refused = answer->rows_refused;
    outcome.changes = std::move(answer->rows);
    for (const ChangeRow& row : outcome.changes) days.insert(row.day);
  } else {
    absl::StatusOr<TotalAnswer> answer = ParseUserCumulate(body, piece.span);
    if (!answer.ok()) return ReadFailure(policy, piece, answer.status(), now, random);
    refused = answer->rows_refused;
    outcome.totals = std::move(answer->rows);
    for (const TotalRow& row : outcome.totals) days.insert(row.day);
  }
  JudgeDays(outcome, policy, piece, days, refused, now);
  return outcome;
}

Outcome ReadRosterPage(const SyncPolicy& policy, const Piece& piece, const std::string& body,
                       absl::Time now, absl::BitGenRef random) {
  absl::StatusOr<RosterPage> page = ParseRosterPage(body);
  if (!page.ok()) return ReadFailure(policy, piece, page.status(), now, random);
  const auto count = static_cast<int64_t>(page->openids.size());
  const int64_t collected = piece.collected + count;
  Outcome outcome;
  if (collected == 0 && page->total > 0) {
    outcome.result = FetchResult::kEmpty;
    outcome.reason = "The platform counts followers but lists none.";
    RetryLater(outcome, policy, piece, now, random);
    return outcome;
  }
  if (count == 0) outcome.result = FetchResult::kEmpty;
  outcome.roster_ends = count == 0 || page->next_openid.empty() ||
                        page->next_openid == piece.cursor || collected >= page->total;
  // Followers come and go while the pages are read; a list that ends far too early is not believed.
  outcome.roster_is_complete =
      outcome.roster_ends && collected + std::max<int64_t>(10, page->total / 50) >= page->total;
  if (outcome.roster_ends && !outcome.roster_is_complete) {
    outcome.reason = absl::StrCat("The follower list ended after ", collected, " of ", page->total,
                                  " followers; nobody was marked as gone.");
  }
  if (!outcome.roster_ends) {
    Piece next = Part(piece, now);
    next.cursor = page->next_openid;
    next.collected = collected;
    outcome.parts.push_back(std::move(next));
  }
  outcome.page = *std::move(page);
  return outcome;
}

Outcome ReadRosterBatch(const SyncPolicy& policy, const Piece& piece, const std::string& body,
                        absl::Time now, absl::BitGenRef random) {
  absl::StatusOr<std::vector<FollowerInfo>> infos = ParseFollowerInfos(body);
  if (!infos.ok()) return ReadFailure(policy, piece, infos.status(), now, random);
  Outcome outcome;
  std::set<std::string> asked(piece.openids.begin(), piece.openids.end());
  for (FollowerInfo& info : *infos) {
    if (asked.erase(info.openid) > 0) outcome.infos.push_back(std::move(info));
  }
  outcome.refused_openids.assign(asked.begin(), asked.end());
  if (outcome.infos.empty()) outcome.result = FetchResult::kEmpty;
  return outcome;
}

}  // namespace

Outcome ReadAnswer(const SyncPolicy& policy, const Piece& piece,
                   const absl::StatusOr<std::string>& answer, absl::Time now,
                   absl::BitGenRef random) {
  if (!answer.ok()) return ReadFailure(policy, piece, answer.status(), now, random);
  switch (piece.kind) {
    case PieceKind::kStatistics:
      return ReadStatistics(policy, piece, *answer, now, random);
    case PieceKind::kRosterPage:
      return ReadRosterPage(policy, piece, *answer, now, random);
    case PieceKind::kRosterBatch:
      return ReadRosterBatch(policy, piece, *answer, now, random);
    case PieceKind::kEvidence:
      break;
  }
  return Outcome();
}

Outcome ReadEvidenceReceipt(const SyncPolicy& policy, const Piece& piece,
                            const absl::Status& receipt, absl::Time now, absl::BitGenRef random) {
  Outcome outcome;
  if (receipt.ok()) {
    outcome.evidence_sent = static_cast<int64_t>(piece.pairs.size());
    return outcome;
  }
  outcome.result = FetchResult::kError;
  outcome.reason = absl::StrCat("Evidence for identity waits: ", std::string(receipt.message()));
  RetryLater(outcome, policy, piece, now, random);
  // Evidence is never given up: nothing would bring it back.
  if (outcome.end == Outcome::End::kFailed) Again(outcome, piece, now + policy.retry_longest);
  outcome.condition = ApiCondition::kFine;
  return outcome;
}

}  // namespace datong::datacube
