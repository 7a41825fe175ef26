#include "services/datacube/rpc/messages.h"

#include "absl/strings/str_cat.h"
#include "common/time/shanghai.h"

namespace datong::datacube {
namespace {

v1::SyncTrigger TriggerMessage(Trigger trigger) {
  switch (trigger) {
    case Trigger::kConnected:
      return v1::SYNC_TRIGGER_CONNECTED;
    case Trigger::kNightly:
      return v1::SYNC_TRIGGER_NIGHTLY;
    case Trigger::kRequested:
      break;
  }
  return v1::SYNC_TRIGGER_REQUESTED;
}

v1::SyncRunState StateMessage(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return v1::SYNC_RUN_STATE_RUNNING;
    case RunState::kSucceeded:
      return v1::SYNC_RUN_STATE_SUCCEEDED;
    case RunState::kFailed:
      return v1::SYNC_RUN_STATE_FAILED;
    case RunState::kAbandoned:
      break;
  }
  return v1::SYNC_RUN_STATE_ABANDONED;
}

v1::FreshnessState StateMessage(FreshnessState state) {
  switch (state) {
    case FreshnessState::kComplete:
      return v1::FRESHNESS_STATE_COMPLETE;
    case FreshnessState::kSyncing:
      return v1::FRESHNESS_STATE_SYNCING;
    case FreshnessState::kNotReady:
      return v1::FRESHNESS_STATE_NOT_READY;
    case FreshnessState::kQuotaUsedUp:
      return v1::FRESHNESS_STATE_QUOTA_USED_UP;
    case FreshnessState::kRefused:
      return v1::FRESHNESS_STATE_REFUSED;
    case FreshnessState::kUnreachable:
      return v1::FRESHNESS_STATE_UNREACHABLE;
    case FreshnessState::kDisconnected:
      return v1::FRESHNESS_STATE_DISCONNECTED;
    case FreshnessState::kNotOffered:
      return v1::FRESHNESS_STATE_NOT_OFFERED;
    case FreshnessState::kIncomplete:
      break;
  }
  return v1::FRESHNESS_STATE_INCOMPLETE;
}

}  // namespace

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

std::string AppResource(const AppKey& app) {
  return absl::StrCat("projects/", app.project, "/apps/", app.appid);
}

v1::SyncRun RunMessage(const SyncRun& run) {
  v1::SyncRun message;
  message.set_name(absl::StrCat("projects/", run.app.project, "/syncRuns/", run.id));
  message.set_app(AppResource(run.app));
  message.set_trigger(TriggerMessage(run.trigger));
  message.set_state(StateMessage(run.state));
  message.set_reason(run.reason);
  SetTimestamp(run.create_time, *message.mutable_create_time());
  if (run.end_time.has_value()) SetTimestamp(*run.end_time, *message.mutable_end_time());
  for (const SyncStep& step : run.steps) {
    v1::SyncStep& out = *message.add_steps();
    out.set_api(std::string(ApiName(step.api)));
    out.set_pieces(step.pieces);
    out.set_pieces_done(step.pieces_done);
    out.set_pieces_failed(step.pieces_failed);
    out.set_rows(step.rows);
    out.set_rows_expected(step.rows_expected);
    out.set_rows_refused(step.rows_refused);
    out.set_evidence_sent(step.evidence_sent);
    out.set_reason(step.reason);
    if (step.next_due_time.has_value()) {
      SetTimestamp(*step.next_due_time, *out.mutable_next_due_time());
    }
  }
  return message;
}

v1::ApiFreshness FreshnessMessage(const ApiSnapshot& snapshot, absl::Time now) {
  const Freshness freshness = JudgeFreshness(snapshot, now);
  v1::ApiFreshness message;
  message.set_app(AppResource(snapshot.account.app));
  message.set_state(StateMessage(freshness.state));
  message.set_reason(freshness.reason);
  if (!snapshot.api.has_value()) return message;
  message.set_api(std::string(ApiName(*snapshot.api)));
  if (*snapshot.api == Api::kRoster) {
    message.set_followers(snapshot.followers);
    if (snapshot.roster_complete_time.has_value()) {
      message.set_newest_day(FormatDay(ShanghaiDay(*snapshot.roster_complete_time)));
    }
  } else if (snapshot.newest_day.has_value()) {
    message.set_newest_day(FormatDay(*snapshot.newest_day));
  }
  if (freshness.due_day.has_value()) message.set_due_day(FormatDay(*freshness.due_day));
  message.set_days_missing(freshness.days_missing);
  if (snapshot.last_success_time.has_value()) {
    SetTimestamp(*snapshot.last_success_time, *message.mutable_last_sync_time());
  }
  if (freshness.next_due_time.has_value()) {
    SetTimestamp(*freshness.next_due_time, *message.mutable_next_due_time());
  }
  return message;
}

v1::StatisticRow RowMessage(const std::string& project, v1::Metric metric,
                            const StatisticRow& row) {
  v1::StatisticRow message;
  message.set_app(AppResource({project, row.appid}));
  message.set_day(FormatDay(row.day));
  message.set_metric(metric);
  message.set_user_source(row.user_source);
  if (row.new_user.has_value()) message.set_new_user(*row.new_user);
  if (row.cancel_user.has_value()) message.set_cancel_user(*row.cancel_user);
  if (row.cumulate_user.has_value()) message.set_cumulate_user(*row.cumulate_user);
  message.set_raw_json(row.raw_json);
  SetTimestamp(row.fetch_time, *message.mutable_fetch_time());
  return message;
}

}  // namespace datong::datacube
