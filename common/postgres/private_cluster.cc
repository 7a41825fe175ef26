#include "common/postgres/private_cluster.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "common/base/mutex.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/time/deadline.h"

namespace datong::postgres {
namespace {

namespace fs = std::filesystem;

absl::Status ClusterFailed(absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("The private PostgreSQL server could not be started: ", what),
                   {"postgres.datong", "CLUSTER_FAILED", {{"cause", std::string(what)}}});
}

// Whom the server runs as; unset means as we are. PostgreSQL refuses to run as root.
struct User {
  std::string name;
  uid_t uid;
  gid_t gid;
};
std::optional<User> UnprivilegedUser() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = ::getpwnam(name)) return User{name, entry->pw_uid, entry->pw_gid};
  }
  return User{"65534", 65534, 65534};
}

struct Program {
  std::vector<std::string> arguments;
  std::optional<User> user;
  std::string log_path;
};

// Forks and runs a program that dies with the thread that calls this. Between fork and exec only
// calls that are safe there.
pid_t Launch(const Program& program) {
  std::vector<char*> argv;
  for (const std::string& argument : program.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const std::string lang = "LC_ALL=C.UTF-8";
  const std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {const_cast<char*>(lang.c_str()), const_cast<char*>(path.c_str()),
                               nullptr};
  const int log = ::open(program.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(null, 0);
    if (log >= 0) {
      ::dup2(log, 1);
      ::dup2(log, 2);
    }
    // Nothing else that we have open: a socket that it held would outlive us.
    ::close_range(3, ~0U, 0);
    // A group of its own: an interrupt typed at the terminal is ours to handle.
    ::setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (program.user.has_value()) {
      if (::setgroups(0, nullptr) != 0 || ::setgid(program.user->gid) != 0 ||
          ::setuid(program.user->uid) != 0) {
        ::_exit(126);
      }
    }
    // After the change of user, which clears it. SIGINT is PostgreSQL's fast shutdown.
    ::prctl(PR_SET_PDEATHSIG, SIGINT);
    if (::getppid() != parent) ::_exit(125);
    ::execve(argv[0], argv.data(), environment);
    ::_exit(127);
  }
  if (log >= 0) ::close(log);
  if (null >= 0) ::close(null);
  return pid;
}

int AwaitExit(pid_t pid) {
  int code = 0;
  while (::waitpid(pid, &code, 0) < 0 && errno == EINTR) {
  }
  return code;
}

std::string EndOfFile(const std::string& path) {
  std::ifstream in(path);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  return text.size() > 1500 ? text.substr(text.size() - 1500) : text;
}

void GiveTo(const std::string& path, const std::optional<User>& user) {
  if (user.has_value() && ::chown(path.c_str(), user->uid, user->gid) != 0) {
    // The server says it better when it cannot enter its folder.
  }
}

// Removes what a killed test left, once its server is gone: a shell that waits for our end of a
// pipe to close.
pid_t LaunchCleaner(const std::vector<std::string>& folders, int& pipe_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
  std::string script =
      "trap '' INT TERM HUP; cat >/dev/null; n=0; pid=$(head -n1 \"$1/postmaster.pid\" "
      "2>/dev/null); "
      "while [ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; "
      "n=$((n+1)); done; rm -rf \"$@\"";
  std::vector<std::string> arguments = {"/bin/sh", "-c", script, "cleaner"};
  arguments.insert(arguments.end(), folders.begin(), folders.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
    ::dup2(ends[0], 0);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::close_range(3, ~0U, 0);
    ::execv("/bin/sh", argv.data());
    ::_exit(127);
  }
  ::close(ends[0]);
  pipe_end = ends[1];
  return pid;
}

// One statement. Errors: FAILED_PRECONDITION/CLUSTER_FAILED.
absl::Status Execute(const Secret& dsn, const char* sql) {
  PGconn* conn = PQconnectdb(dsn.Expose().c_str());
  PGresult* result = PQexec(conn, sql);
  const ExecStatusType status = PQresultStatus(result);
  const std::string problem = PQerrorMessage(conn);
  PQclear(result);
  PQfinish(conn);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
  return ClusterFailed(problem);
}

// Fills `data` so that a server there follows `primary`, whose commits wait for it.
absl::Status CopyPrimary(const PrivateCluster& primary, const std::string& data,
                         const std::string& binaries, const std::optional<User>& user,
                         const std::string& log_path) {
  const int code = AwaitExit(
      Launch({{binaries + "/pg_basebackup", "-h", primary.socket_folder(), "-U", "datong", "-D",
               data, "-X", "stream", "-c", "fast", "--no-sync", "--write-recovery-conf"},
              user,
              log_path}));
  if (code != 0) return ClusterFailed("pg_basebackup failed.\n" + EndOfFile(log_path));
  const Secret dsn = primary.Dsn("postgres");
  DATONG_RETURN_IF_ERROR(Execute(dsn, "ALTER SYSTEM SET synchronous_standby_names = '*'"));
  return Execute(dsn, "SELECT pg_reload_conf()");
}

}  // namespace

