#include "services/ingest/core/gio_v3.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "services/ingest/core/flags.h"
#include "services/ingest/core/json_body.h"

namespace datong::ingest {
namespace {

enum class Field {
  kEventType,
  kEventName,
  kDeviceId,
  kUserId,
  kUserKey,
  kSessionId,
  kDataSourceId,
  kDomain,
  kPlatform,
  kTimestamp,
  kSequence,
  kGlobalSequence,
  kPath,
  kTitle,
  kReferralPage,
  kAttributes,
};

const absl::flat_hash_map<absl::string_view, Field>& Fields() {
  static const auto* const fields = new absl::flat_hash_map<absl::string_view, Field>{
      {"eventType", Field::kEventType},
      {"eventName", Field::kEventName},
      {"deviceId", Field::kDeviceId},
      {"userId", Field::kUserId},
      {"userKey", Field::kUserKey},
      {"sessionId", Field::kSessionId},
      {"dataSourceId", Field::kDataSourceId},
      {"domain", Field::kDomain},
      {"platform", Field::kPlatform},
      {"timestamp", Field::kTimestamp},
      {"eventSequenceId", Field::kSequence},
      {"globalSequenceId", Field::kGlobalSequence},
      {"path", Field::kPath},
      {"title", Field::kTitle},
      {"referralPage", Field::kReferralPage},
      {"attributes", Field::kAttributes},
  };
  return *fields;
}

int16_t TypeOf(absl::string_view name) {
  static const auto* const types = new absl::flat_hash_map<absl::string_view, int16_t>{
      {"VISIT", event_type::kVisit},
      {"CUSTOM", event_type::kCustom},
      {"VISITOR_ATTRIBUTES", event_type::kVisitorAttributes},
      {"LOGIN_USER_ATTRIBUTES", event_type::kLoginUserAttributes},
      {"CONVERSION_VARIABLES", event_type::kConversionVariables},
      {"APP_CLOSED", event_type::kAppClosed},
      {"PAGE", event_type::kPage},
      {"PAGE_ATTRIBUTES", event_type::kPageAttributes},
      {"VIEW_CLICK", event_type::kViewClick},
      {"VIEW_CHANGE", event_type::kViewChange},
      {"FORM_SUBMIT", event_type::kFormSubmit},
      {"ACTIVATE", event_type::kActivate},
      {"REENGAGE", event_type::kReengage},
  };
  const auto found = types->find(name);
  return found == types->end() ? event_type::kOther : found->second;
}

void Refuse(DecodedEvent* event, Reason reason, std::string detail) {
  if (event->refused != Reason::kNone) return;
  event->refused = reason;
  event->detail = std::move(detail);
}

void ReadAttributes(simdjson::dom::element value, EventRow* row) {
  simdjson::dom::object attributes;
  if (value.get_object().get(attributes) != simdjson::SUCCESS) return;
  for (const auto& [key, attribute] : attributes) {
    const absl::string_view name = ToAbsl(key);
    if (name.size() < 14 || name[0] != '$') continue;
    if (absl::EqualsIgnoreCase(name, "$wechat_openId")) {
      ReadText(attribute, &row->openid);
    } else if (absl::EqualsIgnoreCase(name, "$wechat_unionId")) {
      ReadText(attribute, &row->unionid);
    }
  }
}

void ReadText(simdjson::dom::element value, absl::string_view name, std::string* out,
              DecodedEvent* event) {
  if (!ingest::ReadText(value, out)) {
    Refuse(event, Reason::kSchema, absl::StrCat(name, " must be a string."));
  }
}

void ReadEvent(simdjson::dom::object object, DecodedEvent* event) {
  EventRow& row = event->row;
  bool typed = false;
  for (const auto& [key, value] : object) {
    const auto found = Fields().find(ToAbsl(key));
    if (found == Fields().end()) continue;
    const absl::string_view name = found->first;
    switch (found->second) {
      case Field::kEventType:
        if (!value.is_string()) {
          Refuse(event, Reason::kSchema, "eventType must be a string.");
          break;
        }
        typed = !value.get_string().value_unsafe().empty();
        row.event_type = TypeOf(ToAbsl(value.get_string().value_unsafe()));
        break;
      case Field::kEventName:
        ReadText(value, name, &row.event_name, event);
        break;
      case Field::kDeviceId:
        ReadText(value, name, &row.device_id, event);
        break;
      case Field::kUserId:
        ReadText(value, name, &row.user_id, event);
        break;
      case Field::kUserKey:
        ReadText(value, name, &row.user_key, event);
        break;
      case Field::kSessionId:
        ReadText(value, name, &row.session_id, event);
        break;
      case Field::kDataSourceId:
        ReadText(value, name, &event->source_key, event);
        break;
      case Field::kDomain:
        ReadText(value, name, &row.domain, event);
        break;
      case Field::kPlatform:
        ReadText(value, name, &row.platform, event);
        break;
      case Field::kPath:
        ReadText(value, name, &row.path, event);
        break;
      case Field::kTitle:
        ReadText(value, name, &row.title, event);
        break;
      case Field::kReferralPage:
        ReadText(value, name, &row.referrer, event);
        break;
      case Field::kTimestamp:
        event->client = ReadMilliseconds(value);
        break;
      case Field::kSequence:
      case Field::kGlobalSequence:
        if (int64_t seq = 0; ReadInteger(value, &seq)) {
          // The per-type counter of old SDKs orders less than the counter over all.
          if (found->second == Field::kGlobalSequence || !row.seq.has_value()) row.seq = seq;
        }
        break;
      case Field::kAttributes:
        ReadAttributes(value, &row);
        break;
    }
  }
  if (!typed) Refuse(event, Reason::kSchema, "eventType is missing.");
  if (row.event_type == event_type::kOther) row.flags |= kUnknownType;
  if (row.event_type == event_type::kCustom && row.event_name.empty()) {
    Refuse(event, Reason::kSchema, "A CUSTOM event needs an eventName.");
  }
  if (row.device_id.empty() && row.user_id.empty()) {
    Refuse(event, Reason::kNoIdentity, "Neither deviceId nor userId.");
  }
}

// Why the body cannot be JSON yet, or "".
std::string ForeignCodec(const Body& body) {
  const std::string& codec = body.compress_codec;
  if (!codec.empty() && codec != "0" && codec != "1" && codec != "2") {
    return absl::StrCat("X-Compress-Codec ", codec.substr(0, 16), " is not known.");
  }
  if (!body.foreign_encoding.empty()) {
    return absl::StrCat("Content-Encoding ", body.foreign_encoding.substr(0, 16),
                        " is not undone yet.");
  }
  const size_t first = body.bytes.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && (body.bytes[first] == '[' || body.bytes[first] == '{'))
    return "";
  if (body.crypt_codec == "1") return "XOR (X-Crypt-Codec 1) is not undone yet.";
  if (codec == "2") return "Snappy (X-Compress-Codec 2) is not undone yet.";
  if (codec == "1" || body.compress == "1" || body.compress == "11") {
    return "LZ compression is not undone yet.";
  }
  if (absl::StrContains(body.content_type, "protobuf")) return "Protobuf is not read yet.";
  if (absl::StartsWith(body.bytes, "\x28\xB5\x2F\xFD")) return "zstd is not undone yet.";
  return "";
}

}  // namespace

