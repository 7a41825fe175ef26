#include "common/crypto/key_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/envelope.h"
#include "common/crypto/hash.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::crypto {
namespace {

namespace fs = std::filesystem;

constexpr char kActive[] = "active";
constexpr size_t kLongestId = 63;
constexpr size_t kKeySize = 32;

absl::Status Unusable(const fs::path& file, const std::string& problem) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("Key file \"", file.native(), "\" ", problem, "."),
      {"crypto.datong", "KEYS_UNUSABLE", {{"file", file.native()}, {"problem", problem}}});
}

bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= kLongestId && id[0] != '.' && id != kActive &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

// Under its name only once it is whole and on the disk.
absl::Status WriteWhole(const fs::path& path, const std::string& content) {
  const fs::path draft = path.parent_path() / absl::StrCat(".", path.filename().native(), ".new");
  unlink(draft.c_str());
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd < 0) return Unusable(draft, "cannot be written");
  const bool written =
      write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
      fsync(fd) == 0;
  if ((close(fd) != 0) || !written) return Unusable(draft, "cannot be written");
  std::error_code failed;
  fs::rename(draft, path, failed);
  return failed ? Unusable(path, "cannot be written") : absl::OkStatus();
}

}  // namespace

absl::Status AddKey(const std::string& folder, const std::string& id) {
  if (!IsId(id)) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("\"", id,
                                  "\" is no id for a key: 1 to 63 letters, digits, '-', "
                                  "'_' and '.'."),
                     {"crypto.datong", "KEY_ID_INVALID", {{"id", id}}});
  }
  const fs::path path = fs::path(folder) / id;
  std::error_code failed;
  if (fs::exists(path, failed)) {
    return MakeError(absl::StatusCode::kAlreadyExists,
                     absl::StrCat("There is a key \"", id, "\"; keys are never written over."),
                     {"crypto.datong", "KEY_EXISTS", {{"id", id}}});
  }
  DATONG_RETURN_IF_ERROR(WriteWhole(path, Base64Encode(RandomBytes(kKeySize)) + "\n"));
  const fs::path active = fs::path(folder) / kActive;
  if (fs::exists(active, failed)) return absl::OkStatus();
  return WriteWhole(active, id + "\n");
}

absl::Status ActivateKey(const std::string& folder, const std::string& id) {
  DATONG_ASSIGN_OR_RETURN(const KeyRing keys, KeyRing::Load(folder));
  const fs::path path = fs::path(folder) / id;
  if (keys.Find(id) == nullptr) return Unusable(path, "is missing");
  return WriteWhole(fs::path(folder) / kActive, id + "\n");
}

}  // namespace datong::crypto
