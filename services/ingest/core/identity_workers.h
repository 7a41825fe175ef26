#pragma once

#include "absl/container/flat_hash_map.h"
#include "common/time/clock.h"
#include "services/ingest/core/consent_book.h"
#include "services/ingest/core/evidence_outbox.h"
#include "services/ingest/core/identity_client.h"
#include "services/ingest/core/metrics.h"
#include "services/ingest/core/source_registry.h"

namespace datong::ingest {

// Tells identity what the outbox holds: at least once, and safe with several processes, since each
// record is held by one of them at a time and identity knows repeats. Run again and again.
class EvidenceShipper {
 public:
  EvidenceShipper(EvidenceOutbox& outbox, IdentityClient& identity, SourceRegistry& sources,
                  IngestMetrics& metrics)
      : outbox_(outbox), identity_(identity), sources_(sources), metrics_(metrics) {}

  // Until the outbox is empty, or the first failure, which leaves the records for later.
  absl::Status ShipAll(absl::Duration longest);

 private:
  EvidenceOutbox& outbox_;
  IdentityClient& identity_;
  SourceRegistry& sources_;
  IngestMetrics& metrics_;
};

// Follows identity's feed of consents into the book that events are checked against. Each process
// follows for itself; what it read is kept, so that a start knows it without identity.
class ConsentFollower {
 public:
  ConsentFollower(ConsentStore& store, IdentityClient& identity, SourceRegistry& sources,
                  ConsentBook& book, metrics::FeedLag& lag, const Clock& clock)
      : store_(store),
        identity_(identity),
        sources_(sources),
        book_(book),
        lag_(lag),
        clock_(clock) {}

  // Fills the book from the store. Once, before events are taken and before Follow.
  absl::Status Load(Deadline deadline);
  // Reads on in the feeds of all projects. On one thread.
  absl::Status Follow(absl::Duration longest);

 private:
  ConsentStore& store_;
  IdentityClient& identity_;
  SourceRegistry& sources_;
  ConsentBook& book_;
  metrics::FeedLag& lag_;
  const Clock& clock_;
  // How far this process has read: what others stored it has not yet in its book.
  absl::flat_hash_map<int32_t, std::string> cursors_;
};

// Follows identity's feed of erasures: deletes what is kept of an erased person, and keeps out what
// comes late. Each process follows for itself, as with consents.
class ErasureFollower {
 public:
  ErasureFollower(ErasureStore& store, IdentityClient& identity, SourceRegistry& sources,
                  ConsentBook& book, metrics::FeedLag& lag, const Clock& clock)
      : store_(store),
        identity_(identity),
        sources_(sources),
        book_(book),
        lag_(lag),
        clock_(clock) {}

  // Fills the book from the store. Once, before events are taken and before Follow.
  absl::Status Load(Deadline deadline);
  // Reads on in the feeds of all projects. On one thread.
  absl::Status Follow(absl::Duration longest);

 private:
  ErasureStore& store_;
  IdentityClient& identity_;
  SourceRegistry& sources_;
  ConsentBook& book_;
  metrics::FeedLag& lag_;
  const Clock& clock_;
  absl::flat_hash_map<int32_t, std::string> cursors_;
};

}  // namespace datong::ingest
