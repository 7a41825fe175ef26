#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::rpc {

// The page size to use: `fallback` for 0, at most `most`.
// Errors: INVALID_ARGUMENT/PAGE_SIZE_INVALID below 0.
absl::StatusOr<int32_t> PageSize(int32_t asked, int32_t fallback = 50, int32_t most = 500);

// An opaque token for the page behind `last_key`. `filter` is everything else that the request says
// about what to list (any unambiguous text): a token serves only the list that it was made for.
std::string MakePageToken(absl::string_view last_key, absl::string_view filter);

// The last key in a token; "" for no token (the first page).
// Errors: INVALID_ARGUMENT/PAGE_TOKEN_INVALID when it was not made by MakePageToken for this
// filter.
absl::StatusOr<std::string> ReadPageToken(absl::string_view token, absl::string_view filter);

}  // namespace datong::rpc
