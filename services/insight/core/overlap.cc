#include "services/insight/core/overlap.h"

#include <algorithm>

namespace datong::insight {

OverlapTable BuildOverlap(std::vector<OverlapCount> counts, int surface_count) {
  const size_t n = static_cast<size_t>(surface_count);
  OverlapTable table;
  table.matrix.assign(n, std::vector<int64_t>(n, 0));
  std::erase_if(counts, [](const OverlapCount& cell) { return cell.surfaces == 0; });
  std::sort(counts.begin(), counts.end(), [](const OverlapCount& a, const OverlapCount& b) {
    return a.persons != b.persons ? a.persons > b.persons : a.surfaces < b.surfaces;
  });
  for (const OverlapCount& cell : counts) {
    table.persons += cell.persons;
    for (size_t a = 0; a < n; ++a) {
      for (size_t b = 0; b < n; ++b) {
        if ((cell.surfaces >> a & 1) != 0 && (cell.surfaces >> b & 1) != 0) {
          table.matrix[a][b] += cell.persons;
        }
      }
    }
  }
  table.cells = std::move(counts);
  return table;
}

}  // namespace datong::insight
