#include "tools/datong/dev_addresses.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/datong/program_path.h"

namespace datong::tools {
namespace {

std::string Line(const std::string& what, const std::string& where) {
  return absl::StrFormat("  %-11s %s\n", what, where);
}

bool HasProcesses(const Doors& doors) { return doors.gateway_url != doors.collector_url; }

}  // namespace

std::string AddressLines(DevStack& stack) {
  const Doors& doors = stack.doors();
  std::string lines;
  if (HasProcesses(doors)) {
    for (const auto& [name, door] : doors.services) {
      lines += Line(name, absl::StrCat("gRPC ", door.grpc_address, " (TLS)   metrics ",
                                       door.metrics_url, "/metrics   log ", door.log_file));
    }
    lines += Line("HTTP", doors.gateway_url +
                              "   console (open it in a browser), callbacks, launch pages, RPCs as "
                              "JSON");
    lines += Line("collector", doors.collector_url + "   for SDKs");
  } else {
    const Door& door = doors.services.at("broker");
    lines += Line("gRPC", door.grpc_address);
    lines += Line("HTTP", doors.gateway_url +
                              "   console (open it in a browser), callbacks, launch pages, "
                              "collector, RPCs as JSON");
    lines += Line("metrics", door.metrics_url + "/metrics");
    lines += Line("log", door.log_file);
  }
  lines += Line("wechat-sim", stack.simulator().url() + "   its clock and faults: /admin");
  lines += Line("database", absl::StrCat("psql \"", stack.dsn().Expose(), "\""));
  return lines;
}

std::string ExportLines(const DevStack& stack) {
  std::string lines =
      absl::StrCat("  export DATONG_API_KEY_FILE=", ShellWord(stack.api_key_file()), "\n");
  if (!stack.doors().ca_file.empty()) {
    absl::StrAppend(&lines, "  export DATONG_TLS_CA_FILE=", ShellWord(stack.doors().ca_file), "\n");
  }
  return lines;
}

std::string SelftestArguments(const DevStack& stack) {
  const Doors& doors = stack.doors();
  std::string arguments = absl::StrCat("selftest --address ", stack.grpc_address());
  if (!HasProcesses(doors)) return arguments;
  for (const auto& [name, door] : doors.services) {
    absl::StrAppend(&arguments, " --component ", name, "=", door.grpc_address);
  }
  return arguments;
}

}  // namespace datong::tools
