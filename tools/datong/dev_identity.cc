#include "tools/datong/dev_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/auth/api_keys.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "tools/datong/connection.h"

namespace datong::tools {
namespace {

namespace fs = std::filesystem;

constexpr char kPolicy[] =
    "# Who may do what in this development folder. Changes are taken within seconds.\n"
    "[[grants]]\n"
    "callers = [\"key:dev\"]\n"
    "permissions = [\"*\"]\n"
    "projects = [\"*\"]\n"
    "api_paths = [\"*\"]\n";

absl::Status Unusable(const fs::path& path) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("Cannot write ", path.native(), "."),
                   {"datong", "DATA_FOLDER_UNUSABLE", {{"folder", path.native()}}});
}

}  // namespace

absl::Status WritePrivateFile(const fs::path& path, const std::string& content) {
  unlink(path.c_str());
  // Nobody else may read it, not even for the moment before a chmod.
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Unusable(path);
  const ssize_t written = write(fd, content.data(), content.size());
  const bool is_closed = close(fd) == 0;
  if (written != static_cast<ssize_t>(content.size()) || !is_closed) return Unusable(path);
  return absl::OkStatus();
}

absl::StatusOr<DevIdentity> MakeDevIdentity(const fs::path& folder) {
  const fs::path key_file = folder / kDevApiKeyFile;
  DevIdentity identity{Secret(), key_file.parent_path() / "api-keys",
                       key_file.parent_path() / "policy.toml"};
  std::string key;
  if (std::ifstream(key_file) >> key) {
    identity.api_key = Secret(std::move(key));
    return identity;
  }
  std::error_code failed;
  fs::create_directories(key_file.parent_path(), failed);
  DATONG_ASSIGN_OR_RETURN(const auth::NewApiKey made,
                          auth::MakeApiKey("dev", absl::InfiniteFuture()));
  DATONG_RETURN_IF_ERROR(WritePrivateFile(identity.policy_file, kPolicy));
  DATONG_RETURN_IF_ERROR(WritePrivateFile(identity.api_keys_file, made.line + "\n"));
  DATONG_RETURN_IF_ERROR(WritePrivateFile(key_file, made.key.Expose() + "\n"));
  identity.api_key = made.key;
  return identity;
}

}  // namespace datong::tools
