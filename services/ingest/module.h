#pragma once

#include "common/server/module.h"

namespace datong::ingest {

// The event stream: sources, the HTTP collector, events over gRPC, quarantine.
extern const server::ModuleDefinition kModule;

}  // namespace datong::ingest
