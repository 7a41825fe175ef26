#pragma once

#include "common/server/module.h"

namespace datong::broker {

extern const server::ModuleDefinition kModule;

}  // namespace datong::broker