std::string FindPostgresBinaries() {
  std::vector<std::string> folders = {"/usr/lib/postgresql/15/bin"};
  if (const char* path = std::getenv("PATH")) {
    for (absl::string_view folder : absl::StrSplit(path, ':')) folders.emplace_back(folder);
  }
  for (const std::string& folder : folders) {
    if (::access((folder + "/postgres").c_str(), X_OK) == 0 &&
        ::access((folder + "/initdb").c_str(), X_OK) == 0) {
      return folder;
    }
  }
  return "";
}

struct PrivateCluster::State {
  Options options;
  std::string socket_folder;
  std::optional<User> user;
  std::string log_path;
  Program program;  // the server
  pid_t cleaner = -1;
  int cleaner_pipe = -1;

  Mutex mutex;
  pid_t server ABSL_GUARDED_BY(mutex) = -1;
  bool ended ABSL_GUARDED_BY(mutex) = false;
  // Starts the server and waits for its end: PR_SET_PDEATHSIG is bound to the thread that forked.
  std::thread keeper;

  bool Ended() {
    MutexLock lock(&mutex);
    return ended;
  }
};

PrivateCluster::PrivateCluster(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateCluster::~PrivateCluster() { Stop(); }

absl::StatusOr<std::unique_ptr<PrivateCluster>> PrivateCluster::Start(Options options) {
  const std::string binaries = FindPostgresBinaries();
  if (binaries.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "PostgreSQL 15 is not installed; install the package postgresql-15.",
                     {"postgres.datong", "POSTGRESQL_MISSING", {}});
  }
  auto state = std::make_unique<State>();
  state->options = options;
  state->user = UnprivilegedUser();
  std::error_code error;
  const std::string folder = fs::absolute(options.folder, error).string();
  fs::create_directories(folder, error);
  if (error) return ClusterFailed(absl::StrCat("cannot make ", folder, ": ", error.message()));
  char socket_template[] = "/tmp/dtg-XXXXXX";
  if (::mkdtemp(socket_template) == nullptr)
    return ClusterFailed("no folder for its socket in /tmp");
  state->socket_folder = socket_template;
  GiveTo(state->socket_folder, state->user);
  GiveTo(folder, state->user);
  ::chmod(folder.c_str(), 0700);
  const std::string data = folder + "/data";
  state->log_path = folder + "/server.log";
  if (state->user.has_value() &&
      AwaitExit(Launch({{"/usr/bin/test", "-w", folder}, state->user, "/dev/null"})) != 0) {
    fs::remove_all(state->socket_folder, error);
    return ClusterFailed(absl::StrCat(
        "it does not run as root, and the user \"", state->user->name, "\" cannot enter ", folder,
        ", since a folder above is closed to others. Choose another folder, or be another user."));
  }
  if (options.temporary) {
    state->cleaner = LaunchCleaner({data, state->socket_folder, folder}, state->cleaner_pipe);
  }
  auto cluster = std::unique_ptr<PrivateCluster>(new PrivateCluster(std::move(state)));
  State& s = *cluster->state_;

  if (options.standby_of != nullptr && !fs::exists(data + "/PG_VERSION", error)) {
    DATONG_RETURN_IF_ERROR(CopyPrimary(*options.standby_of, data, binaries, s.user, s.log_path));
  }
  if (!fs::exists(data + "/PG_VERSION", error)) {
    Program initdb{{binaries + "/initdb", "-D", data, "-U", "datong", "-A", "trust", "-E", "UTF8",
                    "--locale=C.UTF-8", "--no-instructions"},
                   s.user,
                   s.log_path};
    if (!options.fsync) initdb.arguments.push_back("--no-sync");
    const int code = AwaitExit(Launch(initdb));
    if (code != 0) {
      fs::remove_all(data, error);
      return ClusterFailed(absl::StrCat("initdb failed.\n", EndOfFile(s.log_path)));
    }
  }
  Program server{{binaries + "/postgres", "-D", data, "-k", s.socket_folder, "-c",
                  "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c",
                  absl::StrCat("max_connections=", options.max_connections), "-c",
                  "shared_buffers=128MB", "-c", "max_wal_size=2GB", "-c",
                  // After a crash: the whole file system at once, not thousands of files.
                  "recovery_init_sync_method=syncfs", "-c", "timezone=UTC", "-c",
                  "log_min_messages=warning", "-c", "log_min_error_statement=panic"},
                 s.user,
                 s.log_path};
  if (!options.fsync) {
    for (const char* setting : {"fsync=off", "synchronous_commit=off", "full_page_writes=off"}) {
      server.arguments.insert(server.arguments.end(), {"-c", setting});
    }
  }
  s.program = std::move(server);
  DATONG_RETURN_IF_ERROR(cluster->Restart());
  const std::string first = cluster->Dsn("postgres").Expose();
  PGconn* conn = PQconnectdb(first.c_str());
  PGresult* result = PQexec(conn, "SELECT 1 FROM pg_database WHERE datname = 'datong'");
  const bool there = PQntuples(result) == 1;
  PQclear(result);
  if (!there) PQclear(PQexec(conn, "CREATE DATABASE datong"));
  PQfinish(conn);
  return cluster;
}

