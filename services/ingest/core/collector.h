#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/ingest/core/consent_book.h"
#include "services/ingest/core/dialect.h"
#include "services/ingest/core/event_writer.h"
#include "services/ingest/core/metrics.h"
#include "services/ingest/core/privacy.h"
#include "services/ingest/core/source_registry.h"

namespace datong::ingest {

// What the collector knows of a request beside its body.
struct Sender {
  // The key: GrowingIO's project, or a write key (then `sdk_project` is empty).
  std::string sdk_project;
  std::string write_key;
  std::string user_agent;
  std::string origin;
  std::string referer;
  IpNet ip_net;
  bool is_import = false;  // history: no correction of times, no limit of age
  int64_t received_us = 0;
};

enum class CollectVerdict {
  kTaken,        // stored, duplicate, refused for want of consent, or in quarantine
  kUndecodable,  // the body is in quarantine whole
  kUnknownKey,   // nothing was kept
  kNoKey,
};

struct CollectResult {
  CollectVerdict verdict = CollectVerdict::kTaken;
  int64_t stored = 0;
  int64_t duplicate = 0;
  int64_t quarantined = 0;
  int64_t refused = 0;  // for want of consent
  int64_t position = 0;
};

// What a request becomes before it is written.
struct Prepared {
  CollectVerdict verdict = CollectVerdict::kTaken;
  Submission submission;
  int64_t refused = 0;
};

// The way of an SDK's request: decode, find each event's source, judge time and consent, make ids,
// and write all in one go. Thread-safe; blocks until the commit.
class Collector {
 public:
  Collector(SourceRegistry& sources, const ConsentBook& consents, const Privacy& privacy,
            EventWriter& writer, IngestMetrics& metrics, const Clock& clock)
      : sources_(sources),
        consents_(consents),
        privacy_(privacy),
        writer_(writer),
        metrics_(metrics),
        clock_(clock) {}

  // `sender.received_us` is now. Errors: those of EventWriter::Write: nothing is promised then, and
  // the sender may try again.
  absl::StatusOr<CollectResult> Collect(const Dialect& dialect, Body body, Sender sender,
                                        Deadline deadline);

  // Everything but the writing. Errors: UNAVAILABLE when it cannot be told whether a key is known.
  absl::StatusOr<Prepared> Prepare(const Dialect& dialect, Body body, const Sender& sender,
                                   Deadline deadline);

 private:
  SourceRegistry& sources_;
  const ConsentBook& consents_;
  const Privacy& privacy_;
  EventWriter& writer_;
  IngestMetrics& metrics_;
  const Clock& clock_;
};

// What replay needs to know of a request, as text, and back. `body` is without its bytes.
std::string PackContext(const Body& body, const Sender& sender);
void UnpackContext(absl::string_view context, Body* body, Sender* sender);

// An address cut to /24 or /48; none when it is no address.
IpNet CutAddress(absl::string_view address);

}  // namespace datong::ingest
