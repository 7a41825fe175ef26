#include "services/insight/rpc/conversions.h"

#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/status/macros.h"
#include "services/insight/core/errors.h"

namespace datong::insight {
namespace {

constexpr int kMostDays = 400;

absl::StatusOr<absl::CivilDay> ReadDay(const char* field, const std::string& text) {
  absl::StatusOr<absl::CivilDay> day = ParseDay(text);
  if (!day.ok()) {
    return Invalid("DAY_INVALID", absl::StrCat(field, " must be a day like \"2026-11-20\"."));
  }
  return day;
}

}  // namespace

absl::StatusOr<DayRange> ReadRange(const std::string& begin_day, const std::string& end_day) {
  DATONG_ASSIGN_OR_RETURN(const absl::CivilDay begin, ReadDay("begin_day", begin_day));
  DATONG_ASSIGN_OR_RETURN(const absl::CivilDay end, ReadDay("end_day", end_day));
  if (end < begin || end - begin >= kMostDays) {
    return Invalid(
        "DAY_RANGE_INVALID",
        absl::StrCat("end_day must not lie before begin_day, and the range holds at most ",
                     kMostDays, " days."));
  }
  return DayRange{begin, end};
}

absl::StatusOr<Question> ReadQuestion(const std::string& project, int64_t min_position,
                                      int64_t min_identity_version) {
  DATONG_ASSIGN_OR_RETURN(std::string id, rpc::ParseProjectName(project));
  return Question{std::move(id), {min_position, min_identity_version}};
}

absl::StatusOr<EventSelector> ReadSelector(const v1::EventSelector& selector) {
  EventSelector result;
  result.surfaces = ReadStrings(selector.surfaces());
  result.event_name = selector.event_name();
  if (result.event_name.find('\0') != std::string::npos) {
    return Invalid("SELECTOR_INVALID", "event_name must not hold NUL.");
  }
  if (selector.event_type() != ingest::v1::EVENT_TYPE_UNSPECIFIED) {
    if (!ingest::v1::EventType_IsValid(selector.event_type())) {
      return Invalid("SELECTOR_INVALID",
                     absl::StrCat("There is no event_type ", selector.event_type(), "."));
    }
    // Stored numbers begin at 0.
    result.event_type = static_cast<int>(selector.event_type()) - 1;
  }
  return result;
}

ingest::v1::EventType ToEventType(int stored) {
  return ingest::v1::EventType_IsValid(stored + 1) ? static_cast<ingest::v1::EventType>(stored + 1)
                                                   : ingest::v1::EVENT_TYPE_UNSPECIFIED;
}

std::vector<std::string> ReadStrings(
    const google::protobuf::RepeatedPtrField<std::string>& strings) {
  return {strings.begin(), strings.end()};
}

void WriteTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

void WriteAsOf(const AsOf& as_of, absl::Time now, v1::AsOf* out) {
  out->set_position(as_of.position);
  if (as_of.position_time.has_value())
    WriteTime(*as_of.position_time, out->mutable_position_time());
  out->set_identity_version(as_of.identity_version);
  WriteTime(now, out->mutable_answer_time());
}

void WritePerson(const std::string& project, const Person& person, v1::Person* out) {
  const std::string prefix = absl::StrCat("projects/", project, "/persons/");
  out->set_name(prefix + person.id);
  out->set_person_index(static_cast<uint32_t>(person.index));
  for (const PersonIdentifier& identifier : person.identifiers) {
    v1::PersonIdentifier* one = out->add_identifiers();
    one->set_identifier(identifier.identifier);
    WriteTime(identifier.link_time, one->mutable_link_time());
    if (!identifier.previous_person.empty()) {
      one->set_previous_person(prefix + identifier.previous_person);
    }
  }
  for (const std::string& surface : person.surfaces) out->add_surfaces(surface);
  out->set_events(person.events);
  if (person.first_event_time.has_value()) {
    WriteTime(*person.first_event_time, out->mutable_first_event_time());
  }
  if (person.last_event_time.has_value()) {
    WriteTime(*person.last_event_time, out->mutable_last_event_time());
  }
}

double Rate(int64_t a, int64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace datong::insight
