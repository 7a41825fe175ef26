#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace datong::tools {

// The trust domain of development certificates, and a service's identity in it.
inline constexpr char kDevTrustDomain[] = "datong.dev";
std::string DevSpiffeId(const std::string& service);

// An authority in `folder` (ca.crt, ca.key), made once and kept, and for each service a folder as a
// Kubernetes TLS secret is mounted (<service>/tls.crt, tls.key, ca.crt) with a certificate of its
// own for 127.0.0.1, made anew each time and put in the old one's place in one step.
// Errors: FAILED_PRECONDITION/DATA_FOLDER_UNUSABLE.
absl::Status MakeDevCertificates(const std::filesystem::path& folder,
                                 const std::vector<std::string>& services);

}  // namespace datong::tools
