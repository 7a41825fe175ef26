#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/base/secret.h"
#include "services/ingest/core/event_row.h"
#include "services/ingest/core/source.h"

namespace datong::ingest {

// Takes personal data out of events before they are kept, as their source wants it: parameters of
// addresses (tokens, phone numbers, …), what people typed, exact coordinates; hashes fields; cuts
// texts that are too long. Works on the whole event and on its columns; ids were made before it.
// Immutable, thread-safe.
class Privacy {
 public:
  // `hash_key` is what each project's key is derived from; without one nothing can be hashed.
  explicit Privacy(Secret hash_key = Secret()) : hash_key_(std::move(hash_key)) {}

  bool CanHash() const { return !hash_key_.empty(); }

  // The row's `source` says what. A field that should be hashed and cannot be is emptied.
  void Apply(const Source& source, EventRow* row) const;

  // 32 hexadecimal digits of HMAC-SHA-256 under the project's key.
  std::string Hash(int32_t tenant_id, absl::string_view value) const;

 private:
  const Secret hash_key_;
};

// The parameters that are dropped unless a source keeps them.
bool IsPrivateParameter(absl::string_view name);

// Removes private parameters behind '?', '&' and '#', with `bare` also at the beginning. True when
// anything was removed.
bool DropParameters(const PrivacyRules& rules, bool bare, std::string* text);

// Names that cannot be hashed, since events are read by them or have columns of their own for them.
bool IsStructuralField(absl::string_view name);

}  // namespace datong::ingest
