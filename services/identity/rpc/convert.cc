#include "services/identity/rpc/convert.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "common/base/strings.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"

namespace datong::identity {
namespace {

constexpr size_t kLongestPurpose = 64;
constexpr size_t kLongestName = 128;
constexpr size_t kLongestSource = 128;
constexpr size_t kLongestValue = 4096;
constexpr size_t kLongestRecord = 16 << 10;

bool IsPurpose(const std::string& text) {
  return !text.empty() && text.size() <= kLongestPurpose &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                  absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_';
         });
}

bool IsNote(const std::string& text, size_t longest) {
  return !text.empty() && text.size() <= longest && IsUtf8(text) &&
         text.find('\0') == std::string::npos;
}

absl::Time Micros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

}  // namespace

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void ToProto(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t micros = absl::ToUnixMicros(time);
  const int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>((micros - seconds * 1'000'000) * 1000));
}

Evidence FromProto(const v1::Evidence& evidence) {
  Evidence record;
  record.kind = evidence.kind();
  record.ids.assign(evidence.ids().begin(), evidence.ids().end());
  record.observed =
      evidence.has_observed_time() ? FromProto(evidence.observed_time()) : absl::InfinitePast();
  record.appid = evidence.appid();
  record.request_id = evidence.request_id();
  record.snapshot = evidence.snapshot();
  switch (evidence.watermark()) {
    case v1::WATERMARK_VALID:
      record.watermark = Watermark::kValid;
      break;
    case v1::WATERMARK_APPID_MISMATCH:
      record.watermark = Watermark::kAppidMismatch;
      break;
    case v1::WATERMARK_STALE:
      record.watermark = Watermark::kStale;
      break;
    default:
      break;
  }
  record.obtained_by = evidence.obtained_by();
  record.consent_ref = evidence.consent_ref();
  return record;
}

void ToProto(const std::string& project, const PersonView& person, v1::Person* out) {
  out->set_name(PersonName(project, person.index));
  out->set_person_index(person.index);
  ToProto(person.created, out->mutable_create_time());
  for (const HeldIdentifier& held : person.identifiers) {
    v1::PersonIdentifier* identifier = out->add_identifiers();
    identifier->set_identifier(held.identifier);
    identifier->set_node(held.node);
    ToProto(held.first_observed, identifier->mutable_first_observed_time());
    if (held.retired != absl::InfiniteFuture()) {
      ToProto(held.retired, identifier->mutable_retired_time());
    }
  }
}

void ToProto(const RefusalView& view, v1::Refusal* out) {
  for (const std::string& id : view.refusal.ids) out->add_ids(id);
  out->set_reason(NameOf(view.refusal.reason));
  out->set_rule(RuleOf(view.refusal.reason));
  out->set_evidence_class(static_cast<v1::EvidenceClass>(view.refusal.evidence_class + 1));
  ToProto(view.refusal.observed, out->mutable_observed_time());
  ToProto(view.first_seen, out->mutable_first_seen_time());
  ToProto(view.last_seen, out->mutable_last_seen_time());
  out->set_count(view.count);
  out->set_open(view.open);
  out->set_number(view.number);
}

void ToProto(const std::string& project, const ChangeView& change, v1::Change* out) {
  out->set_version(change.version);
  out->set_kind(static_cast<v1::ChangeKind>(change.kind));
  out->set_identifier(change.identifier);
  out->set_node(change.node);
  if (change.person != 0) out->set_person(PersonName(project, change.person));
  out->set_person_index(change.person);
  if (change.previous_person != 0) {
    out->set_previous_person(PersonName(project, change.previous_person));
  }
  out->set_previous_person_index(change.previous_person);
  ToProto(change.time, out->mutable_change_time());
  if (change.refusal == 0) return;
  v1::Refusal* refusal = out->mutable_refusal();
  for (const std::string& id : change.refused) refusal->add_ids(id);
  refusal->set_reason(NameOf(change.reason));
  refusal->set_rule(RuleOf(change.reason));
  refusal->set_open(change.kind == ChangeKind::kRefusalOpened);
  refusal->set_number(change.refusal);
}

void ToProto(const ConsentEntry& consent, v1::Consent* out) {
  out->set_purpose(consent.purpose);
  out->set_state(consent.granted ? v1::CONSENT_STATE_GRANTED : v1::CONSENT_STATE_WITHDRAWN);
  out->set_source(consent.source);
  ToProto(consent.time, out->mutable_consent_time());
}

