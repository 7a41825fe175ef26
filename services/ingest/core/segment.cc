#include "services/ingest/core/segment.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "services/ingest/core/flags.h"
#include "services/ingest/core/json_body.h"

namespace datong::ingest {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

void Refuse(DecodedEvent* event, Reason reason, std::string detail) {
  if (event->refused != Reason::kNone) return;
  event->refused = reason;
  event->detail = std::move(detail);
}

// Reads a text member if there is one; another kind of value is a fault of the event.
void Read(object from, std::string_view key, std::string* out, DecodedEvent* event) {
  element value;
  if (from[key].get(value) != simdjson::SUCCESS) return;
  std::string text;
  if (!ReadText(value, &text)) {
    Refuse(event, Reason::kSchema, absl::StrCat(ToAbsl(key), " must be a string."));
  } else if (!text.empty()) {
    *out = std::move(text);
  }
}

// The same, ignoring what is no text: for what is only nice to have.
void ReadLoosely(object from, std::string_view key, std::string* out) {
  element value;
  std::string text;
  if (from[key].get(value) == simdjson::SUCCESS && ReadText(value, &text) && !text.empty()) {
    *out = std::move(text);
  }
}

void ReadTraits(object from, EventRow* row) {
  object traits;
  if (from["traits"].get_object().get(traits) != simdjson::SUCCESS) return;
  for (const auto& [key, value] : traits) {
    const absl::string_view name = ToAbsl(key);
    if (name == "openid" || absl::EqualsIgnoreCase(name, "$wechat_openId")) {
      ReadText(value, &row->openid);
    } else if (name == "unionid" || absl::EqualsIgnoreCase(name, "$wechat_unionId")) {
      ReadText(value, &row->unionid);
    }
  }
}

void ReadContext(object context, EventRow* row) {
  ReadTraits(context, row);
  object page;
  if (context["page"].get_object().get(page) == simdjson::SUCCESS) {
    ReadLoosely(page, "path", &row->path);
    ReadLoosely(page, "referrer", &row->referrer);
    ReadLoosely(page, "title", &row->title);
  }
  object part;
  if (context["library"].get_object().get(part) == simdjson::SUCCESS) {
    ReadLoosely(part, "name", &row->platform);
  }
  if (context["device"].get_object().get(part) == simdjson::SUCCESS) {
    ReadLoosely(part, "type", &row->platform);
  }
  ReadLoosely(context, "sessionId", &row->session_id);
  simdjson::dom::array external;
  if (context["externalIds"].get_array().get(external) != simdjson::SUCCESS) return;
  for (const element item : external) {
    object id;
    if (item.get_object().get(id) != simdjson::SUCCESS) continue;
    std::string type;
    ReadLoosely(id, "type", &type);
    if (absl::EqualsIgnoreCase(type, "openid")) ReadLoosely(id, "id", &row->openid);
    if (absl::EqualsIgnoreCase(type, "unionid")) ReadLoosely(id, "id", &row->unionid);
  }
}

void ReadType(object call, const std::string& type, DecodedEvent* event) {
  EventRow& row = event->row;
  if (type == "track") {
    row.event_type = event_type::kCustom;
    Read(call, "event", &row.event_name, event);
    if (row.event_name.empty()) Refuse(event, Reason::kSchema, "A track call needs an event.");
  } else if (type == "page" || type == "screen") {
    row.event_type = event_type::kPage;
    Read(call, "name", &row.event_name, event);
    if (row.title.empty()) row.title = row.event_name;
    object properties;
    if (call["properties"].get_object().get(properties) == simdjson::SUCCESS) {
      if (row.path.empty()) ReadLoosely(properties, "path", &row.path);
      if (row.path.empty()) ReadLoosely(properties, "url", &row.path);
    }
  } else if (type == "identify") {
    row.event_type = event_type::kLoginUserAttributes;
    ReadTraits(call, &row);
  } else if (type == "group") {
    row.event_type = event_type::kLoginUserAttributes;
    row.event_name = "$group";
    std::string group;
    Read(call, "groupId", &group, event);
    if (group.empty()) Refuse(event, Reason::kSchema, "A group call needs a groupId.");
  } else if (type == "alias") {
    row.event_type = event_type::kLoginUserAttributes;
    row.event_name = "$alias";
    std::string previous;
    Read(call, "previousId", &previous, event);
    if (previous.empty() || row.user_id.empty()) {
      Refuse(event, Reason::kSchema, "An alias call needs previousId and userId.");
    } else {
      event->other_devices.push_back(std::move(previous));
    }
  } else if (type.empty()) {
    Refuse(event, Reason::kSchema, "The call has no type.");
  } else {
    row.event_type = event_type::kOther;
    row.flags |= kUnknownType;
  }
}

void ReadCall(object call, const Body& body, DecodedEvent* event) {
  EventRow& row = event->row;
  Read(call, "userId", &row.user_id, event);
  Read(call, "anonymousId", &row.device_id, event);
  object context;
  if (call["context"].get_object().get(context) == simdjson::SUCCESS) ReadContext(context, &row);
  std::string type = body.default_type;
  if (type.empty()) Read(call, "type", &type, event);
  ReadType(call, type, event);

  element value;
  if (call["timestamp"].get(value) == simdjson::SUCCESS ||
      call["originalTimestamp"].get(value) == simdjson::SUCCESS) {
    event->client = ReadIsoTime(value);
  }
  if (call["sentAt"].get(value) == simdjson::SUCCESS) {
    const ClientTime sent = ReadIsoTime(value);
    if (sent.state == ClientTime::State::kGiven) event->sent_ms = sent.ms;
  }
  if (row.user_id.empty() && row.device_id.empty()) {
    Refuse(event, Reason::kNoIdentity, "Neither userId nor anonymousId.");
  }
  std::string message_id;
  Read(call, "messageId", &message_id, event);
  const bool timed_transport = call["sentAt"].error() == simdjson::SUCCESS ||
                               call["receivedAt"].error() == simdjson::SUCCESS ||
                               call["writeKey"].error() == simdjson::SUCCESS;
  if (timed_transport) {
    event->content = WithoutKeys(event->raw, {"sentAt", "receivedAt", "writeKey"});
  }
  event->dialect_id = message_id.empty()
                          ? CanonicalJson(event->raw, {"sentAt", "receivedAt", "writeKey"})
                          : absl::StrCat("messageId:", message_id);
}

void Malformed(std::string detail, DecodedBody* decoded) {
  decoded->refused = Reason::kMalformedJson;
  decoded->detail = std::move(detail);
}

}  // namespace