DecodedBody GioV3Dialect::Decode(Body body) const {
  DecodedBody decoded;
  if (std::string codec = ForeignCodec(body); !codec.empty()) {
    decoded.text = std::move(body.bytes);
    decoded.refused = Reason::kBadEncoding;
    decoded.detail = std::move(codec);
    return decoded;
  }
  const JsonBody json(std::move(body.bytes), &decoded);
  if (!json.ok()) return decoded;

  std::vector<simdjson::dom::element> elements;
  simdjson::dom::array array;
  if (json.root().get_array().get(array) == simdjson::SUCCESS) {
    elements.reserve(array.size());
    for (const simdjson::dom::element element : array) elements.push_back(element);
  } else if (json.root().is_object()) {
    elements.push_back(json.root());
  } else {
    decoded.refused = Reason::kMalformedJson;
    decoded.detail = "The body must be an array of events.";
    return decoded;
  }
  if (elements.size() > kMaxEventsPerRequest) {
    decoded.refused = Reason::kTooManyEvents;
    decoded.detail = absl::StrCat(elements.size(), " events in one request; at most ",
                                  kMaxEventsPerRequest, " are taken.");
    return decoded;
  }
  const std::vector<JsonSpan> spans = TopLevelElements(json.text());
  const std::vector<JsonSpan> unrepaired = json.UnrepairedElements();
  decoded.events.resize(elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    DecodedEvent& event = decoded.events[i];
    event.raw = spans[i].text;
    event.sent_ms = body.sent_ms;
    if (json.SanitisedIn(event.raw)) {
      event.row.flags |= kSanitised;
      if (unrepaired.size() == spans.size()) event.dialect_id = std::string(unrepaired[i].text);
    }
    simdjson::dom::object object;
    if (elements[i].get_object().get(object) != simdjson::SUCCESS) {
      Refuse(&event, Reason::kSchema, "An event must be an object.");
      continue;
    }
    if (!WithinLimits(spans[i], &event)) continue;
    ReadEvent(object, &event);
    BoundTexts(&event);
    event.row.rest.assign(event.raw.data(), event.raw.size());
  }
  return decoded;
}

}  // namespace datong::ingest
