#pragma once

#include "common/server/module.h"

namespace datong::gateway {

extern const server::ModuleDefinition kModule;

}  // namespace datong::gateway
