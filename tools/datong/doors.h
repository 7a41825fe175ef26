#pragma once

#include <map>
#include <string>

namespace datong::tools {

// Where one service is reached, and what it says.
struct Door {
  std::string grpc_address;  // "127.0.0.1:41234"
  std::string metrics_url;   // no slash at the end, as in all of these
  std::string log_file;
};

// Where a running suite is reached: every service at one door when one process runs them all.
struct Doors {
  std::map<std::string, Door> services;  // by name: "broker"
  std::string gateway_url;
  std::string collector_url;  // where SDKs send their events
  std::string ca_file;        // of the authority to trust; "" where plaintext is spoken
};

}  // namespace datong::tools