Secret PrivateCluster::Dsn(const std::string& database) const {
  return Secret(absl::StrCat("host=", state_->socket_folder, " user=datong dbname=", database));
}
const std::string& PrivateCluster::socket_folder() const { return state_->socket_folder; }

absl::Status PrivateCluster::Restart() {
  State& s = *state_;
  EndServer(SIGQUIT);
  {
    MutexLock lock(&s.mutex);
    s.ended = false;
  }
  absl::Notification launched;
  s.keeper = std::thread([&s, &launched] {
    const pid_t pid = Launch(s.program);
    {
      MutexLock lock(&s.mutex);
      s.server = pid;
    }
    launched.Notify();
    if (pid > 0) AwaitExit(pid);
    MutexLock lock(&s.mutex);
    s.ended = true;
  });
  launched.WaitForNotification();

  const Deadline deadline = Deadline::After(absl::Seconds(60));
  const std::string first = Dsn("postgres").Expose();
  while (PQping(first.c_str()) != PQPING_OK) {
    if (s.Ended() || deadline.Passed()) {
      const std::string log = EndOfFile(s.log_path);
      EndServer(SIGQUIT);
      return ClusterFailed(absl::StrCat("it did not come up.\n", log));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return absl::OkStatus();
}

void PrivateCluster::Crash() { EndServer(SIGQUIT); }

absl::Status PrivateCluster::Promote() { return Execute(Dsn("postgres"), "SELECT pg_promote()"); }

void PrivateCluster::EndServer(int signal) {
  if (!state_->keeper.joinable()) return;
  {
    MutexLock lock(&state_->mutex);
    if (!state_->ended && state_->server > 0) ::kill(state_->server, signal);
  }
  state_->keeper.join();
}

void PrivateCluster::Stop() {
  // SIGQUIT skips the last checkpoint, which a temporary cluster has no use for.
  EndServer(state_->options.temporary ? SIGQUIT : SIGINT);
  std::error_code error;
  if (!state_->socket_folder.empty()) fs::remove_all(state_->socket_folder, error);
  if (state_->cleaner_pipe >= 0) {
    ::close(state_->cleaner_pipe);
    state_->cleaner_pipe = -1;
    AwaitExit(state_->cleaner);
  }
}

}  // namespace datong::postgres
