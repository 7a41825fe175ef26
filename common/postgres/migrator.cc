#include "common/postgres/migrator.h"

#include <openssl/sha.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/strings.h"
#include "common/postgres/connection.h"
#include "common/postgres/errors.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::postgres {
namespace {

constexpr char kDomain[] = "postgres.datong";
// One lock for all of Datong's migrations in a database: "datong" as a number.
constexpr char kLockSql[] = "SELECT pg_advisory_lock(110386840825703)";

std::string Sha256Hex(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return BytesToHex({reinterpret_cast<const char*>(digest), sizeof digest});
}

std::string FileName(const Migration& migration) {
  return absl::StrFormat("%04d_%s.sql", migration.number, migration.title);
}

absl::Status MigrationFailed(const std::string& schema, const Migration& migration,
                             absl::string_view cause) {
  cause = absl::StripTrailingAsciiWhitespace(cause);
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("Migration ", FileName(migration), " of schema ", schema, " failed: ", cause),
      {kDomain,
       "MIGRATION_FAILED",
       {{"schema", schema}, {"file", FileName(migration)}, {"cause", std::string(cause)}}});
}

absl::Status SchemaTooNew(const std::string& schema, int found, int newest) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("Schema ", schema, " is at version ", found,
                   ", but this program knows versions up to ", newest,
                   " only; use a newer program."),
      {kDomain,
       "SCHEMA_TOO_NEW",
       {{"schema", schema}, {"found", absl::StrCat(found)}, {"newest", absl::StrCat(newest)}}});
}

struct Applied {
  std::string sha256;
};

std::map<int, Applied> ReadApplied(pqxx::connection_base& connection, const std::string& schema) {
  pqxx::work work(connection);
  work.exec0(absl::StrCat("CREATE SCHEMA IF NOT EXISTS ", work.quote_name(schema)));
  work.exec0(absl::StrCat("CREATE TABLE IF NOT EXISTS ", work.quote_name(schema),
                          ".schema_migrations (number int PRIMARY KEY, title text NOT NULL, "
                          "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"));
  std::map<int, Applied> applied;
  for (const pqxx::row& row : work.exec(absl::StrCat(
           "SELECT number, sha256 FROM ", work.quote_name(schema), ".schema_migrations"))) {
    applied[row[0].as<int>()] = {row[1].as<std::string>()};
  }
  work.commit();
  return applied;
}

// Throws what libpqxx throws.
void Apply(pqxx::connection_base& connection, const std::string& schema,
           const Migration& migration) {
  const std::string record = absl::StrCat(
      "INSERT INTO ", connection.quote_name(schema),
      ".schema_migrations (number, title, sha256) VALUES (", migration.number, ", ",
      connection.quote(std::string(migration.title)), ", '", Sha256Hex(migration.sql), "')");
  if (absl::StartsWith(migration.sql, "-- no-transaction")) {
    pqxx::nontransaction work(connection);
    work.exec(migration.sql);
    work.exec(record);
    return;
  }
  pqxx::work work(connection);
  work.exec(migration.sql);
  work.exec(record);
  work.commit();
}

absl::Status MigrateSchema(pqxx::connection_base& connection, const SchemaMigrations& schema,
                           MigrationReport& report) {
  const std::map<int, Applied> applied = ReadApplied(connection, schema.schema);
  const int newest = schema.migrations.empty() ? 0 : schema.migrations.back().number;
  if (!applied.empty() && applied.rbegin()->first > newest) {
    return SchemaTooNew(schema.schema, applied.rbegin()->first, newest);
  }
  for (const Migration& migration : schema.migrations) {
    const auto it = applied.find(migration.number);
    if (it != applied.end()) {
      if (it->second.sha256 != Sha256Hex(migration.sql)) {
        return MigrationFailed(schema.schema, migration,
                               "it was applied with another text; landed files are never edited");
      }
      continue;
    }
    try {
      Apply(connection, schema.schema, migration);
    } catch (...) {
      const absl::Status status = StatusFromException();
      if (absl::IsUnavailable(status)) return status;
      return MigrationFailed(schema.schema, migration, status.message());
    }
    report.applied.push_back({schema.schema, migration.number, migration.title});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MigrationReport> Migrate(const Secret& dsn,
                                        const std::vector<SchemaMigrations>& schemas,
                                        absl::Duration lock_timeout) {
  try {
    Connection connection(dsn, Deadline::After(absl::Seconds(10)));
    pqxx::quiet_errorhandler quiet(connection);
    {
      pqxx::nontransaction work(connection);
      work.exec("SET statement_timeout = '10min'; SET client_min_messages = 'warning'");
      // Held until the connection ends, also when this process dies.
      work.exec(kLockSql);
      work.exec(absl::StrCat("SET lock_timeout = ", absl::ToInt64Milliseconds(lock_timeout),
                             "; SET statement_timeout = '30min'"));
    }
    MigrationReport report;
    for (const SchemaMigrations& schema : schemas) {
      DATONG_RETURN_IF_ERROR(MigrateSchema(connection, schema, report));
    }
    return report;
  } catch (...) {
    return StatusFromException();
  }
}

absl::Status CheckSchemaVersion(Pool& pool, const std::string& schema, int newest,
                                Deadline deadline) {
  return pool.Transact(
      "check_schema", deadline,
      [&](pqxx::work& work) -> absl::Status {
        const std::string table = absl::StrCat(work.quote_name(schema), ".schema_migrations");
        int found = 0;
        if (!work.exec_params1("SELECT to_regclass($1)", table)[0].is_null()) {
          found =
              work.exec1(absl::StrCat("SELECT coalesce(max(number), 0) FROM ", table))[0].as<int>();
        }
        if (found > newest) return SchemaTooNew(schema, found, newest);
        if (found > 0 && found >= newest - 1) return absl::OkStatus();
        return MakeError(
            absl::StatusCode::kFailedPrecondition,
            found == 0
                ? absl::StrCat("The database has no schema ", schema, "; run `datong migrate`.")
                : absl::StrCat("Schema ", schema, " is at version ", found, " and needs ", newest,
                               "; run `datong migrate`."),
            {kDomain,
             found == 0 ? "SCHEMA_MISSING" : "SCHEMA_TOO_OLD",
             {{"schema", schema},
              {"found", absl::StrCat(found)},
              {"newest", absl::StrCat(newest)}}});
      },
      {.read_only = true});
}

absl::Status CheckSchemaVersion(Pool& pool, const SchemaMigrations& schema) {
  return CheckSchemaVersion(pool, schema.schema,
                            schema.migrations.empty() ? 0 : schema.migrations.back().number);
}

}  // namespace datong::postgres
