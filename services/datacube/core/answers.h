#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/datacube/core/types.h"

// What the platform's answers say. Lists may be empty, null or absent; numbers may be text; fields
// may be missing or unknown; rows may lie outside of the range that was asked for.
// Every function fails with INTERNAL/ANSWER_MALFORMED when the answer is no JSON object, and with
// FAILED_PRECONDITION/PLATFORM_ERROR (see ErrcodeOf) when it carries an errcode other than 0.
namespace datong::datacube {

struct ChangeAnswer {
  std::vector<ChangeRow> rows;
  int rows_refused = 0;  // outside of the asked range, or without a day
};
absl::StatusOr<ChangeAnswer> ParseUserSummary(absl::string_view body, DaySpan asked);

struct TotalAnswer {
  std::vector<TotalRow> rows;
  int rows_refused = 0;
};
absl::StatusOr<TotalAnswer> ParseUserCumulate(absl::string_view body, DaySpan asked);

absl::StatusOr<RosterPage> ParseRosterPage(absl::string_view body);
absl::StatusOr<std::vector<FollowerInfo>> ParseFollowerInfos(absl::string_view body);

// The platform's errcode in a status made here; 0 when it holds none.
int64_t ErrcodeOf(const absl::Status& status);

std::string StatisticsRequest(DaySpan span);
std::string FollowerInfoRequest(const std::vector<std::string>& openids);

}  // namespace datong::datacube
