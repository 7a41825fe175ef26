#include "services/insight/store/event_sql.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace datong::insight {

std::string FromEvents(int32_t project) {
  return absl::StrCat(
      " FROM ingest.events AS e LEFT JOIN insight.node_person AS np ON np.node = e.node AND "
      "np.project_number = ",
      project, " WHERE e.tenant_id = ", project);
}

std::string TimeBetween(absl::Time begin, absl::Time end) {
  return absl::StrCat(" AND e.event_time >= to_timestamp(", absl::ToUnixSeconds(begin), ")",
                      TimeBefore(end));
}

std::string TimeBefore(absl::Time end) {
  return absl::StrCat(" AND e.event_time < timestamptz 'epoch' + ", absl::ToUnixMicros(end),
                      " * interval '1 us'");
}

std::string IntArray(const std::vector<int32_t>& numbers) {
  return absl::StrCat("ARRAY[", absl::StrJoin(numbers, ","), "]::int[]");
}

std::string Matches(pqxx::transaction_base& work, const EventMatch& match) {
  std::vector<std::string> parts;
  if (match.sources.has_value()) {
    parts.push_back(absl::StrCat("e.source_id = ANY(", IntArray(*match.sources), ")"));
  }
  if (match.event_type.has_value()) {
    parts.push_back(absl::StrCat("e.event_type = ", *match.event_type));
  }
  if (!match.event_name.empty()) {
    parts.push_back(absl::StrCat("coalesce(e.event_name, '') = ", work.quote(match.event_name)));
  }
  return parts.empty() ? "true" : absl::StrCat("(", absl::StrJoin(parts, " AND "), ")");
}

std::string MatchesAny(pqxx::transaction_base& work, const std::vector<EventMatch>& matches) {
  std::vector<std::string> parts;
  for (const EventMatch& match : matches) parts.push_back(Matches(work, match));
  return parts.empty() ? "false" : absl::StrCat("(", absl::StrJoin(parts, " OR "), ")");
}

std::string SurfaceIndex(const std::vector<Surface>& surfaces) {
  std::string sql = "CASE e.source_id";
  bool any = false;
  for (size_t i = 0; i < surfaces.size(); ++i) {
    for (const int32_t source : surfaces[i].sources) {
      absl::StrAppend(&sql, " WHEN ", source, " THEN ", i);
      any = true;
    }
  }
  return any ? absl::StrCat(sql, " END") : "0";
}

std::string OnSurfaces(const std::vector<Surface>& surfaces) {
  std::vector<int32_t> sources;
  for (const Surface& surface : surfaces) {
    sources.insert(sources.end(), surface.sources.begin(), surface.sources.end());
  }
  return absl::StrCat(" AND e.source_id = ANY(", IntArray(sources), ")");
}

absl::Time TimeFromMicros(const pqxx::field& field) {
  return absl::FromUnixMicros(field.as<int64_t>());
}

}  // namespace datong::insight
