#include "services/broker/store/postgres_login_store.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/login_errors.h"

namespace datong::broker {
namespace {

constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};
// How long the key before the last one decrypts.
constexpr absl::Duration kPreviousLives = absl::Minutes(5);
constexpr absl::Duration kErasedRemembered = absl::Hours(24);

// Identity's node of the openid of app $1 and user $2, for project row p.
#define DATONG_NODE_SQL                                 \
  "('x' || encode(substr(sha256(int4send(p.number) || " \
  "convert_to('openid:' || $1 || ':' || $2, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint"

// $1 appid, $2 openid, $3 project, $4 person.
#define DATONG_NOT_ERASED_SQL                                             \
  "FROM broker.projects p WHERE p.id = $3 AND NOT EXISTS (SELECT 1 FROM " \
  "broker.erased_persons e WHERE e.project = $3 AND e.person = $4) "

constexpr char kSaveSessionSql[] =
    "INSERT INTO broker.sessions AS held "
    "(appid, openid, project, person, session_key, updated_at, node) "
    "SELECT $1, $2, $3, $4, $5::bytea, to_timestamp($6::bigint / 1e6), " DATONG_NODE_SQL
    " " DATONG_NOT_ERASED_SQL
    "ON CONFLICT (appid, openid) DO UPDATE SET previous_session_key = held.session_key, "
    "previous_until = to_timestamp($7::bigint / 1e6), session_key = excluded.session_key, "
    "updated_at = excluded.updated_at, project = excluded.project, node = excluded.node, "
    "person = CASE excluded.person WHEN '' THEN held.person ELSE excluded.person END";

constexpr char kSaveTokensSql[] =
    "INSERT INTO broker.web_tokens AS held "
    "(appid, openid, project, person, access_token, refresh_token, scope, unionid, expires_at, "
    "refresh_expires_at, updated_at, node) "
    "SELECT $1, $2, $3, $4, $5::bytea, nullif($6::bytea, ''::bytea), $7, $8, "
    "to_timestamp($9::bigint / 1e6), to_timestamp($10::bigint / 1e6), "
    "to_timestamp($11::bigint / 1e6), " DATONG_NODE_SQL " " DATONG_NOT_ERASED_SQL
    "ON CONFLICT (appid, openid) DO UPDATE SET access_token = excluded.access_token, "
    "refresh_token = excluded.refresh_token, scope = excluded.scope, "
    "unionid = excluded.unionid, expires_at = excluded.expires_at, "
    "refresh_expires_at = excluded.refresh_expires_at, updated_at = excluded.updated_at, "
    "project = excluded.project, node = excluded.node, "
    "person = CASE excluded.person WHEN '' THEN held.person ELSE excluded.person END";

#undef DATONG_NODE_SQL
#undef DATONG_NOT_ERASED_SQL

std::string Digest(const std::string& text) { return BytesToHex(crypto::Sha256(text)); }

std::string RecordOf(const std::string& appid, const std::string& openid) {
  return absl::StrCat(appid, ":", openid);
}

// Moves of one run of the feed, as arrays of PostgreSQL. Names hold no quotes.
class Moves {
 public:
  void Add(int64_t node, const std::string& person) {
    absl::StrAppend(&nodes_, nodes_.empty() ? "" : ",", node);
    absl::StrAppend(&persons_, persons_.empty() ? "\"" : ",\"", person, "\"");
  }
  void Apply(pqxx::work& work, const std::string& project) {
    if (nodes_.empty()) return;
    for (const char* table : {"sessions", "web_tokens"}) {
      work.exec_params(
          absl::StrCat(
              "UPDATE broker.", table,
              " s SET person = m.person FROM (SELECT DISTINCT ON (node) node, person FROM "
              "unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS u (node, person, place) "
              "ORDER BY node, place DESC) m WHERE s.node = m.node AND s.project = $3"),
          absl::StrCat("{", nodes_, "}"), absl::StrCat("{", persons_, "}"), project);
    }
    nodes_.clear();
    persons_.clear();
  }

 private:
  std::string nodes_;
  std::string persons_;
};

}  // namespace

