#include "services/insight/core/surfaces.h"

#include <map>
#include <set>

#include "services/insight/core/errors.h"

namespace datong::insight {

std::vector<std::string> NamesOf(const std::vector<Surface>& surfaces) {
  std::vector<std::string> names;
  for (const Surface& surface : surfaces) names.push_back(surface.name);
  return names;
}

std::vector<int32_t> SourceNumbers(const std::vector<Surface>& surfaces) {
  std::vector<int32_t> numbers;
  for (const Surface& surface : surfaces) {
    numbers.insert(numbers.end(), surface.sources.begin(), surface.sources.end());
  }
  return numbers;
}

absl::StatusOr<std::vector<Surface>> SurfacesOf(const ProjectSources& sources,
                                                const std::vector<std::string>& names) {
  std::map<std::string, Surface> by_name;
  for (const Source& source : sources.sources) {
    Surface& surface = by_name[source.surface];
    surface.name = source.surface;
    surface.sources.push_back(source.number);
  }
  std::vector<Surface> all;
  for (const auto& [name, surface] : by_name) all.push_back(surface);
  if (names.empty()) return all;
  std::vector<Surface> chosen;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const auto it = by_name.find(name);
    if (it == by_name.end()) return SurfaceUnknown(name, NamesOf(all));
    if (seen.insert(name).second) chosen.push_back(it->second);
  }
  return chosen;
}

}  // namespace datong::insight
