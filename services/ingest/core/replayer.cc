#include "services/ingest/core/replayer.h"

#include <utility>

#include "common/status/macros.h"

namespace datong::ingest {

void Replayer::AddDialect(Collector& collector, const Dialect& dialect) {
  AddDialect(dialect.name(), [&collector, &dialect](const QuarantineItem& item, Deadline deadline) {
    Body body;
    Sender sender;
    UnpackContext(item.context, &body, &sender);
    body.bytes = item.raw;
    sender.received_us = item.received_us;
    return collector.Prepare(dialect, std::move(body), sender, deadline);
  });
}

absl::StatusOr<ReplayReport> Replayer::Replay(const QuarantineFilter& filter, int limit,
                                              Deadline deadline) {
  ReplayReport report;
  int64_t after = 0;
  while (report.tried < limit && !deadline.Passed()) {
    DATONG_ASSIGN_OR_RETURN(
        const std::vector<QuarantineItem> items,
        store_.Load(filter, after, static_cast<int>(limit - report.tried), deadline));
    if (items.empty()) break;
    for (const QuarantineItem& item : items) {
      after = item.id;
      ++report.tried;
      DATONG_RETURN_IF_ERROR(ReplayOne(item, deadline, &report));
    }
  }
  return report;
}

absl::Status Replayer::ReplayOne(const QuarantineItem& item, Deadline deadline,
                                 ReplayReport* report) {
  const auto dialect = dialects_.find(item.dialect);
  if (dialect == dialects_.end()) {
    ++report->failed;
    return absl::OkStatus();
  }
  DATONG_ASSIGN_OR_RETURN(Prepared prepared, dialect->second(item, deadline));
  Submission& submission = prepared.submission;
  const bool whole_again = prepared.verdict != CollectVerdict::kTaken;
  const bool one_again = !item.whole_body && !submission.quarantine.empty();
  if (whole_again || one_again) {
    ++report->failed;
    return absl::OkStatus();
  }
  // What a whole body still holds of bad events goes to quarantine one by one.
  report->failed += static_cast<int64_t>(submission.quarantine.size());
  report->refused += prepared.refused;
  if (!submission.rows.empty() || !submission.quarantine.empty()) {
    if (!item.whole_body && item.reason == Reason::kIdReused) {
      // First still wins: what it meets would only be quarantined once more.
      ++report->failed;
      return absl::OkStatus();
    }
    DATONG_ASSIGN_OR_RETURN(const SubmissionResult written,
                            writer_.Write(std::move(submission), deadline));
    for (const RowFate fate : written.fates) {
      if (fate == RowFate::kStored) {
        ++report->stored;
      } else if (fate == RowFate::kDuplicate) {
        ++report->duplicate;
      } else {
        ++report->failed;
      }
    }
  }
  return store_.MarkReplayed(item.id, item.received_us, absl::ToUnixMicros(clock_.Now()), deadline);
}

}  // namespace datong::ingest
