#include "services/ingest/store/postgres_identity_stores.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace datong::ingest {
namespace {

constexpr char kClaimSql[] = R"sql(
  UPDATE ingest.evidence_outbox
  SET leased_until = now() + make_interval(secs => $2), attempts = attempts + 1
  WHERE id IN (
    SELECT id FROM ingest.evidence_outbox
    WHERE leased_until < now()
      AND tenant_id = (SELECT tenant_id FROM ingest.evidence_outbox
                       WHERE leased_until < now() ORDER BY leased_until, id LIMIT 1)
    ORDER BY leased_until, id LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING id, tenant_id, evidence_id, kind, ids, app, source,
            (extract(epoch FROM observed_at) * 1000000)::bigint)sql";
constexpr char kBacklogSql[] = R"sql(
  SELECT count(*), coalesce(min(extract(epoch FROM observed_at)), 0)::double precision
  FROM ingest.evidence_outbox)sql";
constexpr char kConsentsSql[] = R"sql(
  SELECT tenant_id, node, granted, (extract(epoch FROM said_at) * 1000000)::bigint
  FROM ingest.consents)sql";
constexpr char kCursorSql[] = R"sql(
  SELECT cursor FROM ingest.feed_cursors WHERE feed = 'identity_consents' AND tenant_id = $1)sql";
constexpr char kSaveCursorSql[] = R"sql(
  INSERT INTO ingest.feed_cursors (feed, tenant_id, cursor) VALUES ('identity_consents', $1, $2)
  ON CONFLICT (feed, tenant_id) DO UPDATE SET cursor = excluded.cursor)sql";
constexpr char kSaveConsentSql[] = R"sql(
  INSERT INTO ingest.consents AS held (tenant_id, node, granted, said_at)
  VALUES ($1, $2, $3, to_timestamp($4::double precision / 1000000))
  ON CONFLICT (tenant_id, node) DO UPDATE
    SET granted = excluded.granted, said_at = excluded.said_at
    WHERE held.said_at <= excluded.said_at)sql";

}  // namespace

absl::StatusOr<std::vector<PendingEvidence>> PostgresEvidenceOutbox::Claim(int limit,
                                                                           absl::Duration lease,
                                                                           Deadline deadline) {
  using Records = std::vector<PendingEvidence>;
  return pool_.Query<Records>(
      "claim_evidence", deadline, [&](pqxx::work& work) -> absl::StatusOr<Records> {
        Records records;
        for (const pqxx::row& row :
             work.exec_params(kClaimSql, limit, absl::ToDoubleSeconds(lease))) {
          PendingEvidence record;
          record.id = row[0].as<int64_t>();
          record.tenant_id = row[1].as<int32_t>();
          record.evidence_id = row[2].as<std::string>();
          record.kind = row[3].as<std::string>();
          record.ids =
              nlohmann::json::parse(row[4].as<std::string>()).get<std::vector<std::string>>();
          record.app = row[5].as<std::string>();
          record.source = row[6].as<std::string>();
          record.observed = absl::FromUnixMicros(row[7].as<int64_t>());
          records.push_back(std::move(record));
        }
        return records;
      });
}

absl::Status PostgresEvidenceOutbox::Release(const std::vector<int64_t>& ids, Deadline deadline) {
  return pool_.Transact("release_evidence", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params0(
        "UPDATE ingest.evidence_outbox SET leased_until = '-infinity' "
        "WHERE id = ANY ($1::bigint[])",
        absl::StrCat("{", absl::StrJoin(ids, ","), "}"));
    return absl::OkStatus();
  });
}

absl::Status PostgresEvidenceOutbox::Delete(const std::vector<int64_t>& ids, Deadline deadline) {
  return pool_.Transact("delete_evidence", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params0("DELETE FROM ingest.evidence_outbox WHERE id = ANY ($1::bigint[])",
                      absl::StrCat("{", absl::StrJoin(ids, ","), "}"));
    return absl::OkStatus();
  });
}

absl::StatusOr<EvidenceBacklog> PostgresEvidenceOutbox::Backlog(Deadline deadline) {
  return pool_.Query<EvidenceBacklog>("evidence_backlog", deadline,
                                      [](pqxx::work& work) -> absl::StatusOr<EvidenceBacklog> {
                                        const pqxx::row row = work.exec1(kBacklogSql);
                                        EvidenceBacklog backlog;
                                        backlog.waiting = row[0].as<int64_t>();
                                        if (backlog.waiting > 0) {
                                          backlog.oldest = absl::UnixEpoch() +
                                                           absl::Seconds(row[1].as<double>());
                                        }
                                        return backlog;
                                      },
                                      {.read_only = true});
}

absl::StatusOr<std::vector<ConsentEntry>> PostgresConsentStore::LoadAll(Deadline deadline) {
  using Entries = std::vector<ConsentEntry>;
  return pool_.Query<Entries>(
      "load_consents", deadline,
      [](pqxx::work& work) -> absl::StatusOr<Entries> {
        Entries entries;
        for (const pqxx::row& row : work.exec(kConsentsSql)) {
          entries.push_back({row[0].as<int32_t>(), row[1].as<int64_t>(), row[2].as<bool>(),
                             absl::FromUnixMicros(row[3].as<int64_t>())});
        }
        return entries;
      },
      {.read_only = true});
}

absl::StatusOr<std::string> PostgresConsentStore::Cursor(int32_t tenant_id, Deadline deadline) {
  return pool_.Query<std::string>(
      "read_cursor", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::result rows = work.exec_params(kCursorSql, tenant_id);
        return rows.empty() ? std::string() : rows[0][0].as<std::string>();
      },
      {.read_only = true});
}

absl::Status PostgresConsentStore::Save(int32_t tenant_id, const std::vector<ConsentEntry>& entries,
                                        const std::string& cursor, Deadline deadline) {
  return pool_.Transact("save_consents", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const ConsentEntry& entry : entries) {
      work.exec_params0(kSaveConsentSql, tenant_id, entry.node, entry.granted,
                        absl::ToUnixMicros(entry.said));
    }
    work.exec_params0(kSaveCursorSql, tenant_id, cursor);
    return absl::OkStatus();
  });
}

}  // namespace datong::ingest
