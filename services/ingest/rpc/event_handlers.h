#pragma once

#include <deque>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/rpc/call_context.h"
#include "datong/ingest/v1/event.pb.h"
#include "services/ingest/core/quarantine_store.h"
#include "services/ingest/core/replayer.h"
#include "services/ingest/core/server_events.h"

namespace datong::ingest {

// Answers the RPCs of datong.ingest.v1.EventService. Thread-safe. `appender` must outlive it.
class EventHandlers {
 public:
  explicit EventHandlers(ServerAppender& appender) : appender_(appender) {}

  absl::Status AppendEvents(const rpc::CallContext& call, const v1::AppendEventsRequest& request,
                            v1::AppendEventsResponse& response);

  ServerAppender& appender() { return appender_; }

 private:
  ServerAppender& appender_;
};

// One stream of batches: hands each to the writer without waiting, so that the next is read while
// the one before is being committed, and answers in order. Used by one thread at a time.
class EventStreamHandler {
 public:
  explicit EventStreamHandler(ServerAppender& appender) : appender_(appender) {}

  // Takes one message and adds to `acks` what has been committed. Without `more_waiting` it stays
  // until everything is.
  absl::Status OnMessage(const rpc::CallContext& call, const v1::StreamEventsRequest& request,
                         bool more_waiting, std::deque<v1::StreamEventsResponse>* acks);

 private:
  struct Ticket {
    Mutex mutex;
    std::optional<absl::StatusOr<AppendResult>> result ABSL_GUARDED_BY(mutex);
  };

  absl::Status Collect(size_t most_left, Deadline deadline,
                       std::deque<v1::StreamEventsResponse>* acks);

  ServerAppender& appender_;
  std::string source_name_;
  SourcePtr source_;
  std::deque<std::shared_ptr<Ticket>> under_way_;
  int64_t acknowledged_ = 0;
};

// The events of a message, viewing into it.
std::vector<NamedEvent> ToNamedEvents(const google::protobuf::RepeatedPtrField<v1::Event>& events);

// Replays a quarantined gRPC event: its JSON form is read back.
Replayer::Prepare GrpcReplay(SourceRegistry& sources, ServerAppender& appender);

}  // namespace datong::ingest
