#include "services/broker/store/postgres_app_store.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "common/wechat/lenient_json.h"
#include "services/broker/core/errors.h"
#include "services/broker/store/rows.h"
#include "services/broker/store/token_notice.h"

namespace datong::broker {
namespace {

constexpr char kProjectColumns[] =
    "id, number, display_name, (extract(epoch FROM created_at) * 1000000)::bigint";
constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};

Project ReadProject(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<int32_t>(), row[2].as<std::string>(),
          FromMicros(row[3])};
}

}  // namespace

PostgresAppStore::PostgresAppStore(postgres::Pool& pool, const crypto::Envelope& envelope,
                                   const JobWriter& jobs, const Clock& clock)
    : pool_(pool),
      sealer_(envelope),
      jobs_(jobs),
      clock_(clock),
      feed_("broker.account_changes", "appid, (extract(epoch FROM changed_at) * 1000000)::bigint") {
}

absl::StatusOr<Project> PostgresAppStore::CreateProject(const Project& project, Deadline deadline) {
  return pool_.Query<Project>(
      "create_project", deadline, [&](pqxx::work& work) -> absl::StatusOr<Project> {
        const pqxx::result made = work.exec_params(
            absl::StrCat("INSERT INTO broker.projects (id, display_name, created_at) "
                         "VALUES ($1, $2, to_timestamp($3::bigint / 1e6)) "
                         "ON CONFLICT (id) DO NOTHING RETURNING ",
                         kProjectColumns),
            project.id, project.display_name, ToMicros(clock_.Now()));
        if (!made.empty()) {
          NewJob job;
          job.kind = JobKind::kAnnounceProject;
          job.key = project.id;
          job.project = project.id;
          DATONG_RETURN_IF_ERROR(jobs_.Write(work, job));
          return ReadProject(made[0]);
        }
        const pqxx::result held = work.exec_params(
            absl::StrCat("SELECT ", kProjectColumns, " FROM broker.projects WHERE id = $1"),
            project.id);
        if (held.empty()) return absl::AbortedError("The project came and went; retry.");
        Project known = ReadProject(held[0]);
        if (known.display_name != project.display_name) {
          return BrokerError(
              absl::StatusCode::kAlreadyExists, "PROJECT_EXISTS",
              absl::StrCat("There is a project \"", project.id, "\" with another display name."),
              {{"project", project.id}});
        }
        return known;
      });
}

absl::StatusOr<Project> PostgresAppStore::GetProject(const std::string& id, Deadline deadline) {
  return pool_.Query<Project>(
      "get_project", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Project> {
        const pqxx::result rows = work.exec_params(
            absl::StrCat("SELECT ", kProjectColumns, " FROM broker.projects WHERE id = $1"), id);
        if (rows.empty()) return ProjectUnknown(id);
        return ReadProject(rows[0]);
      },
      kReadOnly);
}

absl::StatusOr<std::vector<Project>> PostgresAppStore::ListProjects(const std::string& after,
                                                                    int limit, Deadline deadline) {
  return pool_.Query<std::vector<Project>>(
      "list_projects", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<Project>> {
        std::vector<Project> projects;
        for (const pqxx::row& row : work.exec_params(
                 absl::StrCat("SELECT ", kProjectColumns,
                              " FROM broker.projects WHERE id > $1 ORDER BY id LIMIT $2"),
                 after, limit)) {
          projects.push_back(ReadProject(row));
        }
        return projects;
      },
      kReadOnly);
}

absl::Status PostgresAppStore::Announce(pqxx::work& work, const App& app) const {
  if (app.kind == AppKind::kWecomSuite || app.kind == AppKind::kWecomProvider) {
    return absl::OkStatus();  // their corps are announced; tickets come by themselves
  }
  NewJob job;
  job.kind = app.kind == AppKind::kComponent ? JobKind::kStartTickets : JobKind::kAnnounceApp;
  job.key = app.appid;
  job.project = app.project;
  job.appid = app.appid;
  if (IsAccount(app.kind)) {
    TellAccountFeed(work, app.project, app.appid, clock_.Now());
  }
  return jobs_.Write(work, job);
}

