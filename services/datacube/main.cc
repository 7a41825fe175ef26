#include "common/server/module.h"
#include "services/datacube/module.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, {datong::datacube::kModule});
}
