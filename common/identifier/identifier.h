#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong {

// One name by which somebody is known, as `kind:scope:value`. Values compare byte for byte.
// kind: unionid (scope: Open Platform account), openid (appid), ext (corp/view), wopenid, login
// (login space), pending, phone, device (device scope of the source).
struct Identifier {
  std::string kind;
  std::string scope;
  std::string value;

  // Splits at the first two colons; ASCII blanks around the value are trimmed.
  // Errors: INVALID_ARGUMENT/IDENTIFIER_INVALID when a part is missing, the whole is longer than
  // 256 bytes or holds control bytes.
  static absl::StatusOr<Identifier> Parse(absl::string_view text);
  std::string ToString() const;

  auto operator<=>(const Identifier&) const = default;
};

// The identifier's node: the first 8 bytes, big-endian, of SHA-256 over the project's number (4
// bytes, big-endian) and `kind:scope:value`. It is fixed when an event is stored and never changes.
int64_t NodeOf(int32_t project_number, absl::string_view identifier);

}  // namespace datong
