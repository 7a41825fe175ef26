#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/secret.h"

namespace datong::config {

// Where settings come from, later ones win: defaults, TOML file, environment, flags.
struct Sources {
  std::string toml_file;                           // "" for none
  std::map<std::string, std::string> environment;  // names with DATONG_ only
  std::map<std::string, std::string> flags;        // "database.max_connections" → "10"
};

// The variables of this process's environment whose names begin with DATONG_.
std::map<std::string, std::string> DatongEnvironment();

// The settings of one process. A service reads each of its keys once, in FromSettings, with type,
// default and range; faults are collected, so that all are reported together by Finish().
// Keys are dotted paths in lower case: "broker.refresh_ahead". In the environment, '.' and '-'
// become
// '_', upper case, behind DATONG_: DATONG_BROKER_REFRESH_AHEAD. Not thread-safe.
class Settings {
 public:
  // Errors: INVALID_ARGUMENT when the file cannot be read or is no TOML.
  static absl::StatusOr<Settings> Load(const Sources& sources);
  Settings(Settings&&) noexcept;
  Settings& operator=(Settings&&) noexcept;
  ~Settings();

  // Each records the key as known. `help` is one line for --help.
  std::string String(const std::string& key, const std::string& fallback, const std::string& help);
  int64_t Int(const std::string& key, int64_t fallback, int64_t least, int64_t most,
              const std::string& help);
  double Double(const std::string& key, double fallback, double least, double most,
                const std::string& help);
  bool Bool(const std::string& key, bool fallback, const std::string& help);
  // "90s", "5m", "1h30m".
  absl::Duration Duration(const std::string& key, absl::Duration fallback, absl::Duration least,
                          absl::Duration most, const std::string& help);
  // A TOML array of strings, or comma-separated in environment and flags.
  std::vector<std::string> StringList(const std::string& key,
                                      const std::vector<std::string>& fallback,
                                      const std::string& help);
  // Every key one level below `prefix`, for names that only the operator knows:
  // "peers" takes peers.identity and peers.ingest.
  std::map<std::string, std::string> StringMap(const std::string& prefix, const std::string& help);
  // The content (without closing line break) of the file that `key`_file names; empty when unset.
  // The value itself can be set nowhere but in that file.
  Secret SecretFromFile(const std::string& key, const std::string& help);

  // Adds a fault found by a service's own checks ("broker.a must be below broker.b").
  void AddFault(const std::string& key, const std::string& problem);
  // OK, or INVALID_ARGUMENT/SETTINGS_INVALID listing every fault and every unknown key, a line
  // each.
  absl::Status Finish() const;

  // Known keys with effective values as TOML; secrets as "***".
  std::string Print() const;
  // Known keys with type, default and help, for --help.
  std::string Help() const;

 private:
  struct State;
  explicit Settings(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace datong::config
