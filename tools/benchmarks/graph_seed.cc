#include "tools/benchmarks/graph_seed.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/identity/core/evidence.h"
#include "tools/benchmarks/identity_house.h"

namespace datong::bench {
namespace {

constexpr int kProject = 1;
constexpr int kThreads = 2;
constexpr int64_t kPersonsAtOnce = 50'000;
constexpr int64_t kFirstSight = 1'700'000'000;
constexpr char kTables[] = "identity.nodes, identity.evidence, identity.persons, identity.changes";

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

class Connection {
 public:
  explicit Connection(const Secret& dsn) : connection_(PQconnectdb(dsn.Expose().c_str())) {}
  ~Connection() { PQfinish(connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Read(const std::string& sql) {
    const Result result = Ask(sql);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return Failure();
    std::vector<std::pair<std::string, std::string>> rows;
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      rows.emplace_back(PQgetvalue(result.get(), i, 0),
                        PQnfields(result.get()) > 1 ? PQgetvalue(result.get(), i, 1) : "");
    }
    return rows;
  }
  absl::Status Run(const std::string& sql) { return Read(sql).status(); }

  absl::Status Copy(const std::string& into, const std::string& rows) {
    const Result begin = Ask(absl::StrCat("COPY ", into, " FROM STDIN"));
    if (PQresultStatus(begin.get()) != PGRES_COPY_IN) return Failure();
    if (PQputCopyData(connection_, rows.data(), static_cast<int>(rows.size())) != 1 ||
        PQputCopyEnd(connection_, nullptr) != 1) {
      return Failure();
    }
    absl::Status status;
    while (PGresult* end = PQgetResult(connection_)) {
      if (PQresultStatus(end) != PGRES_COMMAND_OK) status = Failure();
      PQclear(end);
    }
    return status;
  }

 private:
  Result Ask(const std::string& sql) { return {PQexec(connection_, sql.c_str()), &PQclear}; }
  absl::Status Failure() const { return absl::InternalError(PQerrorMessage(connection_)); }

  PGconn* connection_;
};

// Where the seeds of one run stand in the graph.
struct Place {
  int64_t first_seed = 0;  // counts persons over all runs
  int64_t first_person = 0;
  int64_t version = 0;
};

// The rows of some persons, as COPY takes them.
struct Rows {
  std::string nodes, evidence, persons, changes;

  void Add(int64_t seed, int64_t person, int64_t version) {
    const int64_t time = kFirstSight + seed;
    const std::string value = absl::StrCat(":", OpaqueValue(0, static_cast<uint64_t>(seed)));
    const std::string login = absl::StrCat("login:main", value);
    const std::string openid = absl::StrCat("openid:wx1234567890abcdef", value);
    const std::string other = absl::StrCat("openid:wx234567890abcdef1", value);
    const std::string unionid = absl::StrCat("unionid:op1", value);
    struct Seen {
      const std::string& id;
      int64_t time;
      int64_t node;
    };
    std::array<Seen, kIdentifiersOfSeed> ids = {
        {{login, time + 2, 0}, {openid, time, 0}, {other, time + 1, 0}, {unionid, time, 0}}};
    for (Seen& seen : ids) seen.node = NodeOf(kProject, seen.id);
    const int64_t component =
        std::min_element(ids.begin(), ids.end(), [](const Seen& a, const Seen& b) {
          return a.node < b.node;
        })->node;
    for (const Seen& seen : ids) {
      absl::StrAppend(&nodes, kProject, "\t", seen.node, "\t", seen.id, "\t", component, "\t",
                      person, "\t", Instant(seen.time), "\n");
      absl::StrAppend(&changes, kProject, "\t", ++version, "\t1\t", seen.node, "\t", seen.id, "\t",
                      person, "\t0\t", Instant(time), "\n");
    }
    absl::StrAppend(&persons, kProject, "\t", person, "\t", Instant(time), "\n");
    AddEvidence("mp.code2session", ids[1].node, openid, unionid, time);
    AddEvidence("oauth.userinfo", ids[2].node, other, unionid, time + 1);
    AddEvidence("tenant.login", ids[0].node, login, openid, time + 2);
    AddEvidence("tenant.login", ids[0].node, login, other, time + 3);
  }

