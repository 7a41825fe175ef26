#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/secret.h"

namespace datong::postgres {

// One step of a schema, from services/<name>/migrations/NNNN_verb_object.sql. Never edited once
// landed. Runs in a transaction unless its first line is "-- no-transaction".
struct Migration {
  int number;
  const char* title;
  const char* sql;
};

// All migrations of the schema `schema`, lowest number first.
struct SchemaMigrations {
  std::string schema;
  std::vector<Migration> migrations;
};

// What Migrate did.
struct MigrationReport {
  struct Step {
    std::string schema;
    int number;
    std::string title;
  };
  std::vector<Step> applied;
};

// Brings every schema to its newest version; safe to run twice and by several processes at once
// (one lock on one connection). Sets lock and statement time-outs. A failed step leaves the steps
// before it applied and its own undone. Errors: UNAVAILABLE/DATABASE_UNAVAILABLE;
// FAILED_PRECONDITION/MIGRATION_FAILED (names the file and the cause),
// FAILED_PRECONDITION/SCHEMA_TOO_NEW.
absl::StatusOr<MigrationReport> Migrate(const Secret& dsn,
                                        const std::vector<SchemaMigrations>& schemas);

}  // namespace datong::postgres
