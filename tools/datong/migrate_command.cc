#include <iostream>
#include <memory>
#include <string>

#include "common/postgres/migrator.h"
#include "common/server/shared_settings.h"
#include "common/status/macros.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/commands.h"
#include "tools/datong/request_flags.h"

namespace datong::tools {
namespace {

absl::StatusOr<Secret> ReadSecret(const std::string& file) {
  if (file.empty()) return Secret();
  DATONG_ASSIGN_OR_RETURN(std::string text, TextOrFile("@" + file));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return Secret(std::move(text));
}

struct Arguments {
  std::string dsn_file;
  std::string password_file;
  std::string lock_timeout = "10s";
};

absl::StatusOr<postgres::MigrationReport> Migrate(const Secret& dsn,
                                                  const std::string& password_file,
                                                  absl::Duration lock_timeout) {
  DATONG_ASSIGN_OR_RETURN(const Secret password, ReadSecret(password_file));
  return postgres::Migrate(server::WithPassword(dsn, password), all_in_one::AllMigrations(),
                           lock_timeout);
}

int RunMigrate(const Arguments& arguments) {
  absl::Duration lock_timeout;
  if (!absl::ParseDuration(arguments.lock_timeout, &lock_timeout) ||
      lock_timeout < absl::Milliseconds(1) || lock_timeout > absl::Hours(1)) {
    std::cerr << "--lock-timeout takes a time from 1ms to 1h, as 10s, not \""
              << arguments.lock_timeout << "\"\n";
    return kExitUsage;
  }
  const absl::StatusOr<Secret> dsn = ReadSecret(arguments.dsn_file);
  if (!dsn.ok()) {
    std::cerr << std::string(dsn.status().message()) << "\n";
    return kExitUsage;
  }
  const absl::StatusOr<postgres::MigrationReport> report =
      Migrate(*dsn, arguments.password_file, lock_timeout);
  if (!report.ok()) {
    std::cerr << std::string(report.status().message()) << "\n";
    return kExitFailed;
  }
  for (const postgres::MigrationReport::Step& step : report->applied) {
    std::cout << step.schema << " " << step.number << " " << step.title << "\n";
  }
  std::cout << (report->applied.empty() ? "Every schema is up to date.\n" : "Done.\n");
  return kExitOk;
}

}  // namespace

void AddMigrateCommand(CLI::App& app, int& exit_code) {
  CLI::App* migrate = app.add_subcommand(
      "migrate", "Brings the schemas of all services to their newest version; safe to repeat");
  migrate->footer(
      "Example:\n"
      "  echo 'host=/run/postgresql user=datong dbname=datong' > /etc/datong/dsn\n"
      "  datong migrate --dsn-file /etc/datong/dsn\n"
      "Exit codes: 0 every schema is at its newest version, 1 a migration failed (and nothing of "
      "it "
      "stays), 2 wrong arguments.");
  auto arguments = std::make_shared<Arguments>();
  migrate
      ->add_option("--dsn-file,--database.dsn_file", arguments->dsn_file,
                   "File with the libpq connection string of the database")
      ->envname("DATONG_DATABASE_DSN_FILE")
      ->required();
  migrate
      ->add_option("--password-file,--database.password_file", arguments->password_file,
                   "File with the password, when the connection string holds none")
      ->envname("DATONG_DATABASE_PASSWORD_FILE");
  migrate
      ->add_option("--lock-timeout", arguments->lock_timeout,
                   "How long a step waits for a table that running services hold, then fails")
      ->capture_default_str();
  migrate->callback([arguments, &exit_code] { exit_code = RunMigrate(*arguments); });
}

}  // namespace datong::tools
