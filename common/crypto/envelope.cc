#include "common/crypto/envelope.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/aes.h"
#include "common/crypto/hash.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::crypto {
namespace {

// version(1) · length of kek id(1) · kek id · wrap nonce(12) · wrapped key(32+16) · nonce(12) ·
// ciphertext · tag(16)
constexpr char kVersion = 1;
constexpr size_t kKeySize = 32;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kWrappedSize = kKeySize + kTagSize;
constexpr uintmax_t kLongestKeyFile = 4096;

absl::Status KeysUnusable(const std::string& file, absl::string_view problem) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, absl::StrCat("Key file \"", file, "\" ", problem, "."),
      {"crypto.datong", "KEYS_UNUSABLE", {{"file", file}, {"problem", std::string(problem)}}});
}

absl::Status SealBroken(absl::string_view problem) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("A sealed value cannot be opened: it ", problem, "."),
                   {"crypto.datong", "SEAL_BROKEN", {{"problem", std::string(problem)}}});
}

void AppendPart(absl::string_view part, std::string* out) {
  const auto size = static_cast<uint32_t>(part.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((size >> shift) & 0xff));
  }
  out->append(part.data(), part.size());
}

// Each part with its length, so that no two contexts share their bytes.
std::string AadOf(const SealContext& context, absl::string_view key_id) {
  std::string aad = "datong-envelope-1";
  for (const std::string& part :
       {context.project, context.app, context.kind, context.column, context.record_id}) {
    AppendPart(part, &aad);
  }
  AppendPart(key_id, &aad);
  return aad;
}

struct Parts {
  absl::string_view key_id, wrap_nonce, wrapped, nonce, sealed;
};

std::optional<Parts> Split(absl::string_view envelope) {
  if (envelope.size() < 2 || envelope[0] != kVersion) return std::nullopt;
  const size_t id_size = static_cast<unsigned char>(envelope[1]);
  envelope.remove_prefix(2);
  if (id_size == 0 ||
      envelope.size() < id_size + kNonceSize + kWrappedSize + kNonceSize + kTagSize) {
    return std::nullopt;
  }
  const auto take = [&envelope](size_t size) {
    const absl::string_view part = envelope.substr(0, size);
    envelope.remove_prefix(size);
    return part;
  };
  Parts parts;
  parts.key_id = take(id_size);
  parts.wrap_nonce = take(kNonceSize);
  parts.wrapped = take(kWrappedSize);
  parts.nonce = take(kNonceSize);
  parts.sealed = envelope;
  return parts;
}

absl::StatusOr<std::string> ReadSmallFile(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return KeysUnusable(path.string(), "is missing or no file");
  }
  if (std::filesystem::file_size(path, error) > kLongestKeyFile || error) {
    return KeysUnusable(path.string(), "is too long for a key");
  }
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return KeysUnusable(path.string(), "cannot be read");
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace

absl::StatusOr<KeyRing> KeyRing::Load(const std::string& folder) {
  const std::filesystem::path root(folder);
  std::error_code error;
  if (!std::filesystem::is_directory(root, error)) {
    return KeysUnusable(folder, "is no folder");
  }
  DATONG_ASSIGN_OR_RETURN(const std::string active, ReadSmallFile(root / "active"));
  std::map<std::string, Secret> keys;
  for (std::filesystem::directory_iterator it(root, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    // Mounted secrets bring hidden entries of their own ("..data").
    if (name == "active" || name[0] == '.') continue;
    if (name.size() > 255) return KeysUnusable(it->path().string(), "has too long a name");
    DATONG_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(it->path()));
    std::string key;
    if (!Base64Decode(text, &key)) return KeysUnusable(it->path().string(), "is not base64");
    if (key.size() != kKeySize) {
      return KeysUnusable(it->path().string(), "does not hold 32 bytes (as base64)");
    }
    keys.emplace(name, Secret(std::move(key)));
  }
  if (error) return KeysUnusable(folder, "cannot be listed");
  if (keys.find(active) == keys.end()) {
    return KeysUnusable((root / "active").string(), "names a key that is not in the folder");
  }
  return KeyRing(active, std::move(keys));
}

