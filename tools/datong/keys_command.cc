#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/envelope.h"
#include "common/crypto/key_folder.h"
#include "common/metrics/registry.h"
#include "common/postgres/pool.h"
#include "common/server/shared_settings.h"
#include "common/status/macros.h"
#include "services/broker/store/rewrapper.h"
#include "tools/datong/commands.h"
#include "tools/datong/request_flags.h"

namespace datong::tools {
namespace {

struct Arguments {
  std::string folder = "/etc/datong/keys";
  std::string id;
  std::string dsn_file;
  std::string password_file;
};

absl::StatusOr<Secret> ReadSecret(const std::string& file) {
  if (file.empty()) return Secret();
  DATONG_ASSIGN_OR_RETURN(std::string text, TextOrFile("@" + file));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return Secret(std::move(text));
}

// The keys of the folder and the database whose values they seal.
struct Vault {
  metrics::Registry registry;
  std::unique_ptr<crypto::Envelope> envelope;
  std::unique_ptr<postgres::Pool> pool;
};

absl::Status Open(const Arguments& arguments, Vault& vault) {
  DATONG_ASSIGN_OR_RETURN(crypto::KeyRing keys, crypto::KeyRing::Load(arguments.folder));
  vault.envelope = std::make_unique<crypto::Envelope>(std::move(keys));
  DATONG_ASSIGN_OR_RETURN(const Secret dsn, ReadSecret(arguments.dsn_file));
  DATONG_ASSIGN_OR_RETURN(const Secret password, ReadSecret(arguments.password_file));
  vault.pool = std::make_unique<postgres::Pool>(
      postgres::PoolOptions{.dsn = server::WithPassword(dsn, password), .max_connections = 2},
      vault.registry);
  return absl::OkStatus();
}

absl::Status Status(const Arguments& arguments) {
  Vault vault;
  DATONG_RETURN_IF_ERROR(Open(arguments, vault));
  DATONG_ASSIGN_OR_RETURN(auto counts, broker::Rewrapper(*vault.pool, *vault.envelope)
                                           .CountByKey(Deadline::After(absl::Minutes(5))));
  const auto keys = vault.envelope->keys();
  for (const std::string& id : keys->ids()) {
    const int64_t count = counts[id];
    const bool is_active = id == keys->active_id();
    std::cout << id << "\t" << count << " values\t"
              << (is_active    ? "active"
                  : count == 0 ? "may be removed from the folder"
                               : "needed until `datong keys rewrap`")
              << "\n";
    counts.erase(id);
  }
  for (const auto& [id, count] : counts) {
    std::cout << id << "\t" << count << " values\tMISSING in the folder: nobody can read them\n";
  }
  return counts.empty() ? absl::OkStatus()
                        : absl::FailedPreconditionError("Keys are missing in the folder.");
}

absl::Status Rewrap(const Arguments& arguments) {
  Vault vault;
  DATONG_RETURN_IF_ERROR(Open(arguments, vault));
  absl::Time told = absl::Now();
  DATONG_ASSIGN_OR_RETURN(const broker::Rewrapper::Progress progress,
                          broker::Rewrapper(*vault.pool, *vault.envelope)
                              .Run([&told](const broker::Rewrapper::Progress& so_far) {
                                if (absl::Now() - told > absl::Seconds(5)) {
                                  told = absl::Now();
                                  std::cout << so_far.rewrapped << " so far" << std::endl;
                                }
                                return true;
                              }));
  std::cout << progress.rewrapped << " values sealed anew with key \""
            << vault.envelope->keys()->active_id() << "\"\n";
  if (progress.unreadable == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(progress.unreadable,
                   " values cannot be read with the keys of this folder and stay as they "
                   "are; see `datong keys status`."));
}

void AddDatabaseOptions(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--dsn-file", arguments.dsn_file,
                  "File with the libpq connection string of the database")
      ->envname("DATONG_DATABASE_DSN_FILE")
      ->required();
  command
      .add_option("--password-file", arguments.password_file,
                  "File with the password, when the connection string holds none")
      ->envname("DATONG_DATABASE_PASSWORD_FILE");
}

}  // namespace

void AddKeysCommand(CLI::App& app, int& exit_code) {
  CLI::App* keys = app.add_subcommand(
      "keys", "Looks after the key-encryption keys: adds and activates them, and seals anew");
  keys->require_subcommand(1);
  keys->footer(
      "To replace a key: add, activate, wait 10 s (running services follow within 2), rewrap, and "
      "remove the old key's\nfile once `status` says that it may go. Rewrap runs beside the "
      "services and may be cut off and run again.");
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* help,
                       absl::Status (*run)(const Arguments&)) -> CLI::App* {
    CLI::App* command = keys->add_subcommand(name, help);
    command->add_option("--folder", arguments->folder, "The folder of keys.folder")
        ->envname("DATONG_KEYS_FOLDER")
        ->capture_default_str();
    command->callback([arguments, run, &exit_code] {
      const absl::Status status = run(*arguments);
      if (!status.ok()) std::cerr << std::string(status.message()) << "\n";
      exit_code = status.ok() ? kExitOk : kExitFailed;
    });
    return command;
  };
  const char* id_help = "The key's name, for example 2027-01";
  add("add", "Makes a new random key",
      [](const Arguments& a) { return crypto::AddKey(a.folder, a.id); })
      ->add_option("--id", arguments->id, id_help)
      ->required();
  add("activate", "Seals new values with this key from now on",
      [](const Arguments& a) { return crypto::ActivateKey(a.folder, a.id); })
      ->add_option("--id", arguments->id, id_help)
      ->required();
  AddDatabaseOptions(*add("rewrap", "Seals what older keys seal with the active one", &Rewrap),
                     *arguments);
  AddDatabaseOptions(*add("status", "Tells how many values each key seals", &Status), *arguments);
}

}  // namespace datong::tools
