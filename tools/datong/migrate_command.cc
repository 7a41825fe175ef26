#include <iostream>
#include <memory>

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

absl::StatusOr<postgres::MigrationReport> Migrate(const Secret& dsn,
                                                  const std::string& password_file) {
  DATONG_ASSIGN_OR_RETURN(const Secret password, ReadSecret(password_file));
  return postgres::Migrate(server::WithPassword(dsn, password), all_in_one::AllMigrations());
}

int RunMigrate(const std::string& dsn_file, const std::string& password_file) {
  const absl::StatusOr<Secret> dsn = ReadSecret(dsn_file);
  if (!dsn.ok()) {
    std::cerr << std::string(dsn.status().message()) << "\n";
    return kExitUsage;
  }
  const absl::StatusOr<postgres::MigrationReport> report = Migrate(*dsn, password_file);
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
  auto dsn_file = std::make_shared<std::string>();
  migrate
      ->add_option("--dsn-file,--database.dsn_file", *dsn_file,
                   "File with the libpq connection string of the database")
      ->envname("DATONG_DATABASE_DSN_FILE")
      ->required();
  auto password_file = std::make_shared<std::string>();
  migrate
      ->add_option("--password-file,--database.password_file", *password_file,
                   "File with the password, when the connection string holds none")
      ->envname("DATONG_DATABASE_PASSWORD_FILE");
  migrate->callback(
      [dsn_file, password_file, &exit_code] { exit_code = RunMigrate(*dsn_file, *password_file); });
}

}  // namespace datong::tools
