#include "common/time/shanghai.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace datong {

absl::TimeZone ShanghaiTimeZone() { return absl::FixedTimeZone(8 * 60 * 60); }

absl::CivilDay ShanghaiDay(absl::Time time) { return absl::ToCivilDay(time, ShanghaiTimeZone()); }

absl::Time ShanghaiMidnight(absl::CivilDay day) { return absl::FromCivil(day, ShanghaiTimeZone()); }

int32_t DayNumber(absl::CivilDay day) {
  return static_cast<int32_t>(day - absl::CivilDay(1970, 1, 1));
}

absl::CivilDay DayFromNumber(int32_t number) { return absl::CivilDay(1970, 1, 1) + number; }

std::string FormatDay(absl::CivilDay day) { return absl::FormatCivilTime(day); }

absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text) {
  absl::CivilDay day;
  // abseil also takes "-001-01-01" and other unusual forms.
  if (text.size() != 10 || !absl::ParseCivilTime(text, &day) || FormatDay(day) != text) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a day; write it as 2026-01-31."));
  }
  return day;
}

}  // namespace datong
