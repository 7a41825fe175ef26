#include "services/ingest/rpc/event_handlers.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "common/status/macros.h"
#include "services/ingest/core/dialect.h"
#include "services/ingest/core/errors.h"
#include "services/ingest/rpc/source_handlers.h"

namespace datong::ingest {
namespace {

// Batches of one stream between reading and ack.
constexpr size_t kWindow = 32;

int TypeNumber(v1::EventType type) {
  if (type == v1::EVENT_TYPE_UNSPECIFIED) return -1;
  return v1::EventType_IsValid(type) ? static_cast<int>(type) - 1 : event_type::kOther;
}

NamedEvent ToNamedEvent(const v1::Event& event) {
  NamedEvent named;
  named.event_id = event.event_id();
  if (event.has_event_time()) {
    named.event_time = absl::FromUnixSeconds(event.event_time().seconds()) +
                       absl::Nanoseconds(event.event_time().nanos());
  }
  named.type = TypeNumber(event.type());
  // An enum's name is kept for the life of the process.
  named.type_name = v1::EventType_Name(event.type());
  named.event_name = event.event_name();
  named.identifier = event.identifier();
  for (const std::string& other : event.identifiers()) named.identifiers.push_back(other);
  named.session_id = event.session_id();
  named.platform = event.platform();
  named.domain = event.domain();
  named.path = event.path();
  named.referrer = event.referrer();
  named.title = event.title();
  for (const auto& [key, value] : event.attributes()) named.attributes.emplace_back(key, value);
  named.sequence = event.sequence();
  return named;
}

v1::EventResult ToProto(const EventFate& fate) {
  v1::EventResult result;
  switch (fate.code) {
    case EventFate::Code::kStored:
      result.set_code(v1::EVENT_RESULT_CODE_STORED);
      break;
    case EventFate::Code::kDuplicate:
      result.set_code(v1::EVENT_RESULT_CODE_DUPLICATE);
      break;
    case EventFate::Code::kQuarantined:
      result.set_code(v1::EVENT_RESULT_CODE_QUARANTINED);
      break;
    case EventFate::Code::kRefused:
      result.set_code(v1::EVENT_RESULT_CODE_REFUSED);
      break;
  }
  result.set_reason(fate.reason);
  return result;
}

bool AllStored(const AppendResult& result) {
  return std::all_of(result.fates.begin(), result.fates.end(),
                     [](const EventFate& fate) { return fate.code == EventFate::Code::kStored; });
}

void AddAck(const AppendResult& result, int64_t acknowledged,
            std::deque<v1::StreamEventsResponse>* acks) {
  v1::StreamEventsResponse& ack = acks->emplace_back();
  ack.set_acknowledged(acknowledged);
  ack.set_position(result.position);
  if (AllStored(result)) return;
  for (const EventFate& fate : result.fates) *ack.add_results() = ToProto(fate);
}

}  // namespace

std::vector<NamedEvent> ToNamedEvents(const google::protobuf::RepeatedPtrField<v1::Event>& events) {
  std::vector<NamedEvent> named;
  named.reserve(static_cast<size_t>(events.size()));
  for (const v1::Event& event : events) named.push_back(ToNamedEvent(event));
  return named;
}

absl::Status EventHandlers::AppendEvents(const rpc::CallContext& call,
                                         const v1::AppendEventsRequest& request,
                                         v1::AppendEventsResponse& response) {
  DATONG_ASSIGN_OR_RETURN(const SourceName name, ParseSourceName(request.source()));
  const auto count = static_cast<size_t>(request.events_size());
  if (count > kMaxEventsPerRequest) return BatchTooLarge(count);
  DATONG_ASSIGN_OR_RETURN(const SourcePtr source,
                          appender_.FindSource(name.project, name.source, call.deadline));
  PreparedAppend prepared = appender_.Prepare(source, ToNamedEvents(request.events()));

  struct Slot {
    Mutex mutex;
    std::optional<absl::StatusOr<AppendResult>> result ABSL_GUARDED_BY(mutex);
  };
  auto slot = std::make_shared<Slot>();
  appender_.Commit(std::move(prepared), [slot](absl::StatusOr<AppendResult> result) {
    MutexLock lock(&slot->mutex);
    slot->result = std::move(result);
  });
  MutexLock lock(&slot->mutex);
  const auto ready = [&slot]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return slot->result.has_value(); };
  if (!slot->mutex.AwaitWithTimeout(absl::Condition(&ready), call.deadline.Remaining())) {
    return WriterTimeout();
  }
  if (!slot->result->ok()) return slot->result->status();
  const AppendResult& result = **slot->result;
  for (const EventFate& fate : result.fates) *response.add_results() = ToProto(fate);
  response.set_position(result.position);
  return absl::OkStatus();
}

