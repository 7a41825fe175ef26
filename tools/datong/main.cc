#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/datong/commands.h"

namespace {

// The deepest command that the arguments named.
const CLI::App& Reached(const CLI::App& app) {
  const std::vector<CLI::App*> named = app.get_subcommands();
  return named.empty() ? app : Reached(*named.front());
}

// "datong broker get-token"
std::string FullName(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name()
                           : absl::StrCat(FullName(*parent), " ", command.get_name());
}

// What is wrong with the arguments, in words that say what to type instead.
std::string WrongArguments(const CLI::App* app, const CLI::Error& error) {
  const CLI::App& command = Reached(*app);
  const std::string name = FullName(command);
  const std::vector<std::string> unknown = command.remaining();
  std::string text;
  if (command.get_require_subcommand_min() == 0) {
    text = unknown.empty() ? std::string(error.what())
                           : absl::StrCat("does not take ", absl::StrJoin(unknown, " "));
    return absl::StrCat(name, ": ", text, "\nSee: ", name, " --help\n");
  }
  std::vector<std::string> commands;
  for (const CLI::App* one : command.get_subcommands({})) {
    // Parts of a word find what they belong to: "token" finds get-token.
    if (unknown.empty() || absl::StrContains(one->get_name(), unknown.front())) {
      commands.push_back(one->get_name());
    }
  }
  text = unknown.empty() ? "say what to do"
                         : absl::StrCat("there is no command \"", unknown.front(), "\"");
  if (!commands.empty()) {
    absl::StrAppend(&text, unknown.empty() ? ": " : "; there is ", absl::StrJoin(commands, ", "));
  }
  return absl::StrCat(name, ": ", text, "\nSee: ", name, " --help\n");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "The command line of Datong: runs it for development, looks after its database, checks "
      "callbacks, and reaches every RPC.");
  app.name("datong");
  app.require_subcommand(1);
  app.failure_message(WrongArguments);
  int exit_code = datong::tools::kExitOk;
  datong::tools::AddDevCommand(app, exit_code);
#ifdef DATONG_WITH_DEMO
  datong::tools::AddDemoCommand(app, exit_code);
#endif
  datong::tools::AddMigrateCommand(app, exit_code);
  datong::tools::AddReadinessCommand(app, exit_code);
  datong::tools::AddHealthCommand(app, exit_code);
  datong::tools::AddSelftestCommand(app, exit_code);
  datong::tools::AddCallbackCommand(app, exit_code);
  datong::tools::AddKeysCommand(app, exit_code);
  datong::tools::AddApiKeyCommand(app, exit_code);
  datong::tools::AddApiCommands(app, exit_code);
  datong::tools::AddReplayCommand(app, exit_code);
  // After the commands are made, since they would inherit it.
  app.footer(
      "Begin with:\n"
      "  datong demo                  everything at once, and a report\n"
      "  datong dev --grpc-port 9000  a suite to try things on\n"
      "  datong broker --help         the RPCs of broker; a command's --help documents the RPC\n\n"
      "RPCs go to --address, else to DATONG_ADDRESS, else to 127.0.0.1:9000, with the API key in\n"
      "the file that DATONG_API_KEY_FILE names, else that of `datong dev` in ./.datong.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong arguments, 10 + gRPC code when an RPC failed (13:\n"
      "INVALID_ARGUMENT, 15: NOT_FOUND, 24: UNAVAILABLE).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = app.exit(error) == 0;
    return is_help ? datong::tools::kExitOk : datong::tools::kExitUsage;
  }
  return exit_code;
}
