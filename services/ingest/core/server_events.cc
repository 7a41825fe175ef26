#include "services/ingest/core/server_events.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/ingest/core/attribution.h"
#include "services/ingest/core/clock_rules.h"
#include "services/ingest/core/dialect.h"
#include "services/ingest/core/errors.h"
#include "services/ingest/core/event_id.h"
#include "services/ingest/core/flags.h"
#include "services/ingest/core/json_text.h"

namespace datong::ingest {
namespace {

constexpr size_t kMaxEventIdBytes = 200;
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxIdentifiers = 16;
constexpr int16_t kGrpcDialect = 3;
constexpr int16_t kCollectorGrpc = 2;

struct Fault {
  Reason reason = Reason::kNone;
  std::string detail;
};

std::string Canonical(absl::string_view text, Fault* fault) {
  absl::StatusOr<Identifier> parsed = Identifier::Parse(text);
  if (!parsed.ok() || parsed->value.empty()) {
    *fault = {Reason::kSchema, "An identifier is not kind:scope:value of at most 256 bytes."};
    return "";
  }
  return parsed->ToString();
}

void Member(const char* key, absl::string_view value, std::string* out) {
  if (value.empty()) return;
  if (out->size() > 1) out->push_back(',');
  absl::StrAppend(out, "\"", key, "\":");
  AppendJsonString(value, out);
}

// The event as JSON, as protobuf's JSON form of datong.ingest.v1.Event has it, keys in one order:
// the same event gives the same bytes.
std::string ToJson(const NamedEvent& event) {
  size_t size = 256;
  for (const auto& [key, value] : event.attributes) size += key.size() + value.size() + 8;
  std::string out;
  out.reserve(size);
  out.push_back('{');
  Member("eventId", event.event_id, &out);
  if (event.event_time.has_value()) {
    Member("eventTime",
           absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", *event.event_time, absl::UTCTimeZone()), &out);
  }
  Member("type", event.type_name, &out);
  Member("eventName", event.event_name, &out);
  Member("identifier", event.identifier, &out);
  if (!event.identifiers.empty()) {
    out.append(",\"identifiers\":[");
    for (size_t i = 0; i < event.identifiers.size(); ++i) {
      if (i > 0) out.push_back(',');
      AppendJsonString(event.identifiers[i], &out);
    }
    out.push_back(']');
  }
  Member("sessionId", event.session_id, &out);
  Member("platform", event.platform, &out);
  Member("domain", event.domain, &out);
  Member("path", event.path, &out);
  Member("referrer", event.referrer, &out);
  Member("title", event.title, &out);
  if (!event.attributes.empty()) {
    // Maps have no order of their own.
    std::vector<std::pair<absl::string_view, absl::string_view>> sorted = event.attributes;
    std::sort(sorted.begin(), sorted.end());
    out.append(",\"attributes\":{");
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0) out.push_back(',');
      AppendJsonString(sorted[i].first, &out);
      out.push_back(':');
      AppendJsonString(sorted[i].second, &out);
    }
    out.push_back('}');
  }
  if (event.sequence != 0) absl::StrAppend(&out, ",\"sequence\":\"", event.sequence, "\"");
  out.push_back('}');
  if (out.size() > 1 && out[1] == ',') out.erase(1, 1);
  return out;
}

bool HoldsNul(const NamedEvent& event) {
  const auto has = [](absl::string_view text) {
    return text.find('\0') != absl::string_view::npos;
  };
  return has(event.event_id) || has(event.event_name) || has(event.session_id) ||
         has(event.platform) || has(event.domain) || has(event.path) || has(event.referrer) ||
         has(event.title) ||
         std::any_of(event.attributes.begin(), event.attributes.end(),
                     [&has](const auto& pair) { return has(pair.first) || has(pair.second); });
}

Fault Check(const NamedEvent& event, const std::string& json) {
  if (event.event_id.empty() || event.event_id.size() > kMaxEventIdBytes) {
    return {Reason::kSchema, "event_id must have 1 to 200 bytes."};
  }
  if (!event.event_time.has_value()) return {Reason::kSchema, "event_time is missing."};
  if (!IsPlausibleTime(absl::ToUnixMillis(*event.event_time))) {
    return {Reason::kTimeOutOfRange, "event_time is not between 2000 and 2100."};
  }
  if (event.type < 0) return {Reason::kSchema, "type is missing."};
  const bool named = event.type == event_type::kCustom || event.type == event_type::kPlatformPush;
  if ((named && event.event_name.empty()) || event.event_name.size() > kMaxNameBytes) {
    return {Reason::kSchema, "event_name must have 1 to 200 bytes for events of this type."};
  }
  if (event.identifier.empty()) {
    return {Reason::kNoIdentity, "identifier is missing: nobody the event could belong to."};
  }
  if (event.identifiers.size() > kMaxIdentifiers) {
    return {Reason::kSchema, "At most 16 further identifiers are taken."};
  }
  if (event.session_id.size() > kMaxIdentifierBytes) {
    return {Reason::kSchema, "session_id has more than 1000 bytes."};
  }
  if (json.size() > kMaxEventBytes) {
    return {Reason::kTooLargeEvent, "The event has more than 64 KiB."};
  }
  if (HoldsNul(event)) return {Reason::kSchema, "A text holds NUL."};
  return {};
}

// The parts of identifiers that have columns of their own.
void FillIdentifierColumns(absl::string_view identifier, EventRow* row) {
  const size_t kind_end = identifier.find(':');
  const size_t scope_end = identifier.find(':', kind_end + 1);
  const absl::string_view kind = identifier.substr(0, kind_end);
  const absl::string_view value = identifier.substr(scope_end + 1);
  std::string* column = kind == "device"    ? &row->device_id
                        : kind == "openid"  ? &row->openid
                        : kind == "unionid" ? &row->unionid
                        : kind == "login"   ? &row->user_id
                                            : nullptr;
  if (column != nullptr && column->empty()) column->assign(value.data(), value.size());
}

Fault FillRow(const SourcePtr& source, const NamedEvent& event, absl::Time received,
              std::string json, EventRow* row) {
  Fault fault;
  const std::string identifier = Canonical(event.identifier, &fault);
  std::vector<std::string> others;
  for (const absl::string_view other : event.identifiers)
    others.push_back(Canonical(other, &fault));
  if (fault.reason != Reason::kNone) return fault;

  row->tenant_id = source->tenant_id;
  row->source_id = source->number;
  row->event_us = absl::ToUnixMicros(*event.event_time);
  row->client_us = row->event_us;
  row->received_us = absl::ToUnixMicros(received);
  const int64_t event_ms = absl::ToUnixMillis(*event.event_time);
  const TimeVerdict time = JudgeTime({{ClientTime::State::kGiven, event_ms},
                                      std::nullopt,
                                      absl::ToUnixMillis(received),
                                      /*trusted=*/true});
  row->flags = time.flags;
  row->event_type = static_cast<int16_t>(event.type);
  if (event.type == event_type::kOther) row->flags |= kUnknownType;
  row->event_name = std::string(event.event_name);
  row->session_id = std::string(event.session_id);
  row->platform = std::string(event.platform);
  row->domain = std::string(event.domain);
  row->path = std::string(event.path);
  row->referrer = std::string(event.referrer);
  row->title = std::string(event.title);
  bool cut = false;
  for (std::string* text :
       {&row->platform, &row->domain, &row->path, &row->referrer, &row->title}) {
    cut |= CutUtf8(text, kMaxTextBytes);
  }
  if (cut) row->flags |= kTextCut;
  if (event.sequence != 0) row->seq = event.sequence;
  FillIdentifierColumns(identifier, row);
  for (const std::string& other : others) FillIdentifierColumns(other, row);
  row->provenance = static_cast<int16_t>(kGrpcDialect << 4 | kCollectorGrpc << 1 | 1);
  row->event_id = MakeEventId(event_ms, row->tenant_id, row->source_id, event.event_id);
  row->content_hash = ContentHash(json);
  // Stable over retries, and found from the event alone.
  row->device_key = DeviceKey(row->tenant_id, identifier, "");
  row->rest = std::move(json);
  AttributeNamedEvent(*source, identifier, others, row);
  row->source = source;
  return {};
}

}  // namespace

