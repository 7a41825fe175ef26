#include "tools/datong/connection.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/client.h"

namespace datong::tools {
namespace {

constexpr int kMostMessageBytes = 64 << 20;

bool IsThisMachine(const std::string& address) {
  return absl::StartsWith(address, "127.0.0.1:") || absl::StartsWith(address, "localhost:") ||
         absl::StartsWith(address, "[::1]:");
}

}  // namespace

absl::StatusOr<Secret> ApiKeyFor(const std::string& address) {
  const char* named = std::getenv("DATONG_API_KEY_FILE");
  const bool is_named = named != nullptr && *named != '\0';
  const std::string path = is_named ? named : absl::StrCat(".datong/", kDevApiKeyFile);
  if (!is_named && !(IsThisMachine(address) && std::filesystem::exists(path))) return Secret();
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in || text.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("Cannot read an API key from ", path, "."));
  }
  return Secret(std::string(absl::StripAsciiWhitespace(text)));
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const Secret& api_key) {
  rpc::ChannelOptions options{.max_message_bytes = kMostMessageBytes, .headers = {}};
  if (!api_key.empty()) options.headers["authorization"] = "Bearer " + api_key.Expose();
  return rpc::CreateChannel(address, options);
}

}  // namespace datong::tools
