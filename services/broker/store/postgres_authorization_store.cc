#include "services/broker/store/postgres_authorization_store.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/store/rows.h"
#include "services/broker/store/token_notice.h"

namespace datong::broker {
namespace {

constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};

std::string Digest(const std::string& code) { return BytesToHex(crypto::Sha256(code)); }

std::string ToArray(const std::vector<int32_t>& numbers) {
  return absl::StrCat("{", absl::StrJoin(numbers, ","), "}");
}

// An appid belongs to one project for ever, and a component is no account.
constexpr char kSaveAppSql[] = R"sql(
  INSERT INTO broker.apps AS held
    (appid, project, kind, display_name, open_platform_account, component, state, created_at)
  VALUES ($1, $2, 0, '', '', $3, 1, to_timestamp($4::bigint / 1e6))
  ON CONFLICT (appid) DO UPDATE
    SET component = excluded.component, state = 1, state_detail = ''
    WHERE held.project = excluded.project AND held.kind <> 4
  RETURNING appid)sql";

constexpr char kSaveAuthorizationSql[] = R"sql(
  INSERT INTO broker.authorizations AS held
    (appid, project, component, permission_sets, authorized_at)
  VALUES ($1, $2, $3, (SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM unnest($4::int[]) n),
          to_timestamp($5::bigint / 1e6))
  ON CONFLICT (appid) DO UPDATE
    SET component = excluded.component, permission_sets = excluded.permission_sets,
        authorized_at = excluded.authorized_at, revoked_at = NULL)sql";

// WeChat's times are whole seconds.
constexpr char kRevokeSql[] = R"sql(
  UPDATE broker.authorizations SET revoked_at = to_timestamp($3::bigint / 1e6)
  WHERE appid = $1 AND component = $2 AND revoked_at IS NULL
    AND date_trunc('second', authorized_at) <= to_timestamp($3::bigint / 1e6)
  RETURNING project)sql";

}  // namespace

absl::Status PostgresAuthorizationStore::CreateLink(const AuthorizationLink& link,
                                                    Deadline deadline) {
  return pool_.Transact("create_link", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO broker.authorization_links (id, project, component, type, biz_appid, "
        "expires_at) VALUES ($1, $2, $3, $4, $5, to_timestamp($6::bigint / 1e6))",
        link.id, link.project, link.component, static_cast<int>(link.type), link.biz_appid,
        ToMicros(link.expires));
    return absl::OkStatus();
  });
}

absl::StatusOr<AuthorizationLink> PostgresAuthorizationStore::GetLink(const std::string& id,
                                                                      Deadline deadline) {
  return pool_.Query<AuthorizationLink>(
      "get_link", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<AuthorizationLink> {
        const pqxx::result rows = work.exec_params(
            "SELECT project, component, type, biz_appid, "
            "(extract(epoch FROM expires_at) * 1000000)::bigint, appid "
            "FROM broker.authorization_links WHERE id = $1",
            id);
        if (rows.empty()) return LinkUnknown();
        AuthorizationLink link;
        link.id = id;
        link.project = rows[0][0].as<std::string>();
        link.component = rows[0][1].as<std::string>();
        link.type = static_cast<AuthorizationType>(rows[0][2].as<int>());
        link.biz_appid = rows[0][3].as<std::string>();
        link.expires = FromMicros(rows[0][4]);
        link.appid = rows[0][5].as<std::string>();
        return link;
      },
      kReadOnly);
}

absl::Status PostgresAuthorizationStore::SavePreAuthCode(const std::string& code,
                                                         const std::string& link,
                                                         absl::Time expires, Deadline deadline) {
  return pool_.Transact("save_pre_auth_code", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO broker.pre_auth_codes (digest, link, expires_at) "
        "VALUES ($1, $2, to_timestamp($3::bigint / 1e6)) ON CONFLICT DO NOTHING",
        Digest(code), link, ToMicros(expires));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> PostgresAuthorizationStore::LinkOfPreAuthCode(const std::string& code,
                                                                          Deadline deadline) {
  return pool_.Query<std::string>(
      "find_pre_auth_code", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::result rows = work.exec_params(
            "SELECT link FROM broker.pre_auth_codes WHERE digest = $1", Digest(code));
        return rows.empty() ? std::string() : rows[0][0].as<std::string>();
      },
      kReadOnly);
}

absl::StatusOr<std::string> PostgresAuthorizationStore::FindExchanged(const std::string& code,
                                                                      Deadline deadline) {
  return pool_.Query<std::string>(
      "find_authorization_code", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::result rows = work.exec_params(
            "SELECT appid FROM broker.authorization_codes WHERE digest = $1", Digest(code));
        return rows.empty() ? std::string() : rows[0][0].as<std::string>();
      },
      kReadOnly);
}

