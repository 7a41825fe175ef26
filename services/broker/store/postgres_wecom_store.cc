#include "services/broker/store/postgres_wecom_store.h"

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/store/rows.h"

namespace datong::broker {
namespace {

constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};

std::string Digest(const std::string& code) { return BytesToHex(crypto::Sha256(code)); }

// An appid belongs to one project for ever.
constexpr char kSaveAppSql[] = R"sql(
  INSERT INTO broker.apps AS held
    (appid, project, kind, display_name, open_platform_account, component, state, created_at, corpid)
  VALUES ($1, $2, 5, $3, '', $4, 1, to_timestamp($5::bigint / 1e6), $6)
  ON CONFLICT (appid) DO UPDATE SET component = excluded.component, state = 1, state_detail = ''
    WHERE held.project = excluded.project AND held.kind = 5
  RETURNING appid)sql";

constexpr char kSaveCorpSql[] = R"sql(
  INSERT INTO broker.wecom_corps AS held (appid, project, suite, corp_name, authorized_at)
  VALUES ($1, $2, $3, $4, to_timestamp($5::bigint / 1e6))
  ON CONFLICT (appid) DO UPDATE
    SET corp_name = excluded.corp_name, authorized_at = excluded.authorized_at, revoked_at = NULL)sql";

constexpr char kCorpColumns[] =
    "c.project, c.appid, c.suite, a.corpid, s.corpid, c.mode, a.state, c.corp_name, "
    "c.corp_full_name, c.verified, c.subject_type, a.agentid, c.privilege_level, "
    "(extract(epoch FROM c.authorized_at) * 1000000)::bigint, "
    "(extract(epoch FROM c.revoked_at) * 1000000)::bigint, c.details_known "
    "FROM broker.wecom_corps c JOIN broker.apps a USING (appid) "
    "JOIN broker.apps s ON s.appid = c.suite ";

WecomCorp ReadCorp(const pqxx::row& row) {
  WecomCorp corp;
  corp.project = row[0].as<std::string>();
  corp.appid = row[1].as<std::string>();
  corp.suite = row[2].as<std::string>();
  corp.corpid = row[3].as<std::string>();
  corp.provider = row[4].as<std::string>();
  corp.mode = static_cast<WecomMode>(row[5].as<int>());
  corp.state = static_cast<AppState>(row[6].as<int>());
  corp.corp_name = row[7].as<std::string>();
  corp.corp_full_name = row[8].as<std::string>();
  corp.verified = row[9].as<bool>();
  corp.subject_type = row[10].as<int32_t>();
  corp.agentid = row[11].as<int64_t>();
  corp.privilege_level = row[12].as<int32_t>();
  corp.authorized = FromMicros(row[13]);
  if (!row[14].is_null()) corp.revoked = FromMicros(row[14]);
  corp.details_known = row[15].as<bool>();
  return corp;
}

constexpr char kSessionKey[] = "sessions.session_key";
constexpr char kJobsOfCorp[] = "{evidence,wecom_roster,wecom_contact,wecom_group,wecom_details}";

// WeCom's times are whole seconds.
constexpr char kRevokeSql[] = R"sql(
  UPDATE broker.wecom_corps SET revoked_at = to_timestamp($2::bigint / 1e6)
  WHERE appid = $1 AND revoked_at IS NULL
    AND date_trunc('second', authorized_at) <= to_timestamp($2::bigint / 1e6)
  RETURNING project)sql";

constexpr char kSaveRosterSql[] = R"sql(
  INSERT INTO broker.wecom_rosters AS held
    (appid, state, started_at, ended_at, members, members_done, contacts, unionids, cursor, error)
  VALUES ($1, $2, to_timestamp($3::bigint / 1e6),
          to_timestamp(nullif($4::bigint, 0) / 1e6), $5, $6, $7, $8, $9, $10)
  ON CONFLICT (appid) DO UPDATE
    SET state = excluded.state, started_at = excluded.started_at, ended_at = excluded.ended_at,
        members = excluded.members, members_done = excluded.members_done,
        contacts = excluded.contacts, unionids = excluded.unionids, cursor = excluded.cursor,
        error = excluded.error)sql";

}  // namespace

