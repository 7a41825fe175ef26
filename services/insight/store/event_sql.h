#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "services/insight/core/calendar.h"
#include "services/insight/core/types.h"

namespace datong::insight {

// Parts of SQL over `ingest.events AS e` joined to `insight.node_person AS np`. Values are numbers
// or quoted.

// The person of an event: the index, or the node itself where nobody is known for it. A node is a
// 64-bit hash: that it equals an index (below 2^32) by accident is not to be expected.
inline constexpr char kPersonSql[] = "coalesce(np.person_index, e.node)";

// The natural day of an event in Asia/Shanghai, as a day number.
inline constexpr char kDaySql[] = "floor((date_part('epoch', e.event_time) + 28800) / 86400)::int";

inline constexpr char kTimeMicrosSql[] = "(date_part('epoch', e.event_time) * 1000000)::bigint";

// " FROM … WHERE" for the events of a project.
std::string FromEvents(int32_t project);

// " AND …" for a time in [begin, end).
std::string TimeBetween(absl::Time begin, absl::Time end);
std::string TimeBefore(absl::Time end);

// "ARRAY[…]::int[]".
std::string IntArray(const std::vector<int32_t>& numbers);

// A condition that the event matches.
std::string Matches(pqxx::transaction_base& work, const EventMatch& match);
std::string MatchesAny(pqxx::transaction_base& work, const std::vector<EventMatch>& matches);

// The place of the event's surface in the list, as an int. Only for events of these surfaces.
std::string SurfaceIndex(const std::vector<Surface>& surfaces);
// " AND …" for events of these surfaces.
std::string OnSurfaces(const std::vector<Surface>& surfaces);

absl::Time TimeFromMicros(const pqxx::field& field);

}  // namespace datong::insight
