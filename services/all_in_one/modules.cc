#include "services/all_in_one/modules.h"

#include "services/broker/module.h"
#include "services/datacube/module.h"
#include "services/gateway/module.h"
#include "services/identity/module.h"
#include "services/ingest/module.h"
#include "services/insight/module.h"

namespace datong::all_in_one {

std::vector<server::ModuleDefinition> AllModules() {
  return {identity::kModule, ingest::kModule,  broker::kModule,
          datacube::kModule, insight::kModule, gateway::kModule};
}

std::vector<postgres::SchemaMigrations> AllMigrations() {
  std::vector<postgres::SchemaMigrations> schemas;
  for (const server::ModuleDefinition& module : AllModules()) {
    std::vector<postgres::Migration> migrations = module.migrations();
    if (!migrations.empty()) schemas.push_back({module.name, std::move(migrations)});
  }
  return schemas;
}

}  // namespace datong::all_in_one
