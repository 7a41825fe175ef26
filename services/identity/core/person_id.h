#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::identity {

// A person's opaque id, "p-5f3a09c1": its index, scrambled, so that nobody reads an order into it.
std::string PersonIdOf(uint32_t index);
std::optional<uint32_t> PersonIndexOf(absl::string_view person_id);

// `projects/{project}/persons/{person}`.
std::string PersonName(absl::string_view project, uint32_t index);

struct ParsedPersonName {
  std::string project;  // "projects/demo"
  uint32_t index = 0;
};
// Errors: NOT_FOUND/PERSON_UNKNOWN for what no person is ever named.
absl::StatusOr<ParsedPersonName> ParsePersonName(absl::string_view name);

}  // namespace datong::identity
