#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/secret.h"

namespace datong::auth {

// What every API key begins with: `dtk_<id>_<64 hexadecimal digits>`.
inline constexpr absl::string_view kApiKeyPrefix = "dtk_";

// The API keys that are let in, as their SHA-256: a key has 256 random bits, so that a slow hash
// would add nothing. Immutable.
class ApiKeys {
 public:
  // One key a line, `<id> <SHA-256 in hexadecimal> [<expiry, RFC 3339>]`; empty lines and those
  // that begin with '#' count for nothing. An id may have two keys, so that one can replace the
  // other. Errors: INVALID_ARGUMENT/API_KEYS_INVALID, with the line.
  static absl::StatusOr<ApiKeys> Parse(absl::string_view text);

  // The id of the key, or "" when it is none of these or has expired. Takes the same time for every
  // wrong key of a known id.
  std::string Find(absl::string_view key, absl::Time now) const;

 private:
  struct Entry {
    std::string digest;
    absl::Time expires;
  };
  std::map<std::string, std::vector<Entry>, std::less<>> keys_;
};

// A new key, and the line that lets it in.
struct NewApiKey {
  Secret key;
  std::string line;
};
// `id`: 1 to 63 letters, digits and '-'. `expires` may be infinite.
// Errors: INVALID_ARGUMENT/API_KEYS_INVALID.
absl::StatusOr<NewApiKey> MakeApiKey(absl::string_view id, absl::Time expires);

}  // namespace datong::auth