KeyRing::KeyRing(std::string active, std::map<std::string, Secret> keys)
    : active_(std::move(active)), keys_(keys.begin(), keys.end()) {}

const Secret* KeyRing::Find(absl::string_view id) const {
  const auto it = keys_.find(ToStd(id));
  return it == keys_.end() ? nullptr : &it->second;
}

std::vector<std::string> KeyRing::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, key] : keys_) ids.push_back(id);
  return ids;
}

bool operator==(const KeyRing& a, const KeyRing& b) {
  return a.active_ == b.active_ && a.keys_ == b.keys_;
}

void Envelope::SetKeys(KeyRing keys) {
  auto fresh = std::make_shared<const KeyRing>(std::move(keys));
  MutexLock lock(&mutex_);
  keys_ = std::move(fresh);
}

std::shared_ptr<const KeyRing> Envelope::keys() const {
  MutexLock lock(&mutex_);
  return keys_;
}

absl::StatusOr<std::string> Envelope::SealChecked(const Secret& plaintext,
                                                  const SealContext& context) const {
  const std::shared_ptr<const KeyRing> held = keys();
  const std::string& key_id = held->active_id();
  const Secret* wrapping = held->Find(key_id);
  if (wrapping == nullptr || wrapping->Expose().size() != kKeySize || key_id.size() > 255) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("The active key \"", key_id, "\" is not loaded."),
                     {"crypto.datong", "KEY_MISSING", {{"key", key_id}}});
  }
  const std::string aad = AadOf(context, key_id);
  const Secret data_key(RandomBytes(kKeySize));
  const std::string wrap_nonce = RandomBytes(kNonceSize);
  const std::string nonce = RandomBytes(kNonceSize);
  std::string out(1, kVersion);
  out.push_back(static_cast<char>(key_id.size()));
  absl::StrAppend(&out, key_id, wrap_nonce,
                  GcmEncrypt(wrapping->Expose(), wrap_nonce, aad, data_key.Expose()), nonce,
                  GcmEncrypt(data_key.Expose(), nonce, aad, plaintext.Expose()));
  return out;
}

absl::StatusOr<Secret> Envelope::OpenChecked(absl::string_view sealed,
                                             const SealContext& context) const {
  const std::optional<Parts> parts = Split(sealed);
  if (!parts) return SealBroken("is no envelope or was cut");
  const std::string key_id(parts->key_id);
  const std::shared_ptr<const KeyRing> held = keys();
  const Secret* wrapping = held->Find(key_id);
  if (wrapping == nullptr) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("A value was sealed with key \"", key_id,
                                  "\", which is not loaded; put it back into the key folder."),
                     {"crypto.datong", "KEY_MISSING", {{"key", key_id}}});
  }
  const std::string aad = AadOf(context, key_id);
  std::optional<std::string> data_key =
      GcmDecrypt(wrapping->Expose(), parts->wrap_nonce, aad, parts->wrapped);
  if (!data_key) return SealBroken("belongs to another row or another key, or was changed");
  const Secret data_key_holder(*std::move(data_key));
  std::optional<std::string> plaintext =
      GcmDecrypt(data_key_holder.Expose(), parts->nonce, aad, parts->sealed);
  if (!plaintext) return SealBroken("was changed");
  return Secret(*std::move(plaintext));
}

absl::StatusOr<std::string> Envelope::Seal(const Secret& plaintext,
                                           const SealContext& context) const {
  absl::StatusOr<std::string> sealed = SealChecked(plaintext, context);
  Report("encrypt", sealed.status());
  return sealed;
}

absl::StatusOr<Secret> Envelope::Open(absl::string_view sealed, const SealContext& context) const {
  absl::StatusOr<Secret> plaintext = OpenChecked(sealed, context);
  Report("decrypt", plaintext.status());
  return plaintext;
}

void Envelope::Report(const char* op, const absl::Status& status) const {
  if (status.ok() || on_failure_ == nullptr) return;
  on_failure_(op, absl::IsDataLoss(status) ? "seal_broken" : "key_missing");
}

std::string Envelope::KeyIdOf(absl::string_view sealed) {
  const std::optional<Parts> parts = Split(sealed);
  return parts ? std::string(parts->key_id) : "";
}

}  // namespace datong::crypto
