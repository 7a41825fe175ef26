#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/base/secret.h"

namespace datong::crypto {

// Where a sealed value belongs. Bound into the seal, so that a row's value cannot be moved to
// another.
struct SealContext {
  std::string project;
  std::string app;
  std::string kind;
  std::string column;
  std::string record_id;
};

// Key-encryption keys by id, one of them active.
class KeyRing {
 public:
  // A folder with one file per key (32 bytes, base64) and a file `active` with an id.
  // Errors: FAILED_PRECONDITION/KEYS_UNUSABLE, with the file and what is wrong with it.
  static absl::StatusOr<KeyRing> Load(const std::string& folder);
  KeyRing(std::string active, std::map<std::string, Secret> keys);

  const std::string& active_id() const { return active_; }
  // nullptr when there is none of that id.
  const Secret* Find(absl::string_view id) const;
  std::vector<std::string> ids() const;
  friend bool operator==(const KeyRing& a, const KeyRing& b);

 private:
  std::string active_;
  std::map<std::string, Secret, std::less<>> keys_;
};

// AES-256-GCM envelope: a random data key per record, wrapped by the active key-encryption key:
// version|kek_id|wrap_nonce|wrapped_key|nonce|ciphertext|tag. Thread-safe.
class Envelope {
 public:
  // Told of each failure: "encrypt" or "decrypt", and "key_missing" or "seal_broken".
  using OnFailure = std::function<void(const char* op, const char* reason)>;
  explicit Envelope(KeyRing keys, OnFailure on_failure = nullptr)
      : keys_(std::make_shared<const KeyRing>(std::move(keys))),
        on_failure_(std::move(on_failure)) {}
  // From now on these keys; what is under way ends with the ones before.
  void SetKeys(KeyRing keys);
  std::shared_ptr<const KeyRing> keys() const;
  absl::StatusOr<std::string> Seal(const Secret& plaintext, const SealContext& context) const;
  // Errors: FAILED_PRECONDITION/KEY_MISSING; DATA_LOSS/SEAL_BROKEN (wrong row, or changed bytes).
  absl::StatusOr<Secret> Open(absl::string_view sealed, const SealContext& context) const;
  // The id of the key that a sealed value needs, or "" for what is no envelope.
  static std::string KeyIdOf(absl::string_view sealed);

 private:
  absl::StatusOr<std::string> SealChecked(const Secret& plaintext,
                                          const SealContext& context) const;
  absl::StatusOr<Secret> OpenChecked(absl::string_view sealed, const SealContext& context) const;
  void Report(const char* op, const absl::Status& status) const;

  mutable Mutex mutex_;
  std::shared_ptr<const KeyRing> keys_ ABSL_GUARDED_BY(mutex_);
  OnFailure on_failure_;
};

}  // namespace datong::crypto
