#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/insight/core/types.h"

namespace datong::insight {

// The surfaces of these names, in their order, repeats dropped; every surface by name when there
// are none. Errors: NOT_FOUND/SURFACE_UNKNOWN.
absl::StatusOr<std::vector<Surface>> SurfacesOf(const ProjectSources& sources,
                                                const std::vector<std::string>& names);

std::vector<std::string> NamesOf(const std::vector<Surface>& surfaces);

// The numbers of all their sources.
std::vector<int32_t> SourceNumbers(const std::vector<Surface>& surfaces);

}  // namespace datong::insight
