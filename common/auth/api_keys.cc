#include "common/auth/api_keys.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/error.h"

namespace datong::auth {
namespace {

constexpr size_t kLongestId = 63;
constexpr size_t kDigestSize = 32;
constexpr size_t kKeysOfOneId = 2;

absl::Status Invalid(absl::string_view where, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(where, " ", problem, "."),
                   {"datong", "API_KEYS_INVALID", {{"problem", std::string(problem)}}});
}

bool IsId(absl::string_view text) {
  return !text.empty() && text.size() <= kLongestId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
         });
}

}  // namespace

absl::StatusOr<ApiKeys> ApiKeys::Parse(absl::string_view text) {
  ApiKeys keys;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::string where = absl::StrCat("line ", ++number);
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || absl::StartsWith(words[0], "#")) continue;
    if (words.size() > 3 || words.size() < 2 || !IsId(words[0])) {
      return Invalid(where, "is not \"<id> <SHA-256 in hexadecimal> [<expiry>]\"");
    }
    Entry entry{HexToBytes(words[1]), absl::InfiniteFuture()};
    if (entry.digest.size() != kDigestSize) {
      return Invalid(where,
                     "does not hold a SHA-256 in hexadecimal; never put the key itself here");
    }
    std::string ignored;
    if (words.size() == 3 &&
        !absl::ParseTime(absl::RFC3339_full, words[2], &entry.expires, &ignored)) {
      return Invalid(where, "ends with no time like 2027-01-31T00:00:00Z");
    }
    std::vector<Entry>& entries = keys.keys_[std::string(words[0])];
    entries.push_back(std::move(entry));
    if (entries.size() > kKeysOfOneId) return Invalid(where, "is the third key of its id");
  }
  return keys;
}

std::string ApiKeys::Find(absl::string_view key, absl::Time now) const {
  absl::string_view rest = key;
  if (!absl::ConsumePrefix(&rest, kApiKeyPrefix)) return "";
  const absl::string_view id = rest.substr(0, rest.find('_'));
  const auto found = keys_.find(ToStd(id));
  if (found == keys_.end()) return "";
  const std::string digest = crypto::Sha256(key);
  bool is_known = false;
  for (const Entry& entry : found->second) {
    const bool is_equal = ConstantTimeEquals(entry.digest, digest);
    is_known = is_known || (is_equal && now < entry.expires);
  }
  return is_known ? found->first : "";
}

absl::StatusOr<NewApiKey> MakeApiKey(absl::string_view id, absl::Time expires) {
  if (!IsId(id)) return Invalid("the id", "must be 1 to 63 letters, digits and '-'");
  NewApiKey made;
  made.key =
      Secret(absl::StrCat(kApiKeyPrefix, id, "_", BytesToHex(crypto::RandomBytes(kDigestSize))));
  made.line = absl::StrCat(id, " ", BytesToHex(crypto::Sha256(made.key.Expose())));
  if (expires != absl::InfiniteFuture()) {
    absl::StrAppend(&made.line, " ",
                    absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", expires, absl::UTCTimeZone()));
  }
  return made;
}

}  // namespace datong::auth