absl::Status PostgresAuthorizationStore::SaveExchange(
    const Lease& lease, const std::string& project, const std::string& component,
    const std::string& code, const std::string& link, const GrantedAuthorization& granted,
    absl::Time now, Deadline deadline) {
  return pool_.Transact("save_exchange", deadline, [&](pqxx::work& work) -> absl::Status {
    if (work.exec_params(kSaveAppSql, granted.appid, project, component, ToMicros(now)).empty()) {
      return AppExists(granted.appid);
    }
    work.exec_params(kSaveAuthorizationSql, granted.appid, project, component,
                     ToArray(granted.permission_sets), ToMicros(now));
    TokenRecord record;
    record.appid = granted.appid;
    record.access_token = granted.token.token;
    record.refresh_token = granted.token.refresh_token;
    record.fetched = now;
    record.expires = now + granted.token.lifetime;
    DATONG_RETURN_IF_ERROR(tokens_.Write(work, lease, record).status());
    if (!code.empty()) {
      work.exec_params(
          "INSERT INTO broker.authorization_codes (digest, appid, exchanged_at) "
          "VALUES ($1, $2, to_timestamp($3::bigint / 1e6))",
          Digest(code), granted.appid, ToMicros(now));
    }
    if (!link.empty()) {
      work.exec_params("UPDATE broker.authorization_links SET appid = $2 WHERE id = $1", link,
                       granted.appid);
    }
    NewJob job;
    job.kind = JobKind::kAuthorizerDetails;
    job.key = granted.appid;
    job.project = project;
    job.appid = granted.appid;
    // Whoever exchanged the code asks at once; the job is there in case that fails.
    return jobs_.Write(work, job, absl::Seconds(10));
  });
}

absl::Status PostgresAuthorizationStore::SaveDetails(const std::string& appid,
                                                     const AccountDetails& details,
                                                     Deadline deadline) {
  return pool_.Transact("save_details", deadline, [&](pqxx::work& work) -> absl::Status {
    // A name given by the operator stays; one that WeChat told follows it.
    work.exec_params(
        "UPDATE broker.apps a SET kind = $2, original_id = $4, display_name = CASE "
        "WHEN a.display_name IN ('', z.nick_name) THEN $3 ELSE a.display_name END "
        "FROM broker.authorizations z WHERE a.appid = $1 AND z.appid = a.appid",
        appid, static_cast<int>(details.kind), details.nick_name, details.original_id);
    const pqxx::result rows = work.exec_params(
        "UPDATE broker.authorizations SET nick_name = $2, principal_name = $3, service_type = $4, "
        "verify_type = $5, original_id = $6, details_known = true, "
        "permission_sets = CASE $7 WHEN '{}' THEN permission_sets ELSE "
        "(SELECT array_agg(n ORDER BY n) FROM unnest($7::int[]) n) END WHERE appid = $1 "
        "RETURNING project",
        appid, details.nick_name, details.principal_name, details.service_type, details.verify_type,
        details.original_id, ToArray(details.permission_sets));
    if (rows.empty()) return AuthorizationUnknown(appid);
    const auto project = rows[0][0].as<std::string>();
    TellAccountFeed(work, project, appid, clock_.Now());
    NewJob job;
    job.kind = JobKind::kAnnounceApp;
    job.key = appid;
    job.project = project;
    job.appid = appid;
    return jobs_.Write(work, job);
  });
}

absl::Status PostgresAuthorizationStore::Revoke(const std::string& component,
                                                const std::string& appid, absl::Time when,
                                                Deadline deadline) {
  return pool_.Transact("revoke_authorization", deadline, [&](pqxx::work& work) -> absl::Status {
    const pqxx::result rows = work.exec_params(kRevokeSql, appid, component, ToMicros(when));
    if (rows.empty()) return absl::OkStatus();
    work.exec_params("UPDATE broker.apps SET state = $2, state_detail = $3 WHERE appid = $1", appid,
                     static_cast<int>(AppState::kRevoked),
                     std::string(AppRevoked(appid).message()));
    // The row stays, so that generations never go back.
    work.exec_params(
        "UPDATE broker.tokens SET access_token = NULL, refresh_token = NULL, "
        "previous_refresh_token = NULL, generation = generation + 1 WHERE appid = $1",
        appid);
    TellReplicas(work, appid);
    TellAccountFeed(work, rows[0][0].as<std::string>(), appid, clock_.Now());
    return absl::OkStatus();
  });
}

absl::StatusOr<Authorization> PostgresAuthorizationStore::GetAuthorization(
    const std::string& project, const std::string& appid, Deadline deadline) {
  return pool_.Query<Authorization>(
      "get_authorization", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Authorization> {
        std::optional<Authorization> found = FindAuthorization(work, appid);
        if (!found.has_value() || found->project != project) {
          return AuthorizationUnknown(
              absl::StrCat("projects/", project, "/authorizations/", appid));
        }
        return *std::move(found);
      },
      kReadOnly);
}

absl::StatusOr<std::vector<Authorization>> PostgresAuthorizationStore::ListAuthorizations(
    const std::string& project, const std::string& after, int limit, Deadline deadline) {
  return pool_.Query<std::vector<Authorization>>(
      "list_authorizations", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<Authorization>> {
        std::vector<Authorization> authorizations;
        for (const pqxx::row& row : work.exec_params(
                 absl::StrCat("SELECT ", kAuthorizationColumns,
                              " FROM broker.authorizations z JOIN broker.apps a USING (appid) "
                              "WHERE z.project = $1 AND z.appid > $2 ORDER BY z.appid LIMIT $3"),
                 project, after, limit)) {
          authorizations.push_back(ReadAuthorization(row));
        }
        return authorizations;
      },
      kReadOnly);
}

}  // namespace datong::broker
