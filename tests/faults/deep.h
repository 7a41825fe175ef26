#pragma once

#include <cstdlib>

namespace datong::faults {

// Whether the runs take their full length (`tools/test --deep` sets DATONG_DEEP) or a few seconds.
inline bool Deep() {
  const char* deep = std::getenv("DATONG_DEEP");
  return deep != nullptr && *deep != '\0';
}

}  // namespace datong::faults
