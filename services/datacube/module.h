#pragma once

#include "common/server/module.h"

namespace datong::datacube {

// Fetches the platform's statistics and follower lists, and answers what was fetched.
extern const server::ModuleDefinition kModule;

}  // namespace datong::datacube
