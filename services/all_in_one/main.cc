#include "services/all_in_one/modules.h"

int main(int argc, char** argv) {
  return datong::server::Run(argc, argv, datong::all_in_one::AllModules());
}
