#include "services/gateway/config.h"

namespace datong::gateway {

Config Config::FromSettings(config::Settings& settings) {
  Config config;
  config.push.timeout = settings.Duration(
      "gateway.push_timeout", config.push.timeout, absl::Milliseconds(100),
      absl::Milliseconds(4500), "How long a callback may take in all; WeChat gives up after 5s.");
  config.connect.default_timeout = settings.Duration(
      "gateway.rpc_timeout", config.connect.default_timeout, absl::Milliseconds(100),
      absl::Minutes(1), "How long an RPC over HTTP may take when its caller says nothing.");
  config.connect.max_message_bytes =
      settings.Int("gateway.max_message_bytes", config.connect.max_message_bytes, 1 << 10, 8 << 20,
                   "The largest request of an RPC over HTTP, unpacked.");
  return config;
}

}  // namespace datong::gateway