absl::StatusOr<App> PostgresAppStore::CreateApp(const App& app, const Credentials& credentials,
                                                Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string sealed, SealCredentials(app.appid, credentials));
  return pool_.Query<App>("create_app", deadline, [&](pqxx::work& work) -> absl::StatusOr<App> {
    if (work.exec_params("SELECT 1 FROM broker.projects WHERE id = $1", app.project).empty()) {
      return ProjectUnknown(app.project);
    }
    const pqxx::result made = work.exec_params(
        "INSERT INTO broker.apps (appid, project, kind, display_name, open_platform_account, "
        "component, state, credentials, created_at, classic_token, js_domains, "
        "corpid, agentid) "
        "VALUES ($1, $2, $3, $4, $5, '', 1, $6, to_timestamp($7::bigint / 1e6), $8, $9, $10, $11) "
        "ON CONFLICT (appid) DO NOTHING RETURNING 1",
        app.appid, app.project, static_cast<int>(app.kind), app.display_name,
        app.open_platform_account, pqxx::binarystring(sealed), ToMicros(clock_.Now()),
        app.classic_token, absl::StrJoin(app.js_domains, " "), app.corpid, app.agentid);
    const std::optional<App> held = FindApp(work, app.appid);
    if (!held.has_value()) return absl::AbortedError("The app came and went; retry.");
    if (held->project != app.project || held->kind != app.kind) return AppExists(app.appid);
    if (!made.empty()) DATONG_RETURN_IF_ERROR(Announce(work, *held));
    return *held;
  });
}

absl::StatusOr<App> PostgresAppStore::GetApp(const std::string& appid, Deadline deadline) {
  return pool_.Query<App>(
      "get_app", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<App> {
        std::optional<App> app = FindApp(work, appid);
        if (!app.has_value()) return AppUnknown(appid);
        return *std::move(app);
      },
      kReadOnly);
}

absl::StatusOr<std::vector<App>> PostgresAppStore::ListApps(const std::string& project,
                                                            const std::string& after, int limit,
                                                            Deadline deadline) {
  return pool_.Query<std::vector<App>>(
      "list_apps", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<App>> {
        std::vector<App> apps;
        for (const pqxx::row& row : work.exec_params(
                 absl::StrCat("SELECT ", kAppColumns,
                              " FROM broker.apps a WHERE a.project = $1 AND a.appid > $2 "
                              "ORDER BY a.appid LIMIT $3"),
                 project, after, limit)) {
          apps.push_back(ReadApp(row));
        }
        return apps;
      },
      kReadOnly);
}

absl::StatusOr<App> PostgresAppStore::UpdateApp(const std::string& appid, const AppChange& change,
                                                Deadline deadline) {
  return pool_.Query<App>("update_app", deadline, [&](pqxx::work& work) -> absl::StatusOr<App> {
    const pqxx::result rows = work.exec_params(
        "SELECT display_name, open_platform_account, credentials, classic_token, js_domains "
        "FROM broker.apps WHERE appid = $1 FOR UPDATE",
        appid);
    if (rows.empty()) return AppUnknown(appid);
    work.exec_params(
        "UPDATE broker.apps SET display_name = $2, open_platform_account = $3, "
        "classic_token = $4, js_domains = $5 WHERE appid = $1",
        appid, change.display_name.value_or(rows[0][0].as<std::string>()),
        change.open_platform_account.value_or(rows[0][1].as<std::string>()),
        change.classic_token.value_or(rows[0][3].as<bool>()),
        change.js_domains.has_value() ? absl::StrJoin(*change.js_domains, " ")
                                      : rows[0][4].as<std::string>());
    const std::optional<Credentials>& credentials = change.credentials;
    if (credentials.has_value()) {
      DATONG_ASSIGN_OR_RETURN(Credentials merged, OpenCredentials(appid, rows[0][2]));
      if (!credentials->app_secret.empty()) merged.app_secret = credentials->app_secret;
      const CallbackKey held = merged.callback;
      if (!credentials->callback.token.empty()) merged.callback.token = credentials->callback.token;
      if (!credentials->callback.aes_key.empty()) {
        merged.callback.aes_key = credentials->callback.aes_key;
      }
      const bool changed =
          !(merged.callback.token == held.token) || !(merged.callback.aes_key == held.aes_key);
      if (changed && !held.token.empty()) merged.previous_callback = held;
      DATONG_ASSIGN_OR_RETURN(std::string sealed, SealCredentials(appid, merged));
      // New credentials deserve a new try.
      work.exec_params(
          "UPDATE broker.apps SET credentials = $2, "
          "state = CASE state WHEN 4 THEN 1 ELSE state END, "
          "state_detail = CASE state WHEN 4 THEN '' ELSE state_detail END WHERE appid = $1",
          appid, pqxx::binarystring(sealed));
      TellReplicas(work, appid);
    }
    const std::optional<App> app = FindApp(work, appid);
    DATONG_RETURN_IF_ERROR(Announce(work, *app));
    return *app;
  });
}

