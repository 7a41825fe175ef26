#include "common/server/module.h"
#include "services/insight/module.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, {datong::insight::kModule});
}