void ToProto(const ConsentChangeView& change, v1::ConsentChange* out) {
  out->set_version(change.version);
  out->set_identifier(change.identifier);
  out->set_node(change.node);
  ToProto(change.consent, out->mutable_consent());
}

absl::StatusOr<ConsentEntry> FromProto(const v1::Consent& consent, absl::Time now) {
  if (!IsPurpose(consent.purpose())) {
    return FieldInvalid("CONSENT_INVALID", "A purpose is 1 to 64 of a-z, 0-9 and '_'");
  }
  if (consent.state() != v1::CONSENT_STATE_GRANTED &&
      consent.state() != v1::CONSENT_STATE_WITHDRAWN) {
    return FieldInvalid("CONSENT_INVALID", "A consent's state is granted or withdrawn");
  }
  if (!IsNote(consent.source(), kLongestSource)) {
    return FieldInvalid("CONSENT_INVALID", "A consent names its source in 1 to 128 bytes of UTF-8");
  }
  return ConsentEntry{consent.purpose(), consent.state() == v1::CONSENT_STATE_GRANTED,
                      consent.source(),
                      Micros(consent.has_consent_time() ? FromProto(consent.consent_time()) : now)};
}

absl::StatusOr<AttributeEntry> FromProto(const v1::Attribute& attribute, absl::Time now) {
  if (!IsNote(attribute.name(), kLongestName)) {
    return FieldInvalid("ATTRIBUTE_INVALID", "An attribute's name is 1 to 128 bytes of UTF-8");
  }
  if (!IsNote(attribute.source(), kLongestSource)) {
    return FieldInvalid("ATTRIBUTE_INVALID",
                        "An attribute names its source in 1 to 128 bytes of UTF-8");
  }
  AttributeEntry entry{
      attribute.name(), "", attribute.source(),
      Micros(attribute.has_attribute_time() ? FromProto(attribute.attribute_time()) : now),
      attribute.consent_class()};
  if (!entry.consent_class.empty() && !IsPurpose(entry.consent_class)) {
    return FieldInvalid("ATTRIBUTE_INVALID", "A consent class is 1 to 64 of a-z, 0-9 and '_'");
  }
  const bool readable =
      attribute.value().kind_case() != google::protobuf::Value::KIND_NOT_SET &&
      google::protobuf::util::MessageToJsonString(attribute.value(), &entry.value_json).ok();
  if (!readable || entry.value_json.size() > kLongestValue || !IsUtf8(entry.value_json)) {
    return FieldInvalid("ATTRIBUTE_INVALID", "An attribute's value is any JSON value up to 4 KiB");
  }
  return entry;
}

void ToProto(const AttributeEntry& attribute, v1::Attribute* out) {
  out->set_name(attribute.name);
  // Only what FromProto wrote is stored, so this reads it.
  static_cast<void>(
      google::protobuf::util::JsonStringToMessage(attribute.value_json, out->mutable_value()));
  out->set_source(attribute.source);
  ToProto(attribute.time, out->mutable_attribute_time());
  out->set_consent_class(attribute.consent_class);
}

absl::StatusOr<BusinessRecord> RecordOf(const v1::BusinessRecord& record, absl::Time now) {
  if (!IsPurpose(record.kind())) {
    return FieldInvalid("RECORD_INVALID", "A record's kind is 1 to 64 of a-z, 0-9 and '_'");
  }
  if (!IsNote(record.key(), kLongestName) || !IsNote(record.source(), kLongestSource)) {
    return FieldInvalid("RECORD_INVALID",
                        "A record's key and source are 1 to 128 bytes of UTF-8 each");
  }
  BusinessRecord kept{record.kind(), record.key(), record.source(), "",
                      Micros(record.has_occur_time() ? FromProto(record.occur_time()) : now)};
  const bool readable =
      record.has_value() &&
      google::protobuf::util::MessageToJsonString(record.value(), &kept.value_json).ok();
  if (!readable || kept.value_json.size() > kLongestRecord || !IsUtf8(kept.value_json)) {
    return FieldInvalid("RECORD_INVALID", "A record's value is a JSON object up to 16 KiB");
  }
  // Its fields in one order, so that equal values are equal texts.
  kept.value_json = nlohmann::json::parse(kept.value_json).dump();
  return kept;
}

}  // namespace datong::identity
