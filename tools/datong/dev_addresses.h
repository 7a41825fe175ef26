#pragma once

#include <string>

#include "tools/datong/dev_stack.h"

namespace datong::tools {

// Where everything of a running stack is, a line each, to be read by a person.
std::string AddressLines(DevStack& stack);
// What a shell has to know before it calls the stack: lines with "export".
std::string ExportLines(const DevStack& stack);
// The arguments of `datong selftest` for it.
std::string SelftestArguments(const DevStack& stack);

}  // namespace datong::tools
