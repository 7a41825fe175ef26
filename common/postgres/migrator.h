#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/secret.h"
#include "common/postgres/pool.h"
#include "common/time/deadline.h"

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
// (one lock on one connection). A step that waits longer than `lock_timeout` for a table that the
// running services hold fails. A failed step leaves the steps before it applied and its own undone.
// Errors: UNAVAILABLE/DATABASE_UNAVAILABLE; FAILED_PRECONDITION/MIGRATION_FAILED (names the file
// and the cause), FAILED_PRECONDITION/SCHEMA_TOO_NEW.
absl::StatusOr<MigrationReport> Migrate(const Secret& dsn,
                                        const std::vector<SchemaMigrations>& schemas,
                                        absl::Duration lock_timeout = absl::Seconds(10));

// OK when the schema is at `newest` or one step behind it, as the newest and the previous release
// leave it. For readiness.
// Errors: FAILED_PRECONDITION/SCHEMA_MISSING, /SCHEMA_TOO_OLD (run `datong migrate`),
// /SCHEMA_TOO_NEW; those of Pool::Transact.
absl::Status CheckSchemaVersion(Pool& pool, const std::string& schema, int newest,
                                Deadline deadline = Deadline::After(absl::Seconds(5)));
absl::Status CheckSchemaVersion(Pool& pool, const SchemaMigrations& schema);

}  // namespace datong::postgres
