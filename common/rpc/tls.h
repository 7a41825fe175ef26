#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/metrics/registry.h"

namespace datong::rpc {

// The certificate with which a service serves and calls, its key, and the authority that signs
// those of all services: PEM files. Connections that begin after the files were replaced use the
// new ones.
struct TlsFiles {
  std::string cert_file;
  std::string key_file;
  std::string ca_file;
  absl::Duration reload_interval = absl::Minutes(1);

  bool enabled() const { return !cert_file.empty(); }
};

// TLS 1.2 and later. Clients may come without a certificate, but not with one of another authority.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsFiles& files);
// Servers must have a certificate of the authority for the name that was called.
std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files);

// datong_tls_certificate_not_before/not_after_timestamp_seconds. One task calls Update.
class CertificateTimes {
 public:
  CertificateTimes(TlsFiles files, metrics::Registry& registry);
  // Errors: FAILED_PRECONDITION/TLS_FILES_UNUSABLE: a file that holds no certificate or key, or a
  // key of another certificate.
  absl::Status Update();

 private:
  struct Times {
    metrics::Gauge& begin;
    metrics::Gauge& end;
  };
  const TlsFiles files_;
  Times server_;
  Times client_;
  Times ca_;
};

}  // namespace datong::rpc
