#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace datong {

// Asia/Shanghai: UTC+8, no daylight saving. All days of the platform are days there.
absl::TimeZone ShanghaiTimeZone();

absl::CivilDay ShanghaiDay(absl::Time time);
// The instant at which the day begins.
absl::Time ShanghaiMidnight(absl::CivilDay day);
// Whole days since 1970-01-01, as stored: floor((utc_ms + 8 h) / 86 400 000).
int32_t DayNumber(absl::CivilDay day);
absl::CivilDay DayFromNumber(int32_t number);

// "2026-11-20", and back. Errors: INVALID_ARGUMENT.
std::string FormatDay(absl::CivilDay day);
absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text);

}  // namespace datong