absl::Status PostgresWecomStore::WriteJob(pqxx::work& work, JobKind kind,
                                          const std::string& project, const std::string& appid,
                                          absl::Duration delay) {
  NewJob job;
  job.kind = kind;
  job.key = appid;
  job.project = project;
  job.appid = appid;
  return jobs_.Write(work, job, delay);
}

absl::StatusOr<std::string> PostgresWecomStore::SaveInstall(const Lease& lease, const App& suite,
                                                            const std::string& code,
                                                            const std::string& link,
                                                            const WecomGrant& grant, absl::Time now,
                                                            Deadline deadline) {
  return pool_.Query<std::string>(
      "save_wecom_install", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const std::string appid = WecomCorpAppid(grant.corpid, suite.appid);
        if (work.exec_params(kSaveAppSql, appid, suite.project, grant.corp_name, suite.appid,
                             ToMicros(now), grant.corpid)
                .empty()) {
          return AppExists(appid);
        }
        work.exec_params(kSaveCorpSql, appid, suite.project, suite.appid, grant.corp_name,
                         ToMicros(now));
        TokenRecord record;
        record.appid = appid;
        record.refresh_token = grant.permanent_code;
        record.fetched = now;
        record.expires = now;
        DATONG_RETURN_IF_ERROR(tokens_.Write(work, lease, record).status());
        if (!code.empty()) {
          work.exec_params(
              "INSERT INTO broker.authorization_codes (digest, appid, exchanged_at) "
              "VALUES ($1, $2, to_timestamp($3::bigint / 1e6))",
              Digest(code), appid, ToMicros(now));
        }
        if (!link.empty()) {
          work.exec_params("UPDATE broker.authorization_links SET appid = $2 WHERE id = $1", link,
                           appid);
        }
        // Whoever exchanged the code asks at once; the job is there in case that fails.
        DATONG_RETURN_IF_ERROR(
            WriteJob(work, JobKind::kWecomDetails, suite.project, appid, absl::Seconds(10)));
        DATONG_RETURN_IF_ERROR(WriteJob(work, JobKind::kWecomRoster, suite.project, appid));
        return appid;
      });
}

absl::Status PostgresWecomStore::SaveDetails(const std::string& appid, const WecomAuthInfo& info,
                                             Deadline deadline) {
  return pool_.Transact("save_wecom_details", deadline, [&](pqxx::work& work) -> absl::Status {
    // A name given by the operator stays; one that WeCom told follows it.
    work.exec_params(
        "UPDATE broker.apps a SET agentid = $3, display_name = CASE "
        "WHEN a.display_name IN ('', c.corp_name) AND $2 <> '' THEN $2 ELSE a.display_name END "
        "FROM broker.wecom_corps c WHERE a.appid = $1 AND c.appid = a.appid",
        appid, info.corp_name, info.agentid);
    const WecomMode mode = info.is_agency_built ? WecomMode::kAgency : WecomMode::kThirdParty;
    const pqxx::result rows = work.exec_params(
        "UPDATE broker.wecom_corps SET mode = $2, corp_name = $3, corp_full_name = $4, "
        "verified = $5, subject_type = $6, privilege_level = $7, details_known = true "
        "WHERE appid = $1 RETURNING project",
        appid, static_cast<int>(mode), info.corp_name, info.corp_full_name, info.verified,
        info.subject_type, info.privilege_level);
    if (rows.empty()) return AuthorizationUnknown(appid);
    const auto project = rows[0][0].as<std::string>();
    TellAccountFeed(work, project, appid, clock_.Now());
    return WriteJob(work, JobKind::kAnnounceApp, project, appid);
  });
}

