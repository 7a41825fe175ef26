#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/secret.h"

namespace datong::tools {

// Where `datong dev` keeps the API key of whoever develops, below its data folder.
inline constexpr char kDevApiKeyFile[] = "auth/api-key";

// The API key to call `address` with: of the file that DATONG_API_KEY_FILE names, else the one that
// `datong dev` left in ./.datong, for this machine's addresses only. "" for none.
// Errors: FAILED_PRECONDITION when the file that is named cannot be read.
absl::StatusOr<Secret> ApiKeyFor(const std::string& address);

// A channel whose calls carry the key; none is sent when it is empty. With DATONG_TLS_CA_FILE it
// speaks TLS, and with DATONG_TLS_CERT_FILE and DATONG_TLS_KEY_FILE it brings a certificate.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const Secret& api_key);
// The same whatever the environment says: TLS with this authority, plaintext without.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, const Secret& api_key,
                                           const std::string& ca_file);
// As the environment says, but without a key and a certificate.
std::shared_ptr<grpc::Channel> OpenNamelessChannel(const std::string& address);

}  // namespace datong::tools
