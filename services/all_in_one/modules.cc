#include "services/all_in_one/modules.h"

#ifdef DATONG_WITH_IDENTITY
#include "services/identity/module.h"
#endif
#ifdef DATONG_WITH_INGEST
#include "services/ingest/module.h"
#endif
#ifdef DATONG_WITH_BROKER
#include "services/broker/module.h"
#endif
#ifdef DATONG_WITH_DATACUBE
#include "services/datacube/module.h"
#endif
#ifdef DATONG_WITH_INSIGHT
#include "services/insight/module.h"
#endif
#ifdef DATONG_WITH_GATEWAY
#include "services/gateway/module.h"
#endif

namespace datong::all_in_one {

std::vector<server::ModuleDefinition> AllModules() {
  std::vector<server::ModuleDefinition> modules;
#ifdef DATONG_WITH_IDENTITY
  modules.push_back(identity::kModule);
#endif
#ifdef DATONG_WITH_INGEST
  modules.push_back(ingest::kModule);
#endif
#ifdef DATONG_WITH_BROKER
  modules.push_back(broker::kModule);
#endif
#ifdef DATONG_WITH_DATACUBE
  modules.push_back(datacube::kModule);
#endif
#ifdef DATONG_WITH_INSIGHT
  modules.push_back(insight::kModule);
#endif
#ifdef DATONG_WITH_GATEWAY
  modules.push_back(gateway::kModule);
#endif
  return modules;
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