DecodedBody SegmentDialect::Decode(Body body) const {
  DecodedBody decoded;
  if (!body.foreign_encoding.empty()) {
    decoded.text = std::move(body.bytes);
    decoded.refused = Reason::kBadEncoding;
    decoded.detail = absl::StrCat("Content-Encoding ", body.foreign_encoding.substr(0, 16),
                                  " is not undone yet.");
    return decoded;
  }
  const JsonBody json(std::move(body.bytes), &decoded);
  if (!json.ok()) return decoded;
  object root;
  if (json.root().get_object().get(root) != simdjson::SUCCESS) {
    Malformed("The body must be an object.", &decoded);
    return decoded;
  }
  element value;
  if (root["writeKey"].get(value) == simdjson::SUCCESS) ReadText(value, &decoded.write_key);
  std::optional<int64_t> sent_ms = body.sent_ms;
  if (root["sentAt"].get(value) == simdjson::SUCCESS) {
    const ClientTime sent = ReadIsoTime(value);
    if (sent.state == ClientTime::State::kGiven) sent_ms = sent.ms;
  }
  object outer_context;
  const bool has_context = root["context"].get_object().get(outer_context) == simdjson::SUCCESS;

  std::vector<JsonSpan> spans;
  std::vector<element> calls;
  if (root["batch"].get(value) == simdjson::SUCCESS) {
    simdjson::dom::array batch;
    if (value.get_array().get(batch) != simdjson::SUCCESS) {
      Malformed("batch must be an array.", &decoded);
      return decoded;
    }
    for (const element call : batch) calls.push_back(call);
    spans = TopLevelElements(TopLevelValue(json.text(), "batch"));
  } else if (!body.default_type.empty() || root["type"].error() == simdjson::SUCCESS) {
    calls.push_back(json.root());
    spans = TopLevelElements(json.text());
  } else {
    Malformed("The body holds no batch.", &decoded);
    return decoded;
  }
  if (spans.size() != calls.size()) {  // "batch" written twice, or its name with escapes
    Malformed("The batch cannot be read twice the same way.", &decoded);
    return decoded;
  }
  if (calls.size() > kMaxEventsPerRequest) {
    decoded.refused = Reason::kTooManyEvents;
    decoded.detail = absl::StrCat(calls.size(), " calls in one request; at most ",
                                  kMaxEventsPerRequest, " are taken.");
    return decoded;
  }
  decoded.events.resize(calls.size());
  for (size_t i = 0; i < calls.size(); ++i) {
    DecodedEvent& event = decoded.events[i];
    event.raw = spans[i].text;
    event.sent_ms = sent_ms;
    if (json.SanitisedIn(event.raw)) event.row.flags |= kSanitised;
    object call;
    if (calls[i].get_object().get(call) != simdjson::SUCCESS) {
      Refuse(&event, Reason::kSchema, "A call must be an object.");
      continue;
    }
    if (!WithinLimits(spans[i], &event)) continue;
    if (has_context && !calls[i].is_null()) ReadContext(outer_context, &event.row);
    ReadCall(call, body, &event);
    BoundTexts(&event);
    event.row.rest = event.content.empty() ? std::string(event.raw) : event.content;
  }
  return decoded;
}

}  // namespace datong::ingest