absl::Status PostgresAppStore::SetState(const std::string& appid, AppState state,
                                        const std::string& detail, Deadline deadline) {
  return pool_.Transact("set_app_state", deadline, [&](pqxx::work& work) -> absl::Status {
    const pqxx::result rows = work.exec_params(
        "UPDATE broker.apps SET state = $2, state_detail = $3 "
        "WHERE appid = $1 AND (state <> $2 OR state_detail <> $3) RETURNING project, kind",
        appid, static_cast<int>(state), detail);
    if (rows.empty()) return absl::OkStatus();
    if (state == AppState::kActive) TellReplicas(work, appid);
    const auto kind = static_cast<AppKind>(rows[0][1].as<int>());
    if (IsAccount(kind)) {
      TellAccountFeed(work, rows[0][0].as<std::string>(), appid, clock_.Now());
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Credentials> PostgresAppStore::GetCredentials(const std::string& appid,
                                                             Deadline deadline) {
  return pool_.Query<Credentials>(
      "get_credentials", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<Credentials> {
        const pqxx::result rows =
            work.exec_params("SELECT credentials FROM broker.apps WHERE appid = $1", appid);
        if (rows.empty()) return AppUnknown(appid);
        return OpenCredentials(appid, rows[0][0]);
      },
      kReadOnly);
}

absl::StatusOr<std::string> PostgresAppStore::SealCredentials(
    const std::string& appid, const Credentials& credentials) const {
  const nlohmann::json json = {
      {"app_secret", credentials.app_secret.Expose()},
      {"callback_token", credentials.callback.token.Expose()},
      {"callback_key", credentials.callback.aes_key.Expose()},
      {"previous_callback_token", credentials.previous_callback.token.Expose()},
      {"previous_callback_key", credentials.previous_callback.aes_key.Expose()}};
  return sealer_.Seal(Secret(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)),
                      "apps.credentials", appid);
}

absl::StatusOr<Credentials> PostgresAppStore::OpenCredentials(const std::string& appid,
                                                              const pqxx::field& sealed) const {
  DATONG_ASSIGN_OR_RETURN(Secret opened, sealer_.Open(sealed, "apps.credentials", appid));
  Credentials credentials;
  if (opened.empty()) return credentials;
  const std::optional<nlohmann::json> json = wechat::ParseLenientJson(opened.Expose());
  if (!json.has_value()) return absl::DataLossError("Sealed credentials are no JSON.");
  const auto read = [&](const char* name) { return Secret(wechat::TextField(*json, name)); };
  credentials.app_secret = read("app_secret");
  credentials.callback = {read("callback_token"), read("callback_key")};
  credentials.previous_callback = {read("previous_callback_token"), read("previous_callback_key")};
  return credentials;
}

absl::StatusOr<AccountFeedPage> PostgresAppStore::ReadFeed(const std::string& project,
                                                           const std::string& cursor, int limit,
                                                           Deadline deadline) {
  return pool_.Query<AccountFeedPage>(
      "read_account_feed", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<AccountFeedPage> {
        absl::StatusOr<postgres::OutboxPage> page =
            feed_.Read(work, cursor, limit, absl::StrCat("project = ", work.quote(project)));
        if (!page.ok()) {
          return BrokerError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID",
                             "The page token is not of this feed, or of a database that was "
                             "restored since; start without one.");
        }
        AccountFeedPage result;
        result.next_cursor = page->next_cursor;
        result.caught_up = !page->full;
        std::set<std::string> seen;  // the state is that of now: once a page is enough
        for (const pqxx::row& row : page->rows) {
          const auto appid = row[2].as<std::string>();
          if (!seen.insert(appid).second) continue;
          std::optional<App> app = FindApp(work, appid);
          if (!app.has_value()) continue;
          result.entries.push_back(
              {*std::move(app), FindAuthorization(work, appid), FromMicros(row[3])});
        }
        return result;
      },
      kReadOnly);
}

}  // namespace datong::broker
