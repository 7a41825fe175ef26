#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/ingest/core/clock_rules.h"
#include "services/ingest/core/event_row.h"
#include "services/ingest/core/reason.h"

namespace datong::ingest {

// Limits of one request and one event.
inline constexpr size_t kMaxEventsPerRequest = 5'000;
inline constexpr size_t kMaxEventBytes = 64 << 10;
inline constexpr int kMaxDepth = 32;
inline constexpr int kMaxKeys = 512;
inline constexpr size_t kMaxIdentifierBytes = 1'000;
inline constexpr size_t kMaxTextBytes = 8 << 10;

// A request's body with its Content-Encoding undone, and what else the dialects read.
struct Body {
  std::string bytes;
  std::string content_type;
  std::string compress_codec;  // X-Compress-Codec
  std::string crypt_codec;     // X-Crypt-Codec
  std::string compress;        // ?compress=
  std::optional<int64_t> sent_ms;
  // A Content-Encoding that is not undone here: the bytes are still in it.
  std::string foreign_encoding;
  std::string default_type;  // Segment singles: the type that the path names
};

// One event as its dialect reads it. The row holds what the event says of itself; source, time,
// node and ids are filled in later.
struct DecodedEvent {
  EventRow row;
  absl::string_view raw;  // bytes of the event, inside DecodedBody::text
  // What makes it the same event when it comes again: `raw` where this is empty.
  std::string dialect_id;
  // What tells the same event from an id used twice: `raw` where this is empty.
  std::string content;
  ClientTime client;
  std::optional<int64_t> sent_ms;
  // GrowingIO's dataSourceId.
  std::string source_key;
  // More device ids that the event says are the same visitor (Segment's alias).
  std::vector<std::string> other_devices;
  // Why it cannot be stored as it is.
  Reason refused = Reason::kNone;
  std::string detail;
};

// A body taken apart. Views point into `text`.
struct DecodedBody {
  std::string text;
  std::vector<DecodedEvent> events;
  // Set when the body could not be taken apart: it is refused whole.
  Reason refused = Reason::kNone;
  std::string detail;
  // What the body itself names as key (Segment).
  std::string write_key;
};

// One way in which SDKs write events. Stateless, thread-safe; knows nothing of HTTP or of sources.
// A new dialect is an implementation and a line where the collector's routes are made.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual const char* name() const = 0;  // in quarantine and metrics
  virtual int16_t number() const = 0;    // in provenance
  virtual DecodedBody Decode(Body body) const = 0;
};

}  // namespace datong::ingest