absl::StatusOr<bool> PostgresWecomStore::Revoke(const std::string& appid, absl::Time when,
                                                Deadline deadline) {
  return pool_.Query<bool>(
      "revoke_wecom_corp", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
        const pqxx::result rows = work.exec_params(kRevokeSql, appid, ToMicros(when));
        if (rows.empty()) return false;
        const auto project = rows[0][0].as<std::string>();
        work.exec_params("UPDATE broker.apps SET state = $2, state_detail = $3 WHERE appid = $1",
                         appid, static_cast<int>(AppState::kRevoked),
                         std::string(AppRevoked(appid).message()));
        // The row stays, so that generations never go back.
        work.exec_params(
            "UPDATE broker.tokens SET access_token = NULL, refresh_token = NULL, "
            "previous_refresh_token = NULL, generation = generation + 1 WHERE appid = $1",
            appid);
        work.exec_params("DELETE FROM broker.wecom_pendings WHERE appid = $1", appid);
        work.exec_params("DELETE FROM broker.wecom_rosters WHERE appid = $1", appid);
        // Members log in through the suite too.
        work.exec_params(
            "DELETE FROM broker.sessions s USING broker.apps a WHERE a.appid = $1 AND "
            "(s.appid = $1 OR (s.appid = a.component AND starts_with(s.openid, a.corpid || '/')))",
            appid);
        // Evidence that is still on its way would come after the erasure, and widen it.
        work.exec_params(
            "DELETE FROM broker.jobs WHERE kind = ANY($1::text[]) AND starts_with(payload, $2)",
            kJobsOfCorp, absl::StrCat(project, "\n", appid, "\n"));
        TellAccountFeed(work, project, appid, clock_.Now());
        NewJob forget;
        forget.kind = JobKind::kWecomForget;
        forget.key = appid;
        forget.project = project;
        forget.appid = appid;
        forget.payload = absl::StrCat(absl::ToUnixSeconds(when));
        DATONG_RETURN_IF_ERROR(jobs_.Write(work, forget));
        return true;
      });
}

absl::StatusOr<WecomCorp> PostgresWecomStore::GetCorp(const std::string& appid, Deadline deadline) {
  return pool_.Query<WecomCorp>(
      "get_wecom_corp", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<WecomCorp> {
        const pqxx::result rows =
            work.exec_params(absl::StrCat("SELECT ", kCorpColumns, "WHERE c.appid = $1"), appid);
        if (rows.empty()) return AuthorizationUnknown(appid);
        return ReadCorp(rows[0]);
      },
      kReadOnly);
}

absl::StatusOr<std::vector<WecomCorp>> PostgresWecomStore::ListCorps(const std::string& project,
                                                                     const std::string& after,
                                                                     int limit, Deadline deadline) {
  return pool_.Query<std::vector<WecomCorp>>(
      "list_wecom_corps", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<WecomCorp>> {
        std::vector<WecomCorp> corps;
        for (const pqxx::row& row : work.exec_params(
                 absl::StrCat("SELECT ", kCorpColumns,
                              "WHERE c.project = $1 AND c.appid > $2 ORDER BY c.appid LIMIT $3"),
                 project, after, limit)) {
          corps.push_back(ReadCorp(row));
        }
        return corps;
      },
      kReadOnly);
}

absl::Status PostgresWecomStore::SaveSession(const std::string& appid, const WecomMember& member,
                                             const Secret& key, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string sealed,
                          sealer_.Seal(key, kSessionKey, absl::StrCat(appid, ":", member.name())));
  return pool_.Transact("save_wecom_session", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO broker.sessions (appid, openid, session_key, updated_at) "
        "VALUES ($1, $2, $3, to_timestamp($4::bigint / 1e6)) "
        "ON CONFLICT (appid, openid) DO UPDATE SET session_key = excluded.session_key, "
        "updated_at = excluded.updated_at",
        appid, member.name(), pqxx::binarystring(sealed), ToMicros(clock_.Now()));
    return absl::OkStatus();
  });
}

absl::StatusOr<Secret> PostgresWecomStore::GetSession(const std::string& appid,
                                                      const WecomMember& member,
                                                      Deadline deadline) {
  return pool_.Query<Secret>(
      "get_wecom_session", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Secret> {
        const pqxx::result rows = work.exec_params(
            "SELECT session_key FROM broker.sessions WHERE appid = $1 AND openid = $2", appid,
            member.name());
        if (rows.empty()) return SessionUnknown();
        return sealer_.Open(rows[0][0], kSessionKey, absl::StrCat(appid, ":", member.name()));
      },
      kReadOnly);
}

