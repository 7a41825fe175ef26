#include "common/identifier/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace datong {

std::array<unsigned char, 32> Sha256(absl::string_view bytes) {
  // Looked up and made once: the functions of one call do so each time, which takes longer than the
  // hash and a lock that all threads meet on.
  static const EVP_MD* const kKind = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<unsigned char, 32> digest;
  if (EVP_DigestInit_ex(context.get(), kKind, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    std::abort();
  }
  return digest;
}

}  // namespace datong
