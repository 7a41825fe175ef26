#include "services/ingest/core/event_writer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/ingest/core/errors.h"

namespace datong::ingest {
namespace {

constexpr size_t kRememberedEvents = 200'000;
constexpr size_t kRememberedEvidence = 400'000;
constexpr int kConflictTries = 4;
constexpr int kOutageTries = 2;

bool IsRefusedValue(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument;
}

}  // namespace

const char* DialectName(int16_t provenance) {
  switch (provenance >> 4) {
    case 1:
      return "gio.v3";
    case 2:
      return "segment";
    default:
      return "grpc";
  }
}

QuarantineItem QuarantineOf(const EventRow& row, Reason reason, std::string detail) {
  QuarantineItem item;
  item.tenant_id = row.tenant_id;
  item.source_id = row.source_id;
  item.received_us = row.received_us;
  item.dialect = DialectName(row.provenance);
  item.reason = reason;
  item.detail = std::move(detail);
  item.raw = row.rest;
  item.context = "{}";
  return item;
}

EventWriter::EventWriter(WriterOptions options, EventStore& store, IngestMetrics& metrics,
                         const Clock& clock)
    : options_(options),
      store_(store),
      metrics_(metrics),
      clock_(clock),
      recent_(kRememberedEvents, absl::Minutes(5)),
      told_(kRememberedEvidence, absl::InfiniteDuration()) {
  metrics_.QueueCapacity(static_cast<int64_t>(options_.capacity_rows));
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

EventWriter::~EventWriter() { Stop(); }

void EventWriter::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void EventWriter::Submit(Submission submission, Done done) {
  absl::Status refused;
  {
    MutexLock lock(&mutex_);
    const size_t rows = submission.rows.size() + submission.quarantine.size();
    if (stopping_) {
      refused = WriterStopped();
    } else if (queued_rows_ > 0 && queued_rows_ + rows > options_.capacity_rows) {
      refused = WriterBusy();
    } else {
      queued_rows_ += rows;
      queue_.push_back({std::move(submission), std::move(done), clock_.Now()});
      ReportQueue();
      return;
    }
  }
  done(std::move(refused));
}

absl::StatusOr<SubmissionResult> EventWriter::Write(Submission submission, Deadline deadline) {
  // Shared, since the caller may give up before the writer is done.
  struct Slot {
    Mutex mutex;
    std::optional<absl::StatusOr<SubmissionResult>> result ABSL_GUARDED_BY(mutex);
  };
  auto slot = std::make_shared<Slot>();
  Submit(std::move(submission), [slot](absl::StatusOr<SubmissionResult> result) {
    MutexLock lock(&slot->mutex);
    slot->result = std::move(result);
  });
  MutexLock lock(&slot->mutex);
  const auto ready = [&slot]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return slot->result.has_value(); };
  if (!slot->mutex.AwaitWithTimeout(absl::Condition(&ready), deadline.Remaining())) {
    return WriterTimeout();
  }
  return *std::move(slot->result);
}

void EventWriter::ReportQueue() {
  metrics_.QueueChanged(static_cast<int64_t>(queued_rows_),
                        queue_.empty() ? absl::InfinitePast() : queue_.front().since);
}

void EventWriter::Run() {
  for (;;) {
    std::vector<Waiting> group = TakeGroup();
    if (group.empty()) return;
    CommitGroup(std::move(group));
  }
}

std::vector<EventWriter::Waiting> EventWriter::TakeGroup() {
  MutexLock lock(&mutex_);
  const auto work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !queue_.empty();
  };
  mutex_.Await(absl::Condition(&work));
  std::vector<Waiting> group;
  size_t rows = 0;
  while (!queue_.empty()) {
    const Submission& next = queue_.front().submission;
    const size_t size = next.rows.size() + next.quarantine.size();
    if (!group.empty() && rows + size > options_.rows_per_commit) break;
    rows += size;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_rows_ -= rows;
  ReportQueue();
  return group;
}

void EventWriter::CommitGroup(std::vector<Waiting> group) {
  std::vector<SubmissionResult> results(group.size());
  std::vector<Placed> fresh;
  std::vector<QuarantineItem> refused;
  std::vector<const QuarantineItem*> quarantine;
  // Rows that repeat an earlier row of the same group share its fate as its duplicates.
  absl::flat_hash_map<RowKey, int64_t> in_group;
  {
    MutexLock lock(&seen_mutex_);
    for (size_t g = 0; g < group.size(); ++g) {
      Submission& submission = group[g].submission;
      results[g].fates.resize(submission.rows.size(), RowFate::kStored);
      for (size_t i = 0; i < submission.rows.size(); ++i) {
        EventRow& row = submission.rows[i];
        const RowKey key{row.event_id, row.device_key};
        const int64_t* seen = recent_.Find(key);
        if (seen == nullptr) {
          const auto [found, added] = in_group.try_emplace(key, row.content_hash);
          if (added) {
            fresh.push_back({&row, &results[g].fates[i], &results[g].position});
            continue;
          }
          seen = &found->second;
        }
        const bool same = *seen == row.content_hash;
        results[g].fates[i] = same ? RowFate::kDuplicate : RowFate::kIdReused;
        if (!same)
          refused.push_back(
              QuarantineOf(row, Reason::kIdReused, "The id came before with other content."));
      }
      for (const QuarantineItem& item : submission.quarantine) quarantine.push_back(&item);
    }
  }
  for (const QuarantineItem& item : refused) quarantine.push_back(&item);

  const absl::Time begin = clock_.Now();
  std::vector<QuarantineItem> unstorable;
  absl::Status status;
  if (!fresh.empty() || !quarantine.empty()) {
    status = WriteRows(absl::MakeSpan(fresh), quarantine, &unstorable);
  }
  if (status.ok() && !unstorable.empty()) {
    std::vector<const QuarantineItem*> items;
    for (const QuarantineItem& item : unstorable) items.push_back(&item);
    status = WriteOnce({{}, items, {}, absl::ToUnixMicros(clock_.Now())}).status();
  }
  if (status.ok()) {
    metrics_.Committed(clock_.Now() - begin, static_cast<int64_t>(fresh.size()));
    Remember(fresh);
  } else {
    LogWarn("events were not committed",
            {{"reason", GetReason(status)}, {"rows", static_cast<int64_t>(fresh.size())}});
  }
  for (size_t g = 0; g < group.size(); ++g) {
    if (status.ok()) {
      group[g].done(std::move(results[g]));
    } else {
      group[g].done(status);
    }
  }
}

absl::StatusOr<WriteOutcome> EventWriter::WriteOnce(const WriteBatch& batch) {
  for (int tries = 1;; ++tries) {
    absl::StatusOr<WriteOutcome> outcome =
        store_.Write(batch, Deadline::After(options_.commit_timeout));
    const absl::StatusCode code = outcome.status().code();
    // Repeating is safe: what was committed after all is found again as duplicate.
    const bool again = (code == absl::StatusCode::kAborted && tries < kConflictTries) ||
                       (code == absl::StatusCode::kUnavailable && tries < kOutageTries);
    if (!again) return outcome;
  }
}

absl::Status EventWriter::WriteRows(absl::Span<Placed> rows,
                                    absl::Span<const QuarantineItem* const> quarantine,
                                    std::vector<QuarantineItem>* unstorable) {
  std::vector<EventRow*> pointers;
  pointers.reserve(rows.size());
  for (const Placed& placed : rows) pointers.push_back(placed.row);
  const std::vector<EvidenceItem> evidence = NewEvidence(rows);
  std::vector<const EvidenceItem*> evidence_pointers;
  for (const EvidenceItem& item : evidence) evidence_pointers.push_back(&item);

  const absl::StatusOr<WriteOutcome> outcome =
      WriteOnce({pointers, quarantine, evidence_pointers, absl::ToUnixMicros(clock_.Now())});
  if (IsRefusedValue(outcome.status()) && !rows.empty()) {
    if (rows.size() == 1) {
      *rows[0].fate = RowFate::kUnstorable;
      unstorable->push_back(
          QuarantineOf(*rows[0].row, Reason::kSchema, "The database refused a value of it."));
      return quarantine.empty() ? absl::OkStatus()
                                : WriteRows(rows.subspan(0, 0), quarantine, unstorable);
    }
    const size_t half = rows.size() / 2;
    DATONG_RETURN_IF_ERROR(WriteRows(rows.subspan(0, half), quarantine, unstorable));
    return WriteRows(rows.subspan(half), {}, unstorable);
  }
  if (!outcome.ok()) return outcome.status();
  if (!evidence.empty()) on_evidence_();
  for (size_t i = 0; i < rows.size(); ++i) {
    *rows[i].fate = outcome->fates[i];
    if (outcome->fates[i] == RowFate::kStored) {
      *rows[i].position = std::max(*rows[i].position, outcome->batch_id);
    } else if (outcome->fates[i] == RowFate::kIdReused) {
      unstorable->push_back(
          QuarantineOf(*rows[i].row, Reason::kIdReused, "The id came before with other content."));
    }
  }
  return absl::OkStatus();
}

std::vector<EvidenceItem> EventWriter::NewEvidence(absl::Span<const Placed> rows) {
  std::vector<EvidenceItem> items;
  absl::flat_hash_set<uint64_t> here;
  MutexLock lock(&seen_mutex_);
  for (const Placed& placed : rows) {
    for (const EvidenceItem& candidate : placed.row->evidence) {
      if (told_.Find(candidate.key) != nullptr || !here.insert(candidate.key).second) continue;
      EvidenceItem& item = items.emplace_back(candidate);
      item.tenant_id = placed.row->tenant_id;
      item.app = placed.row->source->app;
      item.source = placed.row->source->Name();
      item.observed_us = placed.row->received_us;
      item.evidence_id = placed.row->event_id.ToString();
    }
  }
  return items;
}

void EventWriter::Remember(absl::Span<const Placed> rows) {
  const absl::Time now = clock_.Now();
  MutexLock lock(&seen_mutex_);
  for (const Placed& placed : rows) {
    if (*placed.fate == RowFate::kStored || *placed.fate == RowFate::kDuplicate) {
      recent_.Add({placed.row->event_id, placed.row->device_key}, placed.row->content_hash, now);
    }
    for (const EvidenceItem& item : placed.row->evidence) {
      if (told_.Find(item.key) == nullptr) told_.Add(item.key, true, now);
    }
  }
}

}  // namespace datong::ingest
