#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/secret.h"

namespace datong::wechat {

// The parameters of a push's URL, decoded.
struct PushQuery {
  std::string timestamp;
  std::string nonce;
  std::string signature;      // covers token, timestamp and nonce only, never the body
  std::string msg_signature;  // covers Encrypt (or echostr) too
  std::string echostr;
  std::string encrypt_type;  // "" and "raw" are plain, "aes" is encrypted
  bool is_encrypted() const { return encrypt_type == "aes"; }
};
// Reads a raw query string.
PushQuery ParsePushQuery(absl::string_view query);

// An encrypted body with what proves it.
struct SealedPush {
  std::string encrypt;  // base64
  std::string msg_signature;
  std::string timestamp;
  std::string nonce;
};

// Lower-case hex SHA-1 of the byte-wise sorted parts: token, timestamp, nonce and, for
// msg_signature, Encrypt.
std::string PushSignature(const Secret& token, absl::string_view timestamp,
                          absl::string_view nonce);
std::string PushSignature(const Secret& token, absl::string_view timestamp, absl::string_view nonce,
                          absl::string_view encrypt);

// WXBizMsgCrypt: what WeChat and WeCom push, and what answers them, for one token, one
// EncodingAESKey and one receive id (appid, component appid, corp or suite id). Thread-safe.
class PushCrypto {
 public:
  // Errors: INVALID_ARGUMENT/AES_KEY_INVALID (not 43 characters of base64).
  static absl::StatusOr<PushCrypto> Create(Secret token, const Secret& encoding_aes_key,
                                           std::string receive_id);

  // The plain mode's check. Errors: UNAUTHENTICATED/SIGNATURE_MISMATCH.
  absl::Status CheckSignature(const PushQuery& query) const;

  // Verifies msg_signature in constant time, before anything is parsed, then decrypts and compares
  // the receive id. Errors: UNAUTHENTICATED/SIGNATURE_MISMATCH, INVALID_ARGUMENT/CIPHERTEXT_BROKEN
  // (metadata `problem`), INVALID_ARGUMENT/RECEIVE_ID_MISMATCH (metadata `expected`, `got`).
  absl::StatusOr<std::string> Decrypt(const PushQuery& query, absl::string_view encrypt) const;

  // The answer to a GET that verifies the URL: echostr itself, or decrypted when the query has a
  // msg_signature. Errors: as of Decrypt.
  absl::StatusOr<std::string> VerifyUrl(const PushQuery& query) const;

  SealedPush Encrypt(absl::string_view message, absl::string_view timestamp,
                     absl::string_view nonce) const;

  // Decrypts without a signature check. `random16` of EncryptWith is for tests.
  absl::StatusOr<std::string> DecryptUnchecked(absl::string_view encrypt) const;
  std::string EncryptWith(absl::string_view random16, absl::string_view message) const;

  const std::string& receive_id() const { return receive_id_; }

 private:
  PushCrypto(Secret token, Secret key, std::string receive_id);
  Secret token_;
  Secret key_;  // 32 bytes
  std::string receive_id_;
};

// The body of an encrypted reply, XML or JSON.
std::string ReplyXml(const SealedPush& sealed);
std::string ReplyJson(const SealedPush& sealed);
// The body of an encrypted push; `to_name` is "ToUserName" or, on a component's event URL, "AppId".
std::string PushXml(absl::string_view to_name, absl::string_view to, absl::string_view encrypt);
std::string PushJson(absl::string_view to, absl::string_view encrypt);

// A mini program's encryptedData (AES-128-CBC with the session key); checks watermark.appid and
// answers the JSON. Errors: INVALID_ARGUMENT/OPEN_DATA_BROKEN (also when the session key is another
// one: log in again), INVALID_ARGUMENT/OPEN_DATA_OF_ANOTHER_APP.
absl::StatusOr<std::string> DecryptOpenData(const Secret& session_key, absl::string_view iv,
                                            absl::string_view encrypted_data,
                                            absl::string_view appid);

}  // namespace datong::wechat
