#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"

namespace datong::fuzz {

inline absl::string_view Text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What must hold whatever comes in.
inline void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace datong::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
