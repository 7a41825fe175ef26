#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/secret.h"

namespace datong::postgres {

// A PostgreSQL server of our own, for development and tests: one data folder, a Unix socket in a
// short path that only this user may enter, no TCP. Runs as an unprivileged user when we are root.
// The server ends with this object and also when this process dies.
class PrivateCluster {
 public:
  struct Options {
    // Made and filled (initdb) when it holds no cluster yet; used again otherwise.
    std::string folder;
    // Off only for tests: a machine that crashes may lose the cluster.
    bool fsync = true;
    int max_connections = 100;
    // Removes the folder at the end, also when this process dies.
    bool temporary = false;
    // Made as a copy of that one, which it follows until Promote. Every commit there waits for it
    // from now on, where that one has fsync.
    const PrivateCluster* standby_of = nullptr;
  };

  // Returns when the server takes connections; its database "datong" is there then.
  // Errors: FAILED_PRECONDITION/POSTGRESQL_MISSING (no binaries of version 15),
  // FAILED_PRECONDITION/CLUSTER_FAILED (with the end of the server's log).
  static absl::StatusOr<std::unique_ptr<PrivateCluster>> Start(Options options);
  // Stops.
  ~PrivateCluster();
  PrivateCluster(const PrivateCluster&) = delete;
  PrivateCluster& operator=(const PrivateCluster&) = delete;

  // A connection string of the superuser "datong" for `database`.
  Secret Dsn(const std::string& database = "datong") const;
  const std::string& socket_folder() const;

  // Ends the server in an orderly way and waits for it. Idempotent.
  void Stop();

  // For tests of what happens without a database: ends the server at once, as a power cut would;
  // Restart brings it back under the same DSN. With fsync every commit is still there.
  void Crash();
  // Errors: FAILED_PRECONDITION/CLUSTER_FAILED.
  absl::Status Restart();
  // Makes a standby the primary. Errors: FAILED_PRECONDITION/CLUSTER_FAILED.
  absl::Status Promote();

 private:
  struct State;
  void EndServer(int signal);
  explicit PrivateCluster(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The folder of PostgreSQL's server binaries, or "": /usr/lib/postgresql/15/bin, else from PATH.
std::string FindPostgresBinaries();

}  // namespace datong::postgres
