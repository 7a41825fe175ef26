#include "services/broker/store/postgres_estate_store.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {
namespace {

constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};

// 0: never.
constexpr char kSaveSightingSql[] = R"sql(
  INSERT INTO broker.push_sightings AS held (appid, accepted_at, refused_at, refused_reason)
  VALUES ($1, to_timestamp(nullif($2::bigint, 0) / 1e6), to_timestamp(nullif($3::bigint, 0) / 1e6),
          $4)
  ON CONFLICT (appid) DO UPDATE
    SET accepted_at = greatest(held.accepted_at, excluded.accepted_at),
        refused_reason = CASE
          WHEN held.refused_at IS NULL OR excluded.refused_at >= held.refused_at
          THEN excluded.refused_reason ELSE held.refused_reason END,
        refused_at = greatest(held.refused_at, excluded.refused_at))sql";

constexpr char kGetSightingsSql[] = R"sql(
  SELECT appid, (extract(epoch FROM accepted_at) * 1000000)::bigint,
         (extract(epoch FROM refused_at) * 1000000)::bigint, refused_reason
  FROM broker.push_sightings WHERE appid = ANY (string_to_array($1, ' ')))sql";

constexpr char kFindMendLinksSql[] = R"sql(
  SELECT DISTINCT ON (biz_appid) biz_appid, id FROM broker.authorization_links
  WHERE project = $1 AND biz_appid = ANY (string_to_array($2, ' ')) AND biz_appid <> ''
    AND appid = '' AND expires_at > to_timestamp($3::bigint / 1e6)
  ORDER BY biz_appid, expires_at DESC, id)sql";

int64_t ToField(const std::optional<absl::Time>& time) {
  return time.has_value() ? ToMicros(*time) : 0;
}

std::optional<absl::Time> FromField(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return FromMicros(field);
}

}  // namespace

absl::Status PostgresEstateStore::SavePushSightings(const std::vector<PushSighting>& sightings,
                                                    Deadline deadline) {
  return pool_.Transact("save_push_sightings", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const PushSighting& sighting : sightings) {
      work.exec_params(kSaveSightingSql, sighting.appid, ToField(sighting.accepted),
                       ToField(sighting.refused), sighting.refused_reason);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::map<std::string, PushSighting>> PostgresEstateStore::GetPushSightings(
    const std::vector<std::string>& appids, Deadline deadline) {
  return pool_.Query<std::map<std::string, PushSighting>>(
      "get_push_sightings", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::map<std::string, PushSighting>> {
        std::map<std::string, PushSighting> sightings;
        for (const pqxx::row& row :
             work.exec_params(kGetSightingsSql, absl::StrJoin(appids, " "))) {
          const auto appid = row[0].as<std::string>();
          sightings[appid] = {appid, FromField(row[1]), FromField(row[2]),
                              row[3].as<std::string>()};
        }
        return sightings;
      },
      kReadOnly);
}

absl::Status PostgresEstateStore::SaveReconciliation(const Reconciliation& reconciliation,
                                                     Deadline deadline) {
  const std::string not_taken =
      absl::StrJoin(reconciliation.not_taken, "\n", [](std::string* out, const NotTaken& one) {
        absl::StrAppend(out, one.appid, " ", one.reason);
      });
  return pool_.Transact("save_reconciliation", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO broker.reconciliations (component, reconciled_at, listed, not_taken) "
        "VALUES ($1, to_timestamp($2::bigint / 1e6), $3, $4) ON CONFLICT (component) DO UPDATE "
        "SET reconciled_at = excluded.reconciled_at, listed = excluded.listed, "
        "not_taken = excluded.not_taken",
        reconciliation.component, ToMicros(reconciliation.when), reconciliation.listed, not_taken);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<Reconciliation>> PostgresEstateStore::GetReconciliation(
    const std::string& component, Deadline deadline) {
  return pool_.Query<std::optional<Reconciliation>>(
      "get_reconciliation", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::optional<Reconciliation>> {
        const pqxx::result rows = work.exec_params(
            "SELECT (extract(epoch FROM reconciled_at) * 1000000)::bigint, listed, not_taken "
            "FROM broker.reconciliations WHERE component = $1",
            component);
        if (rows.empty()) return std::optional<Reconciliation>();
        Reconciliation last;
        last.component = component;
        last.when = FromMicros(rows[0][0]);
        last.listed = rows[0][1].as<int64_t>();
        for (const absl::string_view line :
             absl::StrSplit(rows[0][2].as<std::string>(), '\n', absl::SkipEmpty())) {
          const std::pair<std::string, std::string> parts =
              absl::StrSplit(line, absl::MaxSplits(' ', 1));
          last.not_taken.push_back({parts.first, parts.second});
        }
        return std::optional<Reconciliation>(std::move(last));
      },
      kReadOnly);
}

absl::StatusOr<std::map<std::string, std::string>> PostgresEstateStore::FindMendLinks(
    const std::string& project, const std::vector<std::string>& appids, absl::Time usable_until,
    Deadline deadline) {
  return pool_.Query<std::map<std::string, std::string>>(
      "find_mend_links", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::map<std::string, std::string>> {
        std::map<std::string, std::string> links;
        for (const pqxx::row& row : work.exec_params(
                 kFindMendLinksSql, project, absl::StrJoin(appids, " "), ToMicros(usable_until))) {
          links[row[0].as<std::string>()] = row[1].as<std::string>();
        }
        return links;
      },
      kReadOnly);
}

}  // namespace datong::broker
