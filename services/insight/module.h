#pragma once

#include "common/server/module.h"

namespace datong::insight {

extern const server::ModuleDefinition kModule;

}  // namespace datong::insight
