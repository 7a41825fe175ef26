#pragma once

#include <vector>

#include "common/postgres/migrator.h"
#include "common/server/module.h"

namespace datong::all_in_one {

// The services of the suite, in the order in which they call each other, callees first.
std::vector<server::ModuleDefinition> AllModules();

// The schemas of all of them.
std::vector<postgres::SchemaMigrations> AllMigrations();

}  // namespace datong::all_in_one
