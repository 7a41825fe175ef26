#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/ingest/core/event_store.h"
#include "services/ingest/core/metrics.h"
#include "services/ingest/core/seen_set.h"

namespace datong::ingest {

struct WriterOptions {
  int threads = 2;
  size_t rows_per_commit = 5'000;
  size_t capacity_rows = 100'000;
  absl::Duration commit_timeout = absl::Seconds(8);
};

// What is to be written together with one ack.
struct Submission {
  std::vector<EventRow> rows;
  std::vector<QuarantineItem> quarantine;
};

struct SubmissionResult {
  std::vector<RowFate> fates;  // for each row
  int64_t position = 0;        // newest batch that holds rows of it; 0: nothing new
};

// Groups what many callers submit into few commits: each thread takes what waits, up to a few
// thousand rows, while the others commit. Drops what it has seen in the last minutes before it
// reaches the database, and tells identity only what it was not told before. Thread-safe.
class EventWriter {
 public:
  using Done = std::function<void(absl::StatusOr<SubmissionResult>)>;

  EventWriter(WriterOptions options, EventStore& store, IngestMetrics& metrics, const Clock& clock);
  ~EventWriter();

  // Calls `done` once, on a writer thread, after the commit or when it failed (or at once, when the
  // queue is full or the writer stopped). `done` must not block.
  // Errors: RESOURCE_EXHAUSTED/WRITER_BUSY, UNAVAILABLE/WRITER_STOPPED, those of EventStore::Write.
  void Submit(Submission submission, Done done);

  // The same, waiting. Errors: also DEADLINE_EXCEEDED/WRITER_TIMEOUT.
  absl::StatusOr<SubmissionResult> Write(Submission submission, Deadline deadline);

  // Called on a writer thread after each commit with new evidence. Set before the first Submit.
  void SetEvidenceHook(std::function<void()> hook) { on_evidence_ = std::move(hook); }

  // Writes what was taken, then ends. Idempotent.
  void Stop();

 private:
  struct Waiting {
    Submission submission;
    Done done;
    absl::Time since;
  };
  struct RowKey {
    EventId id;
    int64_t device_key;
    bool operator==(const RowKey&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const RowKey& key) {
      return H::combine(std::move(h), key.id, key.device_key);
    }
  };
  // Where a row of a group came from, and what became of it.
  struct Placed {
    EventRow* row;
    RowFate* fate;
    int64_t* position;
  };

  void Run();
  std::vector<Waiting> TakeGroup();
  void CommitGroup(std::vector<Waiting> group);
  // Writes the rows, in halves where a row spoils the whole. Fates are set for all of them.
  absl::Status WriteRows(absl::Span<Placed> rows,
                         absl::Span<const QuarantineItem* const> quarantine,
                         std::vector<QuarantineItem>* unstorable);
  absl::StatusOr<WriteOutcome> WriteOnce(const WriteBatch& batch);
  void Remember(absl::Span<const Placed> rows);
  std::vector<EvidenceItem> NewEvidence(absl::Span<const Placed> rows);
  void ReportQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const WriterOptions options_;
  EventStore& store_;
  IngestMetrics& metrics_;
  const Clock& clock_;
  std::function<void()> on_evidence_ = [] {};

  Mutex mutex_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_rows_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex seen_mutex_;
  SeenSet<RowKey, int64_t> recent_ ABSL_GUARDED_BY(seen_mutex_);  // content hash
  SeenSet<uint64_t, bool> told_ ABSL_GUARDED_BY(seen_mutex_);     // evidence keys

  std::vector<std::thread> threads_;
};

// A row that cannot be stored, as a quarantined event.
QuarantineItem QuarantineOf(const EventRow& row, Reason reason, std::string detail);

// The name of the dialect in a row's provenance.
const char* DialectName(int16_t provenance);

}  // namespace datong::ingest