absl::StatusOr<SourcePtr> ServerAppender::FindSource(absl::string_view project,
                                                     absl::string_view id, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(SourcePtr source, sources_.Get(project, id, deadline));
  if (!source->trusted()) return SourceNotTrusted(source->Name());
  if (source->disabled) return SourceDisabled(source->Name());
  return source;
}

PreparedAppend ServerAppender::Prepare(const SourcePtr& source,
                                       const std::vector<NamedEvent>& events, absl::Time received) {
  PreparedAppend prepared;
  prepared.door = source->kind == SourceKind::kPush ? Door::kCallback : Door::kGrpc;
  prepared.fates.resize(events.size());
  prepared.submission.rows.reserve(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    std::string json = ToJson(events[i]);
    Fault fault = Check(events[i], json);
    EventRow row;
    if (fault.reason == Reason::kNone) {
      fault = FillRow(source, events[i], received, std::move(json), &row);
      if (fault.reason != Reason::kNone) json = ToJson(events[i]);
    }
    if (fault.reason == Reason::kNone) {
      if (!consents_.Allows(*source, row)) {
        prepared.fates[i] = {EventFate::Code::kRefused, "no_consent"};
        continue;
      }
      privacy_.Apply(*source, &row);
      if (prepared.submission.rows.empty()) prepared.first_event_us = row.event_us;
      prepared.row_events.push_back(i);
      prepared.submission.rows.push_back(std::move(row));
      continue;
    }
    prepared.fates[i] = {EventFate::Code::kQuarantined, ReasonName(fault.reason)};
    QuarantineItem item;
    item.tenant_id = source->tenant_id;
    item.source_id = source->number;
    item.received_us = absl::ToUnixMicros(received);
    item.dialect = "grpc";
    item.reason = fault.reason;
    item.detail = std::move(fault.detail);
    item.raw = std::move(json);
    item.context = "{}";
    prepared.submission.quarantine.push_back(std::move(item));
  }
  return prepared;
}

