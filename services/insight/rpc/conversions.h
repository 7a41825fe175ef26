#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "datong/insight/v1/insight.pb.h"
#include "services/insight/core/analyst.h"

namespace datong::insight {

// Errors: INVALID_ARGUMENT with DAY_INVALID or DAY_RANGE_INVALID.
absl::StatusOr<DayRange> ReadRange(const std::string& begin_day, const std::string& end_day);

// Of any request with project, min_position and min_identity_version.
// Errors: INVALID_ARGUMENT/PROJECT_NAME_INVALID.
absl::StatusOr<Question> ReadQuestion(const std::string& project, int64_t min_position,
                                      int64_t min_identity_version);

// As ingest stores it; nothing for "not said". Errors: INVALID_ARGUMENT/SELECTOR_INVALID.
absl::StatusOr<EventSelector> ReadSelector(const v1::EventSelector& selector);
ingest::v1::EventType ToEventType(int stored);

std::vector<std::string> ReadStrings(
    const google::protobuf::RepeatedPtrField<std::string>& strings);

void WriteTime(absl::Time time, google::protobuf::Timestamp* out);
void WriteAsOf(const AsOf& as_of, absl::Time now, v1::AsOf* out);
void WritePerson(const std::string& project, const Person& person, v1::Person* out);

// a ÷ b, 0 when b is 0.
double Rate(int64_t a, int64_t b);

}  // namespace datong::insight
