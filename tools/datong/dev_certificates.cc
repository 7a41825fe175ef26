#include "tools/datong/dev_certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "tools/datong/dev_identity.h"

namespace datong::tools {
namespace {

namespace fs = std::filesystem;

constexpr long kDay = 24L * 60 * 60;
constexpr long kAuthorityDays = 3650;
constexpr long kServiceDays = 365;
// Clocks of one machine agree, but may be set back a little.
constexpr long kBeginsBefore = 60L * 60;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;

struct Pair {
  Key key;
  Certificate certificate;
};

absl::Status Unusable(const fs::path& folder, const std::string& problem) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("Cannot make certificates in ", folder.native(), ": ", problem, "."),
      {"datong", "DATA_FOLDER_UNUSABLE", {{"folder", folder.native()}}});
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A new key and its certificate, signed by `issuer`, or by itself when that is null. Holds nothing
// when OpenSSL refuses.
Pair Issue(const std::string& name, long days, const Pair* issuer, const std::string& names) {
  Pair pair{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* certificate = pair.certificate.get();
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_NAME* subject = X509_get_subject_name(certificate);
  const bool is_made =
      pair.key != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(certificate), -kBeginsBefore) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(certificate), days * kDay) != nullptr &&
      X509_set_pubkey(certificate, pair.key.get()) == 1 &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                 0) == 1 &&
      X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1 &&
      AddExtension(certificate, signer, NID_basic_constraints,
                   issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
      AddExtension(
          certificate, signer, NID_key_usage,
          issuer == nullptr ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
      (names.empty() || AddExtension(certificate, signer, NID_subject_alt_name, names)) &&
      X509_sign(certificate, issuer == nullptr ? pair.key.get() : issuer->key.get(), EVP_sha256()) >
          0;
  return is_made ? std::move(pair) : Pair();
}

template <typename Write>
std::string ToPem(Write write) {
  const Bio out(BIO_new(BIO_s_mem()));
  write(out.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}
std::string ToPem(X509* certificate) {
  return ToPem([&](BIO* out) { PEM_write_bio_X509(out, certificate); });
}
std::string ToPem(EVP_PKEY* key) {
  return ToPem([&](BIO* out) {
    PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// Holds nothing when there is none.
Pair ReadAuthority(const fs::path& folder) {
  const Bio key(BIO_new_file((folder / "ca.key").c_str(), "r"));
  const Bio certificate(BIO_new_file((folder / "ca.crt").c_str(), "r"));
  if (key == nullptr || certificate == nullptr) return {};
  return {Key(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr)),
          Certificate(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr))};
}

// Makes folder/service lead to `fresh`: whoever reads sees the old files or the new ones.
absl::Status Replace(const fs::path& folder, const std::string& service, const fs::path& fresh) {
  std::error_code failed;
  const fs::path before = fs::read_symlink(folder / service, failed);
  const fs::path next = fresh.native() + ".next";
  fs::create_symlink(fresh.filename(), next, failed);
  if (!failed) fs::rename(next, folder / service, failed);
  if (failed) return Unusable(folder, failed.message());
  if (!before.empty()) fs::remove_all(folder / before, failed);
  return absl::OkStatus();
}

}  // namespace

std::string DevSpiffeId(const std::string& service) {
  return absl::StrCat("spiffe://", kDevTrustDomain, "/ns/dev/sa/", service);
}

absl::Status MakeDevCertificates(const fs::path& folder, const std::vector<std::string>& services) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  Pair authority = ReadAuthority(folder);
  if (authority.key == nullptr || authority.certificate == nullptr) {
    authority = Issue("datong development", kAuthorityDays, nullptr, "");
    if (authority.certificate == nullptr) return Unusable(folder, "OpenSSL makes no authority");
    DATONG_RETURN_IF_ERROR(WritePrivateFile(folder / "ca.key", ToPem(authority.key.get())));
    DATONG_RETURN_IF_ERROR(WritePrivateFile(folder / "ca.crt", ToPem(authority.certificate.get())));
  }
  for (const std::string& service : services) {
    const Pair own =
        Issue(service, kServiceDays, &authority,
              absl::StrCat("URI:", DevSpiffeId(service), ",IP:127.0.0.1,DNS:localhost"));
    if (own.certificate == nullptr) return Unusable(folder, "OpenSSL makes no certificate");
    const fs::path at = folder / absl::StrCat(service, ".", RandomHex(8));
    fs::create_directories(at, failed);
    DATONG_RETURN_IF_ERROR(WritePrivateFile(at / "tls.key", ToPem(own.key.get())));
    DATONG_RETURN_IF_ERROR(WritePrivateFile(at / "tls.crt", ToPem(own.certificate.get())));
    DATONG_RETURN_IF_ERROR(WritePrivateFile(at / "ca.crt", ToPem(authority.certificate.get())));
    DATONG_RETURN_IF_ERROR(Replace(folder, service, at));
  }
  return absl::OkStatus();
}

}  // namespace datong::tools
