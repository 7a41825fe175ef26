#include <unistd.h>

#include "tools/datong/commands.h"

int main(int argc, char** argv) {
  CLI::App app(
      "The command line of Datong: runs it for development, looks after its database, checks "
      "callbacks, and reaches every RPC.");
  app.name("datong");
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong arguments, 10 + gRPC code when an RPC failed (15: "
      "NOT_FOUND, 24: UNAVAILABLE).\nRPCs go to --address, else to DATONG_ADDRESS, else to "
      "127.0.0.1:9000.");
  int exit_code = datong::tools::kExitOk;
  datong::tools::AddDevCommand(app, exit_code);
#ifdef DATONG_WITH_DEMO
  datong::tools::AddDemoCommand(app, exit_code);
#endif
  datong::tools::AddMigrateCommand(app, exit_code);
  datong::tools::AddSelftestCommand(app, exit_code);
  datong::tools::AddCallbackCommand(app, exit_code);
  datong::tools::AddApiCommands(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = app.exit(error) == 0;
    return is_help ? datong::tools::kExitOk : datong::tools::kExitUsage;
  }
  return exit_code;
}