absl::Status PostgresLoginStore::SaveSession(const UserKey& user, const Secret& session_key,
                                             const std::optional<NewJob>& evidence,
                                             Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string sealed, sealer_.Seal(session_key, "sessions.session_key",
                                                           RecordOf(user.appid, user.openid)));
  const absl::Time now = clock_.Now();
  return pool_.Transact("save_session", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kSaveSessionSql, user.appid, user.openid, user.project, user.person,
                     pqxx::binarystring(sealed), ToMicros(now), ToMicros(now + kPreviousLives));
    return evidence.has_value() ? jobs_.Write(work, *evidence) : absl::OkStatus();
  });
}

absl::StatusOr<SessionKeys> PostgresLoginStore::GetSession(const std::string& appid,
                                                           const std::string& openid,
                                                           Deadline deadline) {
  return pool_.Query<SessionKeys>(
      "get_session", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<SessionKeys> {
        const pqxx::result rows = work.exec_params(
            "SELECT session_key, (extract(epoch FROM updated_at) * 1000000)::bigint, "
            "CASE WHEN previous_until > to_timestamp($3::bigint / 1e6) "
            "THEN previous_session_key END "
            "FROM broker.sessions WHERE appid = $1 AND openid = $2",
            appid, openid, ToMicros(clock_.Now()));
        if (rows.empty()) return SessionUnknown();
        const std::string record = RecordOf(appid, openid);
        SessionKeys keys;
        DATONG_ASSIGN_OR_RETURN(keys.current,
                                sealer_.Open(rows[0][0], "sessions.session_key", record));
        keys.updated = FromMicros(rows[0][1]);
        DATONG_ASSIGN_OR_RETURN(keys.previous,
                                sealer_.Open(rows[0][2], "sessions.session_key", record));
        return keys;
      },
      kReadOnly);
}

absl::Status PostgresLoginStore::CreateWebLogin(const WebLoginState& login, Deadline deadline) {
  return pool_.Transact("create_web_login", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "INSERT INTO broker.web_logins (state, project, appid, browser, return_to, expires_at) "
        "VALUES ($1, $2, $3, $4, $5, to_timestamp($6::bigint / 1e6))",
        Digest(login.state), login.project, login.appid, Digest(login.browser_session),
        login.return_to, ToMicros(login.expires));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<WebLoginState>> PostgresLoginStore::FindWebLogin(
    const std::string& appid, const std::string& state, const std::string& browser_session,
    Deadline deadline) {
  return pool_.Query<std::optional<WebLoginState>>(
      "find_web_login", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::optional<WebLoginState>> {
        const pqxx::result rows = work.exec_params(
            "SELECT project, return_to, (extract(epoch FROM expires_at) * 1000000)::bigint, used "
            "FROM broker.web_logins WHERE state = $1 AND appid = $2 AND browser = $3",
            Digest(state), appid, Digest(browser_session));
        std::optional<WebLoginState> login;
        if (rows.empty()) return login;
        login.emplace();
        login->state = state;
        login->appid = appid;
        login->browser_session = browser_session;
        login->project = rows[0][0].as<std::string>();
        login->return_to = rows[0][1].as<std::string>();
        login->expires = FromMicros(rows[0][2]);
        login->is_used = rows[0][3].as<bool>();
        return login;
      },
      kReadOnly);
}

absl::StatusOr<PostgresLoginStore::SealedTokens> PostgresLoginStore::Seal(
    const std::string& appid, const std::string& openid, const WebTokens& tokens) const {
  const std::string record = RecordOf(appid, openid);
  SealedTokens sealed;
  DATONG_ASSIGN_OR_RETURN(sealed.access_token,
                          sealer_.Seal(tokens.access_token, "web_tokens.access_token", record));
  DATONG_ASSIGN_OR_RETURN(sealed.refresh_token,
                          sealer_.Seal(tokens.refresh_token, "web_tokens.refresh_token", record));
  return sealed;
}

absl::Status PostgresLoginStore::FinishWebLogin(const std::string& state, const UserKey& user,
                                                const WebTokens& tokens,
                                                const std::optional<NewJob>& evidence,
                                                Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(SealedTokens sealed, Seal(user.appid, user.openid, tokens));
  return pool_.Transact("finish_web_login", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params("UPDATE broker.web_logins SET used = true WHERE state = $1", Digest(state));
    if (!tokens.access_token.empty()) {
      work.exec_params(kSaveTokensSql, user.appid, user.openid, user.project, user.person,
                       pqxx::binarystring(sealed.access_token),
                       pqxx::binarystring(sealed.refresh_token), tokens.scope, tokens.unionid,
                       ToMicros(tokens.expires), ToMicros(tokens.refresh_expires),
                       ToMicros(clock_.Now()));
    }
    return evidence.has_value() ? jobs_.Write(work, *evidence) : absl::OkStatus();
  });
}

