// What erasures take out of rosters and keep out of them.

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "services/datacube/store/postgres_store.h"
#include "services/datacube/store/values.h"

namespace datong::datacube {
namespace {

constexpr char kCursorSql[] = "SELECT cursor FROM datacube.erasure_feeds WHERE project = $1";
// Takes the lock.
constexpr char kSaveFeedSql[] = R"sql(
  INSERT INTO datacube.erasure_feeds AS held (project, project_number, cursor) VALUES ($1, $2, '')
  ON CONFLICT (project) DO UPDATE SET project_number = excluded.project_number)sql";
constexpr char kSaveCursorSql[] =
    "UPDATE datacube.erasure_feeds SET cursor = $2 WHERE project = $1";
constexpr char kKeepOutSql[] = R"sql(
  INSERT INTO datacube.erased_nodes AS held (project, node, erased_at)
  SELECT $1, node, max('epoch'::timestamptz + erased * interval '1 microsecond')
  FROM jsonb_to_recordset($2::jsonb) AS e (node bigint, erased bigint) GROUP BY node
  ON CONFLICT (project, node) DO UPDATE SET erased_at = greatest(held.erased_at, excluded.erased_at))sql";
constexpr char kFindFollowersSql[] = R"sql(
  SELECT coalesce(jsonb_agg(jsonb_build_object('appid', f.appid, 'openid', f.openid)), '[]')
  FROM datacube.followers f JOIN datacube.accounts a USING (appid)
  WHERE a.project = $1
    AND datacube.node_of($2::int, 'openid:' || f.appid || ':' || f.openid) IN (
      SELECT node FROM jsonb_to_recordset($3::jsonb) AS e (node bigint)))sql";
constexpr char kDeleteFollowersSql[] = R"sql(
  DELETE FROM datacube.followers f
  USING jsonb_to_recordset($1::jsonb) AS e (appid text, openid text)
  WHERE f.appid = e.appid AND f.openid = e.openid)sql";
// Of listings that are not at their end.
constexpr char kForgetListedSql[] = R"sql(
  UPDATE datacube.roster_pages p
  SET openids = p.openids - e.openids,
      first_openid = CASE WHEN p.first_openid = ANY(e.openids) THEN md5(random()::text)
                     ELSE p.first_openid END
  FROM (SELECT appid, array_agg(openid) AS openids
        FROM jsonb_to_recordset($1::jsonb) AS e (appid text, openid text) GROUP BY appid) AS e
  WHERE p.appid = e.appid)sql";
// A batch holds openids, evidence pairs of them and a unionid.
constexpr char kForgetWorkSql[] = R"sql(
  UPDATE datacube.pieces p
  SET payload = (SELECT coalesce(jsonb_agg(item), '[]') FROM jsonb_array_elements(p.payload) AS item
                 WHERE CASE jsonb_typeof(item) WHEN 'array' THEN item ->> 0 ELSE item #>> '{}' END
                       <> ALL (e.openids))
  FROM (SELECT appid, array_agg(openid) AS openids
        FROM jsonb_to_recordset($1::jsonb) AS e (appid text, openid text) GROUP BY appid) AS e
  WHERE p.appid = e.appid AND p.payload <> '[]')sql";
constexpr char kLockRosterSql[] =
    "SELECT project_number FROM datacube.erasure_feeds WHERE project = $1 FOR SHARE";
constexpr char kErasedSql[] = R"sql(
  SELECT node FROM datacube.erased_nodes
  WHERE project = $1 AND node IN (SELECT value::bigint FROM jsonb_array_elements_text($2::jsonb)))sql";
constexpr char kReadmitSql[] = R"sql(
  DELETE FROM datacube.erased_nodes WHERE project = $1 AND node IN (
    SELECT datacube.node_of(f.project_number, 'openid:' || $2::text || ':' || value)
    FROM datacube.erasure_feeds f, jsonb_array_elements_text($3::jsonb) WHERE f.project = $1))sql";

}  // namespace

std::set<std::string> ErasedAmong(pqxx::work& work, const AppKey& app,
                                  const std::vector<std::string>& openids) {
  std::set<std::string> erased;
  const pqxx::result feed = work.exec_params(kLockRosterSql, app.project);
  if (feed.empty()) return erased;
  std::map<int64_t, std::string> by_node;
  nlohmann::json nodes = nlohmann::json::array();
  for (const std::string& openid : openids) {
    const int64_t node =
        NodeOf(feed[0][0].as<int32_t>(), absl::StrCat("openid:", app.appid, ":", openid));
    by_node[node] = openid;
    nodes.push_back(node);
  }
  for (const pqxx::row& row : work.exec_params(kErasedSql, app.project, Dump(nodes))) {
    erased.insert(by_node[row[0].as<int64_t>()]);
  }
  return erased;
}

absl::StatusOr<std::string> PostgresStore::LoadErasureCursor(const std::string& project,
                                                             Deadline deadline) {
  return pool_.Query<std::string>("load_erasure_cursor", deadline,
                                  [&](pqxx::work& work) -> absl::StatusOr<std::string> {
                                    const pqxx::result rows = work.exec_params(kCursorSql, project);
                                    return rows.empty() ? std::string()
                                                        : rows[0][0].as<std::string>();
                                  },
                                  {.read_only = true});
}

absl::Status PostgresStore::Erase(const std::string& project, const ErasureFeed::Page& page,
                                  Deadline deadline) {
  nlohmann::json list = nlohmann::json::array();
  for (const ErasureFeed::Erased& erased : page.nodes) {
    list.push_back({{"node", erased.node}, {"erased", absl::ToUnixMicros(erased.time)}});
  }
  const std::string nodes = Dump(list);
  const absl::Status kept_out =
      pool_.Transact("keep_out_erased", deadline, [&](pqxx::work& work) -> absl::Status {
        work.exec_params0(kSaveFeedSql, project, page.project_number);
        work.exec_params0(kKeepOutSql, project, nodes);
        return absl::OkStatus();
      });
  if (!kept_out.ok()) return kept_out;
  // Apart, since it reads all rosters: longer than a writing transaction may last.
  const absl::StatusOr<std::string> followers = pool_.Query<std::string>(
      "find_erased_followers", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::string> {
        return work.exec_params1(kFindFollowersSql, project, page.project_number, nodes)[0]
            .as<std::string>();
      },
      {.read_only = true});
  if (!followers.ok()) return followers.status();
  return pool_.Transact("erase_followers", deadline, [&](pqxx::work& work) -> absl::Status {
    for (const char* statement : {kDeleteFollowersSql, kForgetListedSql, kForgetWorkSql}) {
      work.exec_params0(statement, *followers);
    }
    work.exec_params0(kSaveCursorSql, project, page.cursor);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<std::string>> PostgresStore::FindErased(
    const AppKey& app, const std::vector<std::string>& openids, Deadline deadline) {
  using Openids = std::vector<std::string>;
  return pool_.Query<Openids>(
      "find_erased", deadline, [&](pqxx::work& work) -> absl::StatusOr<Openids> {
        const std::set<std::string> erased = ErasedAmong(work, app, openids);
        return Openids(erased.begin(), erased.end());
      });
}

absl::Status PostgresStore::Readmit(const AppKey& app, const std::vector<std::string>& openids,
                                    Deadline deadline) {
  return pool_.Transact("readmit_followers", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params0(kReadmitSql, app.project, app.appid, JsonList(openids));
    return absl::OkStatus();
  });
}

}  // namespace datong::datacube
