#pragma once

#include <array>

#include "absl/strings/string_view.h"

namespace datong {

// SHA-256 where it is taken of thousands of identifiers a second. Raw bytes.
std::array<unsigned char, 32> Sha256(absl::string_view bytes);

}  // namespace datong
