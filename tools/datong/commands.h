#pragma once

#include <CLI/CLI.hpp>

namespace datong::tools {

// Exit codes of the program: kExitOk, kExitFailed (what was asked is not so, or cannot be done),
// kExitUsage (wrong arguments), and for an RPC that failed 10 + its gRPC code (15: NOT_FOUND,
// 24: UNAVAILABLE).
constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitRpc = 10;

// Each adds a sub-command (or several) to the program; the one that runs sets `exit_code`.
void AddApiCommands(CLI::App& app, int& exit_code);
void AddApiKeyCommand(CLI::App& app, int& exit_code);
void AddCallbackCommand(CLI::App& app, int& exit_code);
void AddDevCommand(CLI::App& app, int& exit_code);
void AddHealthCommand(CLI::App& app, int& exit_code);
void AddKeysCommand(CLI::App& app, int& exit_code);
void AddMigrateCommand(CLI::App& app, int& exit_code);
void AddReadinessCommand(CLI::App& app, int& exit_code);
// Below `identity`, so after AddApiCommands.
void AddReplayCommand(CLI::App& app, int& exit_code);
void AddSelftestCommand(CLI::App& app, int& exit_code);
// tools/datong/demo/demo_command.cc
void AddDemoCommand(CLI::App& app, int& exit_code);

}  // namespace datong::tools
