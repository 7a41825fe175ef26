#include <iostream>
#include <memory>

#include "common/postgres/migrator.h"
#include "services/all_in_one/modules.h"
#include "tools/datong/commands.h"
#include "tools/datong/request_flags.h"

namespace datong::tools {
namespace {

int Migrate(const std::string& dsn_file) {
  absl::StatusOr<std::string> dsn = TextOrFile("@" + dsn_file);
  if (!dsn.ok()) {
    std::cerr << std::string(dsn.status().message()) << "\n";
    return kExitUsage;
  }
  while (!dsn->empty() && (dsn->back() == '\n' || dsn->back() == '\r')) dsn->pop_back();
  const absl::StatusOr<postgres::MigrationReport> report =
      postgres::Migrate(Secret(*std::move(dsn)), all_in_one::AllMigrations());
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
  migrate->callback([dsn_file, &exit_code] { exit_code = Migrate(*dsn_file); });
}

}  // namespace datong::tools
