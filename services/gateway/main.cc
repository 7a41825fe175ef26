#include "common/server/module.h"
#include "services/gateway/module.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, {datong::gateway::kModule});
}
