#include "common/server/module.h"
#include "services/ingest/module.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, {datong::ingest::kModule});
}
