#include "common/testing/test_database.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <pqxx/pqxx>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/postgres/private_cluster.h"

namespace datong {
namespace {

// A connection string for another database of the same server.
std::string WithDatabase(const std::string& dsn, const std::string& database) {
  return absl::StrCat(dsn, " dbname=", database);
}

// The server's connection string without a database.
const std::string& Server() {
  static const std::string dsn = [] {
    if (const char* given = ::getenv("TEST_POSTGRES_DSN"); given != nullptr && *given != '\0') {
      return std::string(given);
    }
    char folder[] = "/tmp/dtg-test-XXXXXX";
    if (::mkdtemp(folder) == nullptr) throw std::runtime_error("no temporary folder in /tmp");
    auto started = postgres::PrivateCluster::Start(
        {.folder = folder, .fsync = false, .max_connections = 50, .temporary = true});
    if (!started.ok()) throw std::runtime_error(std::string(started.status().message()));
    // Lives until static objects die at the end of the process.
    static const std::unique_ptr<postgres::PrivateCluster> cluster = *std::move(started);
    return absl::StrCat("host=", cluster->socket_folder(), " user=datong");
  }();
  return dsn;
}

}  // namespace

TestDatabase::TestDatabase(const std::vector<postgres::SchemaMigrations>& schemas)
    : name_(absl::StrCat("test_", RandomHex(8))) {
  {
    pqxx::connection admin(WithDatabase(Server(), "postgres"));
    pqxx::nontransaction work(admin);
    work.exec0(absl::StrCat("CREATE DATABASE ", name_));
  }
  dsn_ = Secret(WithDatabase(Server(), name_));
  const auto report = postgres::Migrate(dsn_, schemas);
  if (!report.ok()) throw std::runtime_error(std::string(report.status().message()));
}

TestDatabase::~TestDatabase() {
  try {
    pqxx::connection admin(WithDatabase(Server(), "postgres"));
    pqxx::nontransaction work(admin);
    work.exec0(absl::StrCat("DROP DATABASE IF EXISTS ", name_, " WITH (FORCE)"));
  } catch (const std::exception&) {
    // The server went first: nothing is left to drop.
  }
}

std::unique_ptr<postgres::Pool> TestDatabase::MakePool(metrics::Registry& registry,
                                                       int max_connections) const {
  return std::make_unique<postgres::Pool>(
      postgres::PoolOptions{.dsn = dsn_, .max_connections = max_connections}, registry);
}

void TestDatabase::Execute(const std::string& sql) const {
  pqxx::connection connection(dsn_.Expose());
  pqxx::nontransaction work(connection);
  work.exec(sql);
}

}  // namespace datong
