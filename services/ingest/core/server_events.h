#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "services/ingest/core/consent_book.h"
#include "services/ingest/core/event_writer.h"
#include "services/ingest/core/metrics.h"
#include "services/ingest/core/privacy.h"
#include "services/ingest/core/source_registry.h"

namespace datong::ingest {

// An event as a trusted sender tells it; views into the sender's message.
struct NamedEvent {
  absl::string_view event_id;
  std::optional<absl::Time> event_time;
  int type = 0;  // number in ingest.events, or -1: not said
  absl::string_view type_name;
  absl::string_view event_name;
  absl::string_view identifier;
  std::vector<absl::string_view> identifiers;
  absl::string_view session_id;
  absl::string_view platform;
  absl::string_view domain;
  absl::string_view path;
  absl::string_view referrer;
  absl::string_view title;
  std::vector<std::pair<absl::string_view, absl::string_view>> attributes;
  int64_t sequence = 0;
};

// What became of one event.
struct EventFate {
  enum class Code { kStored, kDuplicate, kQuarantined, kRefused };
  Code code = Code::kStored;
  const char* reason = "";
};

// A batch between its preparation and its commit.
struct PreparedAppend {
  Submission submission;
  std::vector<EventFate> fates;    // of all events, before the commit
  std::vector<size_t> row_events;  // which event each row of the submission is
  int64_t first_event_us = 0;
  Door door = Door::kGrpc;
};

struct AppendResult {
  std::vector<EventFate> fates;
  int64_t position = 0;
};

// The way of a trusted sender's batch. Thread-safe.
class ServerAppender {
 public:
  ServerAppender(SourceRegistry& sources, const ConsentBook& consents, const Privacy& privacy,
                 EventWriter& writer, IngestMetrics& metrics, const Clock& clock)
      : sources_(sources),
        consents_(consents),
        privacy_(privacy),
        writer_(writer),
        metrics_(metrics),
        clock_(clock) {}

  // The source that may be appended to. Errors: those of EventService about sources.
  absl::StatusOr<SourcePtr> FindSource(absl::string_view project, absl::string_view id,
                                       Deadline deadline);

  // Validates and makes rows. `received`: now, or when it came first.
  PreparedAppend Prepare(const SourcePtr& source, const std::vector<NamedEvent>& events,
                         absl::Time received);
  PreparedAppend Prepare(const SourcePtr& source, const std::vector<NamedEvent>& events) {
    return Prepare(source, events, clock_.Now());
  }

  // Hands a prepared batch to the writer; `done` is called once, and must not block.
  void Commit(PreparedAppend prepared, std::function<void(absl::StatusOr<AppendResult>)> done);

 private:
  SourceRegistry& sources_;
  const ConsentBook& consents_;
  const Privacy& privacy_;
  EventWriter& writer_;
  IngestMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace datong::ingest
