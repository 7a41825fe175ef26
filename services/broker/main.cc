#include "services/broker/module.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, {datong::broker::kModule});
}
