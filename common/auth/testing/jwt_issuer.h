#pragma once

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace datong::auth {

// Signs tokens for tests, with a key of its own made at once.
class JwtIssuer {
 public:
  // `algorithm`: RS256, ES256 or EdDSA.
  explicit JwtIssuer(std::string algorithm, std::string kid = "k1", int rsa_bits = 2048)
      : algorithm_(std::move(algorithm)), kid_(std::move(kid)), key_(nullptr, &EVP_PKEY_free) {
    if (algorithm_ == "RS256") key_.reset(EVP_RSA_gen(static_cast<unsigned>(rsa_bits)));
    if (algorithm_ == "ES256") key_.reset(EVP_EC_gen("P-256"));
    if (algorithm_ == "EdDSA") key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }

  static std::string Url(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

  std::string Jwk() const {
    const std::string head = absl::StrCat("{\"kid\":\"", kid_, "\",\"use\":\"sig\",");
    if (algorithm_ == "RS256") {
      return absl::StrCat(head, "\"kty\":\"RSA\",\"n\":\"", Url(Number("n")), "\",\"e\":\"",
                          Url(Number("e")), "\"}");
    }
    if (algorithm_ == "ES256") {
      return absl::StrCat(head, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"", Url(Number("qx", 32)),
                          "\",\"y\":\"", Url(Number("qy", 32)), "\"}");
    }
    return absl::StrCat(head, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"", Url(PublicKey()),
                        "\"}");
  }
  std::string Jwks() const { return absl::StrCat("{\"keys\":[", Jwk(), "]}"); }

  std::string Sign(const std::string& claims) const {
    return SignAs(absl::StrCat("{\"alg\":\"", algorithm_, "\",\"kid\":\"", kid_, "\"}"), claims);
  }
  // With a header of the test's choice.
  std::string SignAs(const std::string& header, const std::string& claims) const {
    const std::string text = absl::StrCat(Url(header), ".", Url(claims));
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, algorithm_ == "EdDSA" ? nullptr : EVP_sha256(), nullptr,
                       key_.get());
    size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    EVP_DigestSign(context, nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   text.size());
    signature.resize(size);
    EVP_MD_CTX_free(context);
    return absl::StrCat(text, ".", Url(algorithm_ == "ES256" ? Raw(signature) : signature));
  }

  std::string PublicKey() const {
    size_t size = 32;
    std::string bytes(size, '\0');
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
    return bytes;
  }

 private:
  std::string Number(const char* name, int size = 0) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &number);
    std::string bytes(static_cast<size_t>(size != 0 ? size : BN_num_bytes(number)), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(number);
    return bytes;
  }
  static std::string Raw(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string bytes(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(bytes.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
    ECDSA_SIG_free(pair);
    return bytes;
  }

  std::string algorithm_;
  std::string kid_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace datong::auth
