// Apps whose strong evidence contradicts itself (R4.5).

#include <iterator>
#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/identity/store/graph_sql.h"
#include "services/identity/store/graph_writer.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kCountConflicts[] = R"sql(
  INSERT INTO identity.conflict_counts AS held (project_number, appid, reason, day, conflict_count)
  VALUES ($1, $2, $3, ()sql" DATONG_SQL_TIME(
    "$4::bigint") R"sql( AT TIME ZONE 'Asia/Shanghai')::date, $5)
  ON CONFLICT (project_number, appid, reason, day) DO UPDATE
    SET conflict_count = held.conflict_count + excluded.conflict_count
  RETURNING conflict_count)sql";

constexpr char kOpenIncident[] = R"sql(
  INSERT INTO identity.incidents (project_number, appid, reason, conflict_count, opened_at)
  VALUES ($1, $2, $3, $4, )sql" DATONG_SQL_TIME("$5::bigint") R"sql()
  ON CONFLICT (project_number, appid, reason) WHERE closed_at IS NULL DO UPDATE
    SET conflict_count = excluded.conflict_count
  RETURNING (xmax = 0))sql";

std::string ScopeOf(absl::string_view id) {
  const std::vector<absl::string_view> parts = absl::StrSplit(id, absl::MaxSplits(':', 2));
  return parts.size() == 3 ? std::string(parts[1]) : "";
}

// The app that a conflict speaks against; "" when it counts for none.
std::string AppOf(const Refusal& refusal) {
  const bool of_unionid = refusal.reason == Reason::kUnionidConflict &&
                          refusal.evidence_class <= kWebAuthorizationClass;
  const bool of_openid = refusal.reason == Reason::kOpenidConflict && refusal.evidence_class == 0;
  if (!of_unionid && !of_openid) return "";
  for (const std::string& id : refusal.ids) {
    if (KindOf(id) == IdKind::kOpenid) return ScopeOf(id);
  }
  return "";
}

bool IsUnionid(const std::string& id) { return KindOf(id) == IdKind::kUnionid; }

}  // namespace

std::string GraphWriter::HoldBack(const Evidence& record, Scoped& scoped) const {
  if (held_apps_.empty() || !absl::c_any_of(record.ids, IsUnionid)) return "";
  std::string held;
  if (held_apps_.contains(record.appid)) held = record.appid;
  if (held_apps_.contains(scoped.unknown_app)) held = scoped.unknown_app;
  for (const std::string& id : record.ids) {
    if (KindOf(id) == IdKind::kOpenid && held_apps_.contains(ScopeOf(id))) held = ScopeOf(id);
  }
  if (held.empty()) return "";
  scoped.unknown.clear();
  absl::c_copy_if(record.ids, std::back_inserter(scoped.unknown), IsUnionid);
  std::erase_if(scoped.record.ids, IsUnionid);
  return held;
}

void GraphWriter::CountConflicts(const std::vector<Refusal>& known) {
  if (policy_.incident_conflicts == 0) return;
  std::map<std::pair<std::string, Reason>, int64_t> counts;
  for (const Refusal& refusal : plan_.opened) {
    const std::string app = AppOf(refusal);
    if (app.empty()) continue;
    const bool is_known =
        absl::c_any_of(known, [&](const Refusal& other) { return other.SameAs(refusal); });
    if (!is_known) ++counts[{app, refusal.reason}];
  }
  for (const auto& [key, count] : counts) {
    const auto& [app, reason] = key;
    const auto total = work_
                           .exec_params1(kCountConflicts, project_.number, app, NameOf(reason),
                                         absl::ToUnixMicros(now_), count)[0]
                           .as<int64_t>();
    if (total <= policy_.incident_conflicts) continue;
    const bool is_new = work_
                            .exec_params1(kOpenIncident, project_.number, app, NameOf(reason),
                                          total, absl::ToUnixMicros(now_))[0]
                            .as<bool>();
    if (is_new) ++opened_incidents_;
  }
}

}  // namespace datong::identity
