#include "tools/datong/connection.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

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

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The content of the file that a variable names, "" for none.
std::string FileOf(const char* variable) {
  const char* path = std::getenv(variable);
  return path == nullptr ? "" : Read(path);
}

// The variables of the settings of the same names; nullptr for plaintext.
std::shared_ptr<grpc::ChannelCredentials> CredentialsOfEnvironment(bool with_certificate) {
  if (std::getenv("DATONG_TLS_CA_FILE") == nullptr) return nullptr;
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = FileOf("DATONG_TLS_CA_FILE");
  if (with_certificate) {
    options.pem_cert_chain = FileOf("DATONG_TLS_CERT_FILE");
    options.pem_private_key = FileOf("DATONG_TLS_KEY_FILE");
  }
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> Open(const std::string& address, const Secret& api_key,
                                    std::shared_ptr<grpc::ChannelCredentials> credentials) {
  rpc::ChannelOptions options{.max_message_bytes = kMostMessageBytes, .headers = {}};
  options.credentials = std::move(credentials);
  if (!api_key.empty()) options.headers["authorization"] = "Bearer " + api_key.Expose();
  return rpc::CreateChannel(address, options);
}

}  // namespace

absl::StatusOr<Secret> ApiKeyFor(const std::string& address) {
  const char* named = std::getenv("DATONG_API_KEY_FILE");
  const bool is_named = named != nullptr && *named != '\0';
  const std::string path = is_named ? named : absl::StrCat(".datong/", kDevApiKeyFile);
  if (!is_named && !(IsThisMachine(address) && std::filesystem::exists(path))) return Secret();
  const std::string text = Read(path);
  if (text.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("Cannot read an API key from ", path, "."));
  }
  return Secret(std::string(absl::StripAsciiWhitespace(text)));
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const Secret& api_key) {
  return Open(address, api_key, CredentialsOfEnvironment(/*with_certificate=*/true));
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const Secret& api_key,
                                           const std::string& ca_file) {
  if (ca_file.empty()) return Open(address, api_key, nullptr);
  return Open(address, api_key, grpc::SslCredentials({Read(ca_file), "", ""}));
}

std::shared_ptr<grpc::Channel> OpenNamelessChannel(const std::string& address) {
  rpc::ChannelOptions options;
  options.credentials = CredentialsOfEnvironment(/*with_certificate=*/false);
  return rpc::CreateChannel(address, options);
}

}  // namespace datong::tools