absl::Status EventStreamHandler::OnMessage(const rpc::CallContext& call,
                                           const v1::StreamEventsRequest& request,
                                           bool more_waiting,
                                           std::deque<v1::StreamEventsResponse>* acks) {
  if (!request.source().empty() && request.source() != source_name_) {
    DATONG_ASSIGN_OR_RETURN(const SourceName name, ParseSourceName(request.source()));
    DATONG_ASSIGN_OR_RETURN(source_,
                            appender_.FindSource(name.project, name.source, call.deadline));
    source_name_ = request.source();
  }
  if (source_ == nullptr) return SourceNameInvalid("");
  const auto count = static_cast<size_t>(request.events_size());
  if (count > kMaxEventsPerRequest) return BatchTooLarge(count);

  auto ticket = std::make_shared<Ticket>();
  under_way_.push_back(ticket);
  appender_.Commit(appender_.Prepare(source_, ToNamedEvents(request.events())),
                   [ticket](absl::StatusOr<AppendResult> result) {
                     MutexLock lock(&ticket->mutex);
                     ticket->result = std::move(result);
                   });
  return Collect(more_waiting ? kWindow : 0, call.deadline, acks);
}

absl::Status EventStreamHandler::Collect(size_t most_left, Deadline deadline,
                                         std::deque<v1::StreamEventsResponse>* acks) {
  while (!under_way_.empty()) {
    // Kept here, so that its mutex outlives the lock.
    const std::shared_ptr<Ticket> ticket = under_way_.front();
    const auto ready = [&ticket]()
                           ABSL_NO_THREAD_SAFETY_ANALYSIS { return ticket->result.has_value(); };
    MutexLock lock(&ticket->mutex);
    if (!ready()) {
      if (under_way_.size() <= most_left) return absl::OkStatus();
      if (!ticket->mutex.AwaitWithTimeout(absl::Condition(&ready), deadline.Remaining())) {
        return WriterTimeout();
      }
    }
    if (!ticket->result->ok()) return ticket->result->status();
    AddAck(**ticket->result, ++acknowledged_, acks);
    under_way_.pop_front();
  }
  return absl::OkStatus();
}

Replayer::Prepare GrpcReplay(SourceRegistry& sources, ServerAppender& appender) {
  return [&sources, &appender](const QuarantineItem& item, Deadline) -> absl::StatusOr<Prepared> {
    Prepared prepared;
    const SourcePtr source = sources.Snapshot()->ByNumber(item.source_id);
    v1::Event event;
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    if (source == nullptr ||
        !google::protobuf::util::JsonStringToMessage(item.raw, &event, options).ok()) {
      prepared.verdict = CollectVerdict::kUndecodable;
      return prepared;
    }
    google::protobuf::RepeatedPtrField<v1::Event> events;
    *events.Add() = std::move(event);
    PreparedAppend append =
        appender.Prepare(source, ToNamedEvents(events), absl::FromUnixMicros(item.received_us));
    prepared.submission = std::move(append.submission);
    for (const EventFate& fate : append.fates) {
      if (fate.code == EventFate::Code::kRefused) ++prepared.refused;
    }
    return prepared;
  };
}

}  // namespace datong::ingest
