#include "services/ingest/core/json_body.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/strings.h"
#include "services/ingest/core/flags.h"

namespace datong::ingest {
namespace {

constexpr size_t kKeptParserBytes = 2 << 20;

simdjson::dom::parser& ThreadParser() {
  thread_local simdjson::dom::parser parser(kKeptParserBytes);
  return parser;
}

}  // namespace

JsonBody::JsonBody(std::string bytes, DecodedBody* decoded) : decoded_(decoded) {
  decoded->text = std::move(bytes);
  if (decoded->text.size() > kKeptParserBytes) {
    // A large body must not leave a thread with its tape for ever.
    own_parser_ = std::make_unique<simdjson::dom::parser>();
    parser_ = own_parser_.get();
  } else {
    parser_ = &ThreadParser();
  }
  if (decoded->text.find_first_not_of(" \t\r\n") == std::string::npos) {
    decoded->refused = Reason::kMalformedJson;
    decoded->detail = "The body is empty.";
    return;
  }
  // An escaped NUL is valid JSON but no text that PostgreSQL takes.
  ok_ = decoded->text.find("\\u0000") == std::string::npos && Parse();
  if (ok_) return;
  SanitisedJson repaired = Sanitise(decoded->text);
  unrepaired_ = std::exchange(decoded->text, std::move(repaired.text));
  changed_at_ = std::move(repaired.changed_at);
  ok_ = Parse();
}

bool JsonBody::Parse() {
  // simdjson reads a little past the end; reserving spares it a copy.
  std::string& text = decoded_->text;
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  const simdjson::error_code error = parser_->parse(text.data(), text.size(), false).get(root_);
  if (error == simdjson::SUCCESS) {
    decoded_->refused = Reason::kNone;
    decoded_->detail.clear();
    return true;
  }
  decoded_->refused = error == simdjson::DEPTH_ERROR ? Reason::kTooDeep : Reason::kMalformedJson;
  decoded_->detail = absl::StrCat("The body is no JSON: ", simdjson::error_message(error));
  return false;
}

absl::string_view JsonBody::text() const { return decoded_->text; }

bool JsonBody::SanitisedIn(absl::string_view part) const {
  if (changed_at_.empty()) return false;
  const auto begin = static_cast<size_t>(part.data() - decoded_->text.data());
  const auto first = std::lower_bound(changed_at_.begin(), changed_at_.end(), begin);
  return first != changed_at_.end() && *first < begin + part.size();
}

std::vector<JsonSpan> JsonBody::UnrepairedElements() const {
  return changed_at_.empty() ? std::vector<JsonSpan>() : TopLevelElements(unrepaired_);
}

bool WithinLimits(const JsonSpan& span, DecodedEvent* event) {
  if (span.text.size() > kMaxEventBytes) {
    event->refused = Reason::kTooLargeEvent;
    event->detail = absl::StrCat("The event has ", span.text.size(), " bytes; at most ",
                                 kMaxEventBytes, " are taken.");
  } else if (span.depth > kMaxDepth) {
    event->refused = Reason::kTooDeep;
    event->detail = absl::StrCat("The event is nested ", span.depth, " deep; at most ", kMaxDepth,
                                 " is taken.");
  } else if (span.keys > kMaxKeys) {
    event->refused = Reason::kSchema;
    event->detail =
        absl::StrCat("The event has ", span.keys, " keys; at most ", kMaxKeys, " are taken.");
  }
  return event->refused == Reason::kNone;
}

bool ReadText(simdjson::dom::element value, std::string* out) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING: {
      const std::string_view text = value.get_string().value_unsafe();
      out->assign(text.data(), text.size());
      return true;
    }
    case simdjson::dom::element_type::INT64:
      *out = absl::StrCat(value.get_int64().value_unsafe());
      return true;
    case simdjson::dom::element_type::UINT64:
      *out = absl::StrCat(value.get_uint64().value_unsafe());
      return true;
    case simdjson::dom::element_type::DOUBLE:
      *out = absl::StrCat(value.get_double().value_unsafe());
      return true;
    case simdjson::dom::element_type::BOOL:
      *out = value.get_bool().value_unsafe() ? "true" : "false";
      return true;
    case simdjson::dom::element_type::NULL_VALUE:
      out->clear();
      return true;
    default:
      return false;
  }
}

bool ReadInteger(simdjson::dom::element value, int64_t* out) {
  if (value.is_int64()) {
    *out = value.get_int64().value_unsafe();
    return true;
  }
  if (value.is_double()) {
    const double number = value.get_double().value_unsafe();
    if (std::fabs(number) > 9e15) return false;
    *out = static_cast<int64_t>(number);
    return true;
  }
  if (value.is_string()) return absl::SimpleAtoi(ToAbsl(value.get_string().value_unsafe()), out);
  return false;
}

ClientTime ReadMilliseconds(simdjson::dom::element value) {
  ClientTime time;
  if (value.is_null()) return time;
  time.state =
      ReadInteger(value, &time.ms) ? ClientTime::State::kGiven : ClientTime::State::kInvalid;
  return time;
}

ClientTime ReadIsoTime(simdjson::dom::element value) {
  ClientTime time;
  if (value.is_null()) return time;
  time.state = ClientTime::State::kInvalid;
  if (!value.is_string()) return time;
  absl::Time parsed;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, ToAbsl(value.get_string().value_unsafe()), &parsed,
                      &error)) {
    time.state = ClientTime::State::kGiven;
    time.ms = absl::ToUnixMillis(parsed);
  }
  return time;
}

void BoundTexts(DecodedEvent* event) {
  EventRow& row = event->row;
  for (const std::string* id :
       {&row.device_id, &row.user_id, &row.user_key, &row.session_id, &row.openid, &row.unionid}) {
    if (id->size() > kMaxIdentifierBytes && event->refused == Reason::kNone) {
      event->refused = Reason::kSchema;
      event->detail = absl::StrCat("An identifier has more than ", kMaxIdentifierBytes, " bytes.");
    }
  }
  bool cut = false;
  for (std::string* text :
       {&row.event_name, &row.platform, &row.domain, &row.path, &row.referrer, &row.title}) {
    cut |= CutUtf8(text, kMaxTextBytes);
  }
  if (cut) row.flags |= kTextCut;
}

}  // namespace datong::ingest