absl::StatusOr<WebTokens> PostgresLoginStore::GetWebTokens(const std::string& appid,
                                                           const std::string& openid,
                                                           Deadline deadline) {
  return pool_.Query<WebTokens>(
      "get_web_tokens", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<WebTokens> {
        const pqxx::result rows = work.exec_params(
            "SELECT access_token, refresh_token, scope, unionid, "
            "(extract(epoch FROM expires_at) * 1000000)::bigint, "
            "(extract(epoch FROM refresh_expires_at) * 1000000)::bigint "
            "FROM broker.web_tokens WHERE appid = $1 AND openid = $2",
            appid, openid);
        if (rows.empty()) return WebLoginUnknown();
        const std::string record = RecordOf(appid, openid);
        WebTokens tokens;
        DATONG_ASSIGN_OR_RETURN(tokens.access_token,
                                sealer_.Open(rows[0][0], "web_tokens.access_token", record));
        DATONG_ASSIGN_OR_RETURN(tokens.refresh_token,
                                sealer_.Open(rows[0][1], "web_tokens.refresh_token", record));
        tokens.scope = rows[0][2].as<std::string>();
        tokens.unionid = rows[0][3].as<std::string>();
        tokens.expires = FromMicros(rows[0][4]);
        tokens.refresh_expires = FromMicros(rows[0][5]);
        return tokens;
      },
      kReadOnly);
}

absl::Status PostgresLoginStore::UpdateWebTokens(const std::string& appid,
                                                 const std::string& openid, const WebTokens& tokens,
                                                 Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(SealedTokens sealed, Seal(appid, openid, tokens));
  return pool_.Transact("update_web_tokens", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(
        "UPDATE broker.web_tokens SET access_token = $3::bytea, "
        "refresh_token = nullif($4::bytea, ''::bytea), scope = $5, unionid = $6, "
        "expires_at = to_timestamp($7::bigint / 1e6), updated_at = to_timestamp($8::bigint / 1e6) "
        "WHERE appid = $1 AND openid = $2",
        appid, openid, pqxx::binarystring(sealed.access_token),
        pqxx::binarystring(sealed.refresh_token), tokens.scope, tokens.unionid,
        ToMicros(tokens.expires), ToMicros(clock_.Now()));
    return absl::OkStatus();
  });
}

absl::Status PostgresLoginStore::SaveJob(const NewJob& job, Deadline deadline) {
  return pool_.Transact("enqueue_job", deadline,
                        [&](pqxx::work& work) { return jobs_.Write(work, job); });
}

absl::StatusOr<Secret> PostgresLoginStore::GetPhoneKey(const std::string& project,
                                                       Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string sealed, sealer_.Seal(Secret(crypto::RandomBytes(32)),
                                                           "phone_keys.phone_key", project));
  return pool_.Query<Secret>(
      "get_phone_key", deadline, [&](pqxx::work& work) -> absl::StatusOr<Secret> {
        // Two that make it at the same time end with the same one.
        work.exec_params(
            "INSERT INTO broker.phone_keys (project, phone_key, created_at) "
            "SELECT id, $2::bytea, to_timestamp($3::bigint / 1e6) FROM broker.projects "
            "WHERE id = $1 ON CONFLICT DO NOTHING",
            project, pqxx::binarystring(sealed), ToMicros(clock_.Now()));
        const pqxx::result rows =
            work.exec_params("SELECT phone_key FROM broker.phone_keys WHERE project = $1", project);
        if (rows.empty()) return ProjectUnknown(project);
        return sealer_.Open(rows[0][0], "phone_keys.phone_key", project);
      });
}

