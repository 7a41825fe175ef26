#include "common/rpc/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::rpc {
namespace {

namespace tls = grpc::experimental;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using CertificatePtr = std::unique_ptr<X509, Freer<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;

std::shared_ptr<tls::CertificateProviderInterface> Watch(const TlsFiles& files) {
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(files.reload_interval));
  return std::make_shared<tls::FileWatcherCertificateProvider>(
      files.key_file, files.cert_file, files.ca_file, static_cast<unsigned>(seconds));
}

absl::Status Unusable(const std::string& file, const std::string& problem) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("The TLS file ", file, " ", problem, "."),
                   {"datong", "TLS_FILES_UNUSABLE", {{"file", file}, {"problem", problem}}});
}

template <typename Read>
auto ReadPem(const std::string& file, Read read) -> decltype(read(nullptr)) {
  const std::unique_ptr<BIO, int (*)(BIO*)> in(BIO_new_file(file.c_str(), "r"), &BIO_free);
  return in == nullptr ? nullptr : read(in.get());
}

CertificatePtr ReadCertificate(const std::string& file) {
  return CertificatePtr(
      ReadPem(file, [](BIO* in) { return PEM_read_bio_X509(in, nullptr, nullptr, nullptr); }));
}

double ToSeconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<double>(timegm(&parts)) : 0;
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsFiles& files) {
  tls::TlsServerCredentialsOptions options(Watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return tls::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const TlsFiles& files) {
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  return tls::TlsCredentials(options);
}

CertificateTimes::CertificateTimes(TlsFiles files, metrics::Registry& registry)
    : files_(std::move(files)),
      server_{registry.AddGauge("datong_tls_certificate_not_before_timestamp_seconds",
                                "When the certificate begins to hold.", {{"usage", "server"}}),
              registry.AddGauge("datong_tls_certificate_not_after_timestamp_seconds",
                                "When the certificate ends to hold.", {{"usage", "server"}})},
      client_{registry.AddGauge("datong_tls_certificate_not_before_timestamp_seconds",
                                "When the certificate begins to hold.", {{"usage", "client"}}),
              registry.AddGauge("datong_tls_certificate_not_after_timestamp_seconds",
                                "When the certificate ends to hold.", {{"usage", "client"}})},
      ca_{registry.AddGauge("datong_tls_certificate_not_before_timestamp_seconds",
                            "When the certificate begins to hold.", {{"usage", "ca"}}),
          registry.AddGauge("datong_tls_certificate_not_after_timestamp_seconds",
                            "When the certificate ends to hold.", {{"usage", "ca"}})} {}

absl::Status CertificateTimes::Update() {
  const CertificatePtr own = ReadCertificate(files_.cert_file);
  if (own == nullptr) return Unusable(files_.cert_file, "holds no certificate");
  const CertificatePtr authority = ReadCertificate(files_.ca_file);
  if (authority == nullptr) return Unusable(files_.ca_file, "holds no certificate");
  const KeyPtr key(ReadPem(files_.key_file, [](BIO* in) {
    return PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  }));
  if (key == nullptr) return Unusable(files_.key_file, "holds no key");
  if (X509_check_private_key(own.get(), key.get()) != 1) {
    return Unusable(files_.key_file, "holds the key of another certificate");
  }
  const auto set = [](const Times& times, const X509* certificate) {
    times.begin.Set(ToSeconds(X509_get0_notBefore(certificate)));
    times.end.Set(ToSeconds(X509_get0_notAfter(certificate)));
  };
  set(server_, own.get());
  set(client_, own.get());
  set(ca_, authority.get());
  return absl::OkStatus();
}

}  // namespace datong::rpc
