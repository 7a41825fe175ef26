#include "services/datacube/core/syncer.h"

#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/datacube/core/accounts.h"
#include "services/datacube/core/answers.h"
#include "services/datacube/core/outcome.h"

namespace datong::datacube {
namespace {

constexpr absl::Duration kStoreTimeout = absl::Seconds(10);
constexpr int kNightsAtOnce = 100;

Deadline StoreDeadline() { return Deadline::After(kStoreTimeout); }

// A time that only the passing of real time moves.
absl::Time PaceNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

Syncer::Syncer(Options options, Store& store, Platform& platform, AccountFeed& feed,
               EvidenceSink& sink, Erasures& erasures, Metrics& metrics, const Clock& clock)
    : options_(std::move(options)),
      store_(store),
      platform_(platform),
      feed_(feed),
      sink_(sink),
      erasures_(erasures),
      metrics_(metrics),
      clock_(clock),
      pacer_(options_.rates) {}

absl::Status Syncer::FollowAccounts() {
  DATONG_ASSIGN_OR_RETURN(const std::vector<std::string> projects,
                          feed_.ListProjects(Deadline::After(options_.call_timeout)));
  for (const std::string& project : projects) {
    if (stopping_) return absl::OkStatus();
    DATONG_RETURN_IF_ERROR(FollowProject(project));
  }
  return absl::OkStatus();
}

absl::Status Syncer::FollowProject(const std::string& project) {
  DATONG_ASSIGN_OR_RETURN(std::string cursor, store_.LoadCursor(project, StoreDeadline()));
  while (!stopping_) {
    absl::StatusOr<AccountFeed::Page> page =
        feed_.Read(project, cursor, Deadline::After(options_.call_timeout));
    if (absl::IsInvalidArgument(page.status()) && !cursor.empty()) {
      LogWarn("account feed begins anew", {{"project", project}});
      cursor.clear();
      continue;
    }
    if (!page.ok()) {
      metrics_.account_lag().NotRead(project, clock_.Now());
      return page.status();
    }
    if (!page->updates.empty() || page->cursor != cursor) {
      const absl::Time now = clock_.Now();
      DATONG_RETURN_IF_ERROR(store_.ApplyAccounts(
          project, page->cursor, page->updates,
          [&](const std::optional<Account>& before, const AccountUpdate& update) {
            return DecideAccount(options_.policy, project, before, update, now);
          },
          now, StoreDeadline()));
    }
    if (page->caught_up) {
      metrics_.account_lag().AtEnd(project, clock_.Now());
      return absl::OkStatus();
    }
    cursor = page->cursor;
  }
  return absl::OkStatus();
}

absl::Status Syncer::StartNights() {
  while (!stopping_) {
    const absl::Time now = clock_.Now();
    const absl::CivilDay newest = NewestPublishedDay(now);
    DATONG_ASSIGN_OR_RETURN(const std::vector<NightlyAccount> accounts,
                            store_.DueNights(now, newest, kNightsAtOnce, StoreDeadline()));
    if (accounts.empty()) return absl::OkStatus();
    for (const NightlyAccount& account : accounts) {
      NewRun run;
      run.app = account.app;
      run.trigger = Trigger::kNightly;
      run.create_time = now;
      for (const Api api : kStatisticsApis) {
        const auto missing = account.missing.find(api);
        const std::vector<DaySpan> spans = NightlySpans(
            newest, account.wanted_begin,
            missing == account.missing.end() ? std::vector<absl::CivilDay>() : missing->second);
        for (Piece& piece : StatisticsPieces(account.app, api, spans, now)) {
          run.pieces.push_back(std::move(piece));
        }
      }
      run.pieces.push_back(RosterPiece(account.app, now));
      DATONG_RETURN_IF_ERROR(store_
                                 .StartNight(account,
                                             NextNight(options_.policy, account.app.appid, now),
                                             run, StoreDeadline())
                                 .status());
    }
  }
  return absl::OkStatus();
}

ClaimLimits Syncer::Limits() {
  ClaimLimits limits;
  limits.calls_in_flight_per_app = options_.calls_in_flight_per_app;
  limits.lease = 2 * options_.call_timeout;
  MutexLock lock(&mutex_);
  limits.platform_calls = pacer_.Ready(PaceNow());
  limits.resting = pacer_.Resting(PaceNow());
  return limits;
}

absl::StatusOr<int> Syncer::Work() {
  int done = 0;
  while (!stopping_) {
    DATONG_ASSIGN_OR_RETURN(const std::optional<Piece> piece,
                            store_.Claim(clock_.Now(), Limits(), StoreDeadline()));
    if (!piece.has_value()) break;
    const Outcome outcome = Perform(*piece);
    const absl::StatusOr<Completion> completion =
        store_.Complete(*piece, outcome, options_.policy, clock_.Now(), StoreDeadline());
    if (absl::IsAborted(completion.status())) continue;  // somebody else does it
    if (!completion.ok()) return completion.status();
    ++done;
    const std::optional<SyncRun>& ended = completion->ended_run;
    if (!ended.has_value()) continue;
    if (ended->trigger == Trigger::kNightly) {
      metrics_.NightEnded(ended->state == RunState::kSucceeded,
                          *ended->end_time - ended->create_time, *ended->end_time);
    }
    if (ended->state == RunState::kFailed) {
      LogWarn("sync run failed", {{"app", ended->app.appid}, {"reason", ended->reason}});
    }
  }
  return done;
}

Outcome Syncer::Perform(const Piece& piece) {
  absl::BitGen random;
  if (piece.kind == PieceKind::kEvidence) {
    const absl::Status receipt = sink_.Send(piece.app, piece.pairs, piece.observed_time,
                                            Deadline::After(options_.call_timeout));
    return ReadEvidenceReceipt(options_.policy, piece, receipt, clock_.Now(), random);
  }
  {
    MutexLock lock(&mutex_);
    pacer_.Take(piece.app.appid, PaceNow());
  }
  const absl::StatusOr<std::string> answer = CallPlatform(piece);
  Outcome outcome = ReadAnswer(options_.policy, piece, answer, clock_.Now(), random);
  if (outcome.page.has_value()) {
    // When it fails the store leaves out all who were erased.
    absl::StatusOr<std::vector<std::string>> admitted =
        erasures_.Admit(piece.app, outcome.page->openids);
    if (admitted.ok()) outcome.page->openids = *std::move(admitted);
  }
  metrics_.Fetched(piece.api, outcome.result);
  return outcome;
}

absl::StatusOr<std::string> Syncer::CallPlatform(const Piece& piece) {
  const Deadline deadline = Deadline::After(options_.call_timeout);
  switch (piece.kind) {
    case PieceKind::kStatistics:
      return platform_.Call(piece.app, "/datacube/" + std::string(ApiName(piece.api)), {},
                            StatisticsRequest(piece.span), deadline);
    case PieceKind::kRosterPage: {
      std::map<std::string, std::string> query;
      if (!piece.cursor.empty()) query["next_openid"] = piece.cursor;
      return platform_.Call(piece.app, "/cgi-bin/user/get", query, "", deadline);
    }
    case PieceKind::kRosterBatch:
    case PieceKind::kEvidence:
      break;
  }
  return platform_.Call(piece.app, "/cgi-bin/user/info/batchget", {},
                        FollowerInfoRequest(piece.openids), deadline);
}

absl::Status Syncer::UpdateGauges() {
  DATONG_ASSIGN_OR_RETURN(const auto missing,
                          store_.CountMissing(NewestPublishedDay(clock_.Now()), StoreDeadline()));
  metrics_.DaysMissing(missing);
  return absl::OkStatus();
}

}  // namespace datong::datacube