 private:
  static std::string Instant(int64_t seconds) {
    return absl::FormatTime("%Y-%m-%d %H:%M:%S+00", absl::FromUnixSeconds(seconds),
                            absl::UTCTimeZone());
  }
  void AddEvidence(const char* kind, int64_t node, const std::string& a, const std::string& b,
                   int64_t time) {
    identity::Evidence record;
    record.kind = kind;
    record.ids = {a, b};
    record.observed = absl::FromUnixSeconds(time);
    record.appid = "wx1234567890abcdef";
    record.request_id = "seed";
    absl::StrAppend(&evidence, kProject, "\t", node, "\t\\\\x",
                    BytesToHex(identity::EvidenceId(kProject, record)), "\t", kind, "\t{", a, ",",
                    b, "}\t", Instant(time), "\t", Instant(time), "\t", record.appid, "\t",
                    record.request_id, "\tbench\tf\t0\n");
  }
};

absl::Status CopyPersons(const Secret& dsn, const Place& place, int64_t from, int64_t until) {
  Connection connection(dsn);
  for (int64_t begin = from; begin < until; begin += kPersonsAtOnce) {
    Rows rows;
    for (int64_t i = begin; i < std::min(begin + kPersonsAtOnce, until); ++i) {
      rows.Add(place.first_seed + i, place.first_person + i,
               place.version + i * kIdentifiersOfSeed);
    }
    DATONG_RETURN_IF_ERROR(connection.Copy(
        "identity.nodes (project_number, node, identifier, component, person, first_observed)",
        rows.nodes));
    DATONG_RETURN_IF_ERROR(connection.Copy(
        "identity.evidence (project_number, node, evidence_id, kind, ids, observed_at, "
        "received_at, appid, request_id, obtained_by, snapshot, watermark)",
        rows.evidence));
    DATONG_RETURN_IF_ERROR(
        connection.Copy("identity.persons (project_number, person, created_at)", rows.persons));
    DATONG_RETURN_IF_ERROR(connection.Copy(
        "identity.changes (project_number, version, kind, node, identifier, person, "
        "previous_person, changed_at)",
        rows.changes));
  }
  return absl::OkStatus();
}

absl::Status CopyAll(const Secret& dsn, const Place& place, int64_t persons) {
  Mutex mutex;
  absl::Status first;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const absl::Status done =
          CopyPersons(dsn, place, persons * i / kThreads, persons * (i + 1) / kThreads);
      MutexLock lock(&mutex);
      first.Update(done);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return first;
}

// The statements that drop the tables' indexes, and those that make them again.
constexpr char kIndexes[] = R"sql(
  SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || conname,
         'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || conname || ' ' ||
           pg_get_constraintdef(oid)
  FROM pg_constraint WHERE contype = 'p' AND conrelid = ANY(string_to_array($0, ', ')::regclass[])
  UNION ALL
  SELECT 'DROP INDEX ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
  FROM pg_index WHERE NOT indisprimary AND indrelid = ANY(string_to_array($0, ', ')::regclass[]))sql";

}  // namespace

absl::Status SeedGraph(const Secret& dsn, int64_t seeded, int64_t identifiers) {
  const int64_t persons = (identifiers - seeded) / kIdentifiersOfSeed;
  std::cerr << "  copying " << identifiers - seeded << " identifiers …\n";
  Connection connection(dsn);
  DATONG_ASSIGN_OR_RETURN(
      const auto project,
      connection.Read(
          "SELECT version, next_person FROM identity.projects WHERE project_number = 1"));
  Place place;
  place.first_seed = seeded / kIdentifiersOfSeed;
  if (project.size() != 1 || !absl::SimpleAtoi(project[0].first, &place.version) ||
      !absl::SimpleAtoi(project[0].second, &place.first_person)) {
    return absl::InternalError("There is no project to seed.");
  }
  DATONG_ASSIGN_OR_RETURN(const auto indexes, connection.Read(absl::Substitute(
                                                  kIndexes, absl::StrCat("'", kTables, "'"))));
  for (const auto& [drop, make] : indexes) DATONG_RETURN_IF_ERROR(connection.Run(drop));
  DATONG_RETURN_IF_ERROR(CopyAll(dsn, place, persons));
  std::cerr << "  making the indexes …\n";
  DATONG_RETURN_IF_ERROR(connection.Run("SET maintenance_work_mem = '1GB'"));
  for (const auto& [drop, make] : indexes) DATONG_RETURN_IF_ERROR(connection.Run(make));
  DATONG_RETURN_IF_ERROR(connection.Run(absl::StrCat(
      "UPDATE identity.projects SET version = version + ", persons * kIdentifiersOfSeed,
      ", next_person = next_person + ", persons, " WHERE project_number = 1")));
  DATONG_RETURN_IF_ERROR(connection.Run(absl::StrCat("VACUUM (FREEZE, ANALYZE) ", kTables)));
  return connection.Run("CHECKPOINT");
}

}  // namespace datong::bench