void ServerAppender::Commit(PreparedAppend prepared,
                            std::function<void(absl::StatusOr<AppendResult>)> done) {
  metrics_.RequestEvents(prepared.door, static_cast<int64_t>(prepared.fates.size()));
  auto finish = [this, fates = std::move(prepared.fates),
                 row_events = std::move(prepared.row_events), door = prepared.door,
                 first_us = prepared.first_event_us,
                 done = std::move(done)](absl::StatusOr<SubmissionResult> written) mutable {
    if (!written.ok()) return done(written.status());
    for (size_t row = 0; row < row_events.size(); ++row) {
      EventFate& fate = fates[row_events[row]];
      switch (written->fates[row]) {
        case RowFate::kStored:
          break;
        case RowFate::kDuplicate:
          fate.code = EventFate::Code::kDuplicate;
          break;
        case RowFate::kIdReused:
          fate = {EventFate::Code::kQuarantined, "id_reused"};
          break;
        case RowFate::kUnstorable:
          fate = {EventFate::Code::kQuarantined, "schema"};
          break;
      }
    }
    int64_t stored = 0;
    int64_t duplicate = 0;
    int64_t refused = 0;
    for (const EventFate& fate : fates) {
      stored += fate.code == EventFate::Code::kStored ? 1 : 0;
      duplicate += fate.code == EventFate::Code::kDuplicate ? 1 : 0;
      refused += fate.code == EventFate::Code::kRefused ? 1 : 0;
      if (fate.code == EventFate::Code::kQuarantined) {
        metrics_.Quarantined(door, ReasonFromName(fate.reason), 1);
      }
    }
    metrics_.Accepted(door, stored, clock_.Now() - absl::FromUnixMicros(first_us));
    metrics_.Duplicate(door, duplicate);
    if (refused > 0) metrics_.RefusedForConsent(door, refused);
    done(AppendResult{std::move(fates), written->position});
  };
  if (prepared.submission.rows.empty() && prepared.submission.quarantine.empty()) {
    return finish(SubmissionResult{});
  }
  // std::function needs a copyable callable.
  auto shared = std::make_shared<decltype(finish)>(std::move(finish));
  writer_.Submit(std::move(prepared.submission), [shared](absl::StatusOr<SubmissionResult> result) {
    (*shared)(std::move(result));
  });
}

}  // namespace datong::ingest