absl::Status PostgresLoginStore::SetPerson(const UserKey& user, Deadline deadline) {
  return pool_.Transact("set_session_person", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const char* table : {"sessions", "web_tokens"}) {
      work.exec_params(absl::StrCat("UPDATE broker.", table,
                                    " SET person = $3 WHERE appid = $1 AND openid = $2"),
                       user.appid, user.openid, user.person);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> PostgresLoginStore::GetFeedCursor(const std::string& project,
                                                              Deadline deadline) {
  return pool_.Query<std::string>(
      "get_identity_cursor", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        const pqxx::result rows = work.exec_params(
            "SELECT cursor FROM broker.identity_cursors WHERE project = $1", project);
        return rows.empty() ? std::string() : rows[0][0].as<std::string>();
      },
      kReadOnly);
}

absl::StatusOr<int> PostgresLoginStore::ApplyChanges(const std::string& project,
                                                     const std::string& cursor,
                                                     const GraphChanges& changes,
                                                     Deadline deadline) {
  return pool_.Query<int>(
      "apply_identity_changes", deadline, [&](pqxx::work& work) -> absl::StatusOr<int> {
        work.exec_params(
            "INSERT INTO broker.identity_cursors (project, cursor) VALUES ($1, '') "
            "ON CONFLICT DO NOTHING",
            project);
        const pqxx::result moved = work.exec_params(
            "UPDATE broker.identity_cursors SET cursor = $3 WHERE project = $1 AND cursor = $2",
            project, cursor, changes.next_cursor);
        if (moved.affected_rows() == 0) return 0;
        Moves moves;
        int deleted = 0;
        for (const GraphChange& change : changes.changes) {
          if (change.kind == GraphChange::Kind::kMoved) {
            moves.Add(change.node, change.person);
            continue;
          }
          // In the order of the feed: who came to a person before it was erased goes with it.
          moves.Apply(work, project);
          const bool is_person = change.kind == GraphChange::Kind::kPersonErased;
          if (is_person) {
            work.exec_params(
                "INSERT INTO broker.erased_persons (project, person, erased_at) "
                "VALUES ($1, $2, to_timestamp($3::bigint / 1e6)) ON CONFLICT DO NOTHING",
                project, change.person, ToMicros(clock_.Now()));
          }
          for (const char* table : {"sessions", "web_tokens"}) {
            const pqxx::result gone =
                is_person ? work.exec_params(absl::StrCat("DELETE FROM broker.", table,
                                                          " WHERE person = $1 AND project = $2"),
                                             change.person, project)
                          : work.exec_params(absl::StrCat("DELETE FROM broker.", table,
                                                          " WHERE node = $1 AND project = $2"),
                                             change.node, project);
            deleted += static_cast<int>(gone.affected_rows());
          }
        }
        moves.Apply(work, project);
        return deleted;
      });
}

absl::Status PostgresLoginStore::ForgetOld(Deadline deadline) {
  return pool_.Transact("forget_old_logins", deadline, [&](pqxx::work& work) -> absl::Status {
    const int64_t now = ToMicros(clock_.Now());
    work.exec_params(
        "DELETE FROM broker.web_logins WHERE expires_at < to_timestamp($1::bigint / 1e6) - "
        "interval '1 hour'",
        now);
    work.exec_params(
        "DELETE FROM broker.web_tokens WHERE refresh_expires_at < to_timestamp($1::bigint / 1e6)",
        now);
    work.exec_params(
        "DELETE FROM broker.erased_persons WHERE erased_at < to_timestamp($1::bigint / 1e6)",
        ToMicros(clock_.Now() - kErasedRemembered));
    return absl::OkStatus();
  });
}

}  // namespace datong::broker
