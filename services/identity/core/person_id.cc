#include "services/identity/core/person_id.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "services/identity/core/errors.h"

namespace datong::identity {
namespace {

// Each step is a bijection on 32 bits, so the whole is. The constants never change.
constexpr uint32_t kMultiplier = 0x9E3779B1;
constexpr uint32_t kInverse = 0x0E8B2F51;  // of kMultiplier modulo 2^32
static_assert(kMultiplier * kInverse == 1);

uint32_t Mix(uint32_t x) { return x ^ (x >> 16); }  // its own inverse

}  // namespace

std::string PersonIdOf(uint32_t index) {
  return absl::StrFormat("p-%08x", Mix(Mix(index * kMultiplier) * kMultiplier));
}

std::optional<uint32_t> PersonIndexOf(absl::string_view person_id) {
  uint32_t scrambled = 0;
  if (person_id.size() != 10 || !absl::StartsWith(person_id, "p-") ||
      !absl::SimpleHexAtoi(person_id.substr(2), &scrambled)) {
    return std::nullopt;
  }
  const uint32_t index = Mix(Mix(scrambled) * kInverse) * kInverse;
  if (PersonIdOf(index) != person_id) return std::nullopt;
  return index;
}

std::string PersonName(absl::string_view project, uint32_t index) {
  return absl::StrCat(project, "/persons/", PersonIdOf(index));
}

absl::StatusOr<ParsedPersonName> ParsePersonName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() == 4 && parts[0] == "projects" && parts[2] == "persons") {
    const std::optional<uint32_t> index = PersonIndexOf(parts[3]);
    if (index.has_value()) return ParsedPersonName{absl::StrCat("projects/", parts[1]), *index};
  }
  return PersonUnknown();
}

}  // namespace datong::identity
