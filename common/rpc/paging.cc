#include "common/rpc/paging.h"

#include <openssl/sha.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::rpc {
namespace {

constexpr char kVersion = 1;
constexpr size_t kHashBytes = 8;

// Over the key too, so that a token that was cut or changed is noticed.
std::string Hash(absl::string_view last_key, absl::string_view filter) {
  const std::string text = absl::StrCat(last_key.size(), ":", last_key, filter);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return {reinterpret_cast<const char*>(digest), kHashBytes};
}

}  // namespace

absl::StatusOr<int32_t> PageSize(int32_t asked, int32_t fallback, int32_t most) {
  if (asked < 0) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat("page_size is ", asked, "; give 0 for the default, or 1 to ", most, "."),
        {"datong",
         "PAGE_SIZE_INVALID",
         {{"page_size", absl::StrCat(asked)}, {"most", absl::StrCat(most)}}});
  }
  return asked == 0 ? fallback : std::min(asked, most);
}

std::string MakePageToken(absl::string_view last_key, absl::string_view filter) {
  return absl::WebSafeBase64Escape(
      absl::StrCat(absl::string_view(&kVersion, 1), Hash(last_key, filter), last_key));
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view token, absl::string_view filter) {
  if (token.empty()) return std::string();
  std::string bytes;
  if (absl::WebSafeBase64Unescape(token, &bytes) && bytes.size() >= 1 + kHashBytes &&
      bytes[0] == kVersion) {
    std::string key = bytes.substr(1 + kHashBytes);
    if (bytes.compare(1, kHashBytes, Hash(key, filter)) == 0) return key;
  }
  return MakeError(absl::StatusCode::kInvalidArgument,
                   "page_token is not one that this list gave for the same filter; begin again "
                   "without it.",
                   {"datong", "PAGE_TOKEN_INVALID", {}});
}

}  // namespace datong::rpc
