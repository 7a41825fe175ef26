#include "common/server/module.h"
#include "services/identity/module.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, {datong::identity::kModule});
}
