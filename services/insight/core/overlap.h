#pragma once

#include <cstdint>
#include <vector>

namespace datong::insight {

inline constexpr int kMostOverlapSurfaces = 12;

// How many persons were on exactly the surfaces whose bits are set.
struct OverlapCount {
  uint32_t surfaces = 0;
  int64_t persons = 0;

  bool operator==(const OverlapCount&) const = default;
};

struct OverlapTable {
  std::vector<OverlapCount> cells;           // most persons first, then by bits
  std::vector<std::vector<int64_t>> matrix;  // [a][b]: persons on both; [a][a]: on a
  int64_t persons = 0;
};

OverlapTable BuildOverlap(std::vector<OverlapCount> counts, int surface_count);

}  // namespace datong::insight
