#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/secret.h"
#include "common/metrics/registry.h"
#include "common/postgres/migrator.h"
#include "common/postgres/pool.h"

namespace datong {

// A fresh, migrated database for one test, dropped at its end. It lives on the server of the
// environment's TEST_POSTGRES_DSN ("host=… user=…", without dbname), else on a private one that
// this process starts once and that ends with it. Throws std::runtime_error when it cannot be made,
// which fails the test.
//
//   TestDatabase db({{"broker", broker::Migrations()}});
//   std::unique_ptr<postgres::Pool> pool = db.MakePool(registry);
class TestDatabase {
 public:
  explicit TestDatabase(const std::vector<postgres::SchemaMigrations>& schemas = {});
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const Secret& dsn() const { return dsn_; }
  std::unique_ptr<postgres::Pool> MakePool(metrics::Registry& registry,
                                           int max_connections = 4) const;
  // Runs statements outside of any pool. Throws what libpqxx throws.
  void Execute(const std::string& sql) const;

 private:
  std::string name_;
  Secret dsn_;
};

}  // namespace datong