absl::Status PostgresWecomStore::AddPending(const std::string& appid, const std::string& pending_id,
                                            absl::Time now, Deadline deadline) {
  return pool_.Transact("add_wecom_pending", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO broker.wecom_pendings AS held (appid, digest, issued_at) "
        "VALUES ($1, $2, to_timestamp($3::bigint / 1e6)) ON CONFLICT (appid, digest) "
        "DO UPDATE SET issued_at = greatest(held.issued_at, excluded.issued_at)",
        appid, Digest(pending_id), ToMicros(now));
    work.exec_params(
        "DELETE FROM broker.wecom_pendings WHERE appid = $1 "
        "AND issued_at < to_timestamp($2::bigint / 1e6)",
        appid, ToMicros(now - kPendingLifetime));
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> PostgresWecomStore::HasPending(const std::string& appid, absl::Time since,
                                                    Deadline deadline) {
  return pool_.Query<bool>(
      "has_wecom_pending", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<bool> {
        return !work.exec_params(
                        "SELECT 1 FROM broker.wecom_pendings WHERE appid = $1 "
                        "AND issued_at >= to_timestamp($2::bigint / 1e6) LIMIT 1",
                        appid, ToMicros(since))
                    .empty();
      },
      kReadOnly);
}

absl::Status PostgresWecomStore::ResolvePending(const std::string& appid,
                                                const std::string& pending_id, Deadline deadline) {
  return pool_.Transact("resolve_wecom_pending", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params("DELETE FROM broker.wecom_pendings WHERE appid = $1 AND digest = $2", appid,
                     Digest(pending_id));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<WecomRoster>> PostgresWecomStore::GetRoster(const std::string& appid,
                                                                         Deadline deadline) {
  return pool_.Query<std::optional<WecomRoster>>(
      "get_wecom_roster", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::optional<WecomRoster>> {
        const pqxx::result rows = work.exec_params(
            "SELECT state, (extract(epoch FROM started_at) * 1000000)::bigint, "
            "(extract(epoch FROM ended_at) * 1000000)::bigint, members, members_done, contacts, "
            "unionids, cursor, error FROM broker.wecom_rosters WHERE appid = $1",
            appid);
        if (rows.empty()) return std::optional<WecomRoster>();
        WecomRoster roster;
        roster.appid = appid;
        roster.state = static_cast<WecomRoster::State>(rows[0][0].as<int>());
        roster.started = FromMicros(rows[0][1]);
        if (!rows[0][2].is_null()) roster.ended = FromMicros(rows[0][2]);
        roster.members = rows[0][3].as<int32_t>();
        roster.members_done = rows[0][4].as<int32_t>();
        roster.contacts = rows[0][5].as<int64_t>();
        roster.unionids = rows[0][6].as<int64_t>();
        roster.cursor = rows[0][7].as<std::string>();
        roster.error = rows[0][8].as<std::string>();
        return std::optional<WecomRoster>(std::move(roster));
      },
      kReadOnly);
}

absl::Status PostgresWecomStore::SaveRoster(const App& app, const WecomRoster& roster,
                                            absl::Duration delay, Deadline deadline) {
  return pool_.Transact("save_wecom_roster", deadline, [&](pqxx::work& work) -> absl::Status {
    const int64_t ended = roster.ended.has_value() ? ToMicros(*roster.ended) : 0;
    work.exec_params(kSaveRosterSql, roster.appid, static_cast<int>(roster.state),
                     ToMicros(roster.started), ended, roster.members, roster.members_done,
                     roster.contacts, roster.unionids, roster.cursor, roster.error);
    if (roster.state != WecomRoster::State::kRunning) return absl::OkStatus();
    NewJob job;
    job.kind = JobKind::kWecomRoster;
    job.key = absl::StrCat(app.appid, "/", RosterStep(roster));
    job.project = app.project;
    job.appid = app.appid;
    job.payload = RosterStep(roster);
    return jobs_.Write(work, job, delay);
  });
}

absl::StatusOr<std::vector<std::string>> PostgresWecomStore::ListStaleRosters(absl::Time before,
                                                                              int limit,
                                                                              Deadline deadline) {
  return pool_.Query<std::vector<std::string>>(
      "list_stale_wecom_rosters", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> appids;
        for (const pqxx::row& row : work.exec_params(
                 "SELECT a.appid FROM broker.apps a LEFT JOIN broker.wecom_rosters r USING (appid) "
                 "WHERE a.kind = 5 AND a.state = 1 AND (r.started_at IS NULL "
                 "OR (r.state <> 1 AND r.started_at < to_timestamp($1::bigint / 1e6))) "
                 "ORDER BY a.appid LIMIT $2",
                 ToMicros(before), limit)) {
          appids.push_back(row[0].as<std::string>());
        }
        return appids;
      },
      kReadOnly);
}

}  // namespace datong::broker
