#include "common/identifier/identifier.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/identifier/sha256.h"
#include "common/status/error.h"

namespace datong {
namespace {

constexpr size_t kLongest = 256;

absl::Status Invalid(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("An identifier is kind:scope:value; this one ", problem, "."),
                   {"identity.datong", "IDENTIFIER_INVALID", {{"problem", std::string(problem)}}});
}

}  // namespace

absl::StatusOr<Identifier> Identifier::Parse(absl::string_view text) {
  if (text.size() > kLongest) return Invalid("is longer than 256 bytes");
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (control) return Invalid("holds control bytes");
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 2));
  if (parts.size() != 3) return Invalid("has fewer than two colons");
  const absl::string_view value = absl::StripAsciiWhitespace(parts[2]);
  if (parts[0].empty()) return Invalid("has no kind");
  if (parts[1].empty()) return Invalid("has no scope");
  return Identifier{std::string(parts[0]), std::string(parts[1]), std::string(value)};
}

std::string Identifier::ToString() const { return absl::StrCat(kind, ":", scope, ":", value); }

int64_t NodeOf(int32_t project_number, absl::string_view identifier) {
  const auto number = static_cast<uint32_t>(project_number);
  std::string input;
  input.reserve(4 + identifier.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    input.push_back(static_cast<char>((number >> shift) & 0xFF));
  }
  input.append(identifier.data(), identifier.size());
  const std::array<unsigned char, 32> digest = Sha256(input);
  uint64_t node = 0;
  for (int i = 0; i < 8; ++i) node = node << 8 | digest[static_cast<size_t>(i)];
  return static_cast<int64_t>(node);
}

}  // namespace datong
