#pragma once

#include "common/server/module.h"

namespace datong::identity {

extern const server::ModuleDefinition kModule;

}  // namespace datong::identity
