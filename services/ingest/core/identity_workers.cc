#include "services/ingest/core/identity_workers.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::ingest {
namespace {

constexpr int kRecordsPerCall = 500;
constexpr absl::Duration kLease = absl::Seconds(45);

std::string ProjectOf(const SourceSnapshot& snapshot, int32_t tenant_id) {
  for (const Project& project : snapshot.projects()) {
    if (project.number == tenant_id) return project.id;
  }
  return "";
}

template <typename Entry>
std::optional<absl::Time> NewestOf(const std::vector<Entry>& entries, absl::Time Entry::*time) {
  if (entries.empty()) return std::nullopt;
  return entries.back().*time;
}

// `newest`: when the last entry of the page was said, if it has one.
void ShowLag(metrics::FeedLag& lag, const std::string& project, std::optional<absl::Time> newest,
             bool more, absl::Time now) {
  if (!more) {
    lag.AtEnd(project, now);
  } else if (newest.has_value()) {
    lag.Behind(project, *newest, now);
  }
}

// One that identity was not told of yet has no feed.
void ShowNotRead(metrics::FeedLag& lag, const std::string& project, const absl::Status& status,
                 absl::Time now) {
  if (GetReason(status) != "PROJECT_UNKNOWN") lag.NotRead(project, now);
}

}  // namespace

absl::Status EvidenceShipper::ShipAll(absl::Duration longest) {
  const Deadline deadline = Deadline::After(longest);
  absl::Status status;
  while (!deadline.Passed()) {
    DATONG_ASSIGN_OR_RETURN(const std::vector<PendingEvidence> records,
                            outbox_.Claim(kRecordsPerCall, kLease, deadline));
    if (records.empty()) break;
    const std::string project = ProjectOf(*sources_.Snapshot(), records.front().tenant_id);
    std::vector<int64_t> ids;
    ids.reserve(records.size());
    for (const PendingEvidence& record : records) ids.push_back(record.id);
    status = identity_.LinkBatch(project, records, deadline);
    if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
      DATONG_RETURN_IF_ERROR(outbox_.Release(ids, Deadline::After(absl::Seconds(2))));
      break;
    }
    // A project that identity does not know yet stays until its lease ends: others go on.
    if (!status.ok()) continue;
    DATONG_RETURN_IF_ERROR(outbox_.Delete(ids, deadline));
  }
  if (const absl::StatusOr<EvidenceBacklog> backlog =
          outbox_.Backlog(Deadline::After(absl::Seconds(2)));
      backlog.ok()) {
    metrics_.EvidenceBacklog(backlog->waiting, backlog->oldest);
  }
  return status;
}

absl::Status ConsentFollower::Load(Deadline deadline) {
  // Cursors first: what is stored between the two readings is then read twice, not never.
  const auto snapshot = sources_.Snapshot();  // held: it may be replaced meanwhile
  for (const Project& project : snapshot->projects()) {
    DATONG_ASSIGN_OR_RETURN(cursors_[project.number], store_.Cursor(project.number, deadline));
  }
  DATONG_ASSIGN_OR_RETURN(const std::vector<ConsentEntry> entries, store_.LoadAll(deadline));
  book_.Apply(entries);
  return absl::OkStatus();
}

absl::Status ConsentFollower::Follow(absl::Duration longest) {
  const Deadline deadline = Deadline::After(longest);
  absl::Status first_error;
  const auto snapshot = sources_.Snapshot();  // held: it may be replaced meanwhile
  for (const Project& project : snapshot->projects()) {
    std::string& cursor = cursors_[project.number];
    for (bool more = true; more && !deadline.Passed();) {
      absl::StatusOr<ConsentPage> page = identity_.ListConsents(project.id, cursor, deadline);
      if (!page.ok() && GetReason(page.status()) == "CURSOR_STALE" && !cursor.empty()) {
        cursor.clear();  // identity's database was restored: from the beginning
        continue;
      }
      if (!page.ok()) {
        ShowNotRead(lag_, project.id, page.status(), clock_.Now());
        // One project that identity does not know yet must not hold back the others.
        if (first_error.ok()) first_error = page.status();
        break;
      }
      for (ConsentEntry& entry : page->entries) entry.tenant_id = project.number;
      if (page->next_cursor != cursor) {
        DATONG_RETURN_IF_ERROR(
            store_.Save(project.number, page->entries, page->next_cursor, deadline));
        book_.Apply(page->entries);
        cursor = page->next_cursor;
      }
      more = page->full;
      ShowLag(lag_, project.id, NewestOf(page->entries, &ConsentEntry::said), more, clock_.Now());
    }
  }
  return first_error;
}

absl::Status ErasureFollower::Load(Deadline deadline) {
  const auto snapshot = sources_.Snapshot();  // held: it may be replaced meanwhile
  for (const Project& project : snapshot->projects()) {
    DATONG_ASSIGN_OR_RETURN(cursors_[project.number], store_.Cursor(project.number, deadline));
  }
  DATONG_ASSIGN_OR_RETURN(const std::vector<ErasureEntry> entries, store_.LoadAll(deadline));
  book_.Apply(entries);
  return absl::OkStatus();
}

absl::Status ErasureFollower::Follow(absl::Duration longest) {
  const Deadline deadline = Deadline::After(longest);
  absl::Status first_error;
  const auto snapshot = sources_.Snapshot();  // held: it may be replaced meanwhile
  for (const Project& project : snapshot->projects()) {
    std::string& cursor = cursors_[project.number];
    for (bool more = true; more && !deadline.Passed();) {
      absl::StatusOr<ErasurePage> page = identity_.ListErasures(project.id, cursor, deadline);
      if (!page.ok() && GetReason(page.status()) == "CURSOR_STALE" && !cursor.empty()) {
        cursor.clear();  // identity's database was restored: from the beginning
        continue;
      }
      if (!page.ok()) {
        ShowNotRead(lag_, project.id, page.status(), clock_.Now());
        first_error.Update(page.status());
        break;
      }
      for (ErasureEntry& entry : page->entries) entry.tenant_id = project.number;
      if (!page->entries.empty()) {
        // Kept out first, deleted then: nothing comes in between.
        book_.Apply(page->entries);
        DATONG_RETURN_IF_ERROR(
            store_.Erase(project.number, page->entries, page->next_cursor, deadline));
        cursor = page->next_cursor;
      }
      more = page->full;
      ShowLag(lag_, project.id, NewestOf(page->entries, &ErasureEntry::erased), more, clock_.Now());
    }
  }
  return first_error;
}

}  // namespace datong::ingest
