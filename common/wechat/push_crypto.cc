#include "common/wechat/push_crypto.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/strings.h"
#include "common/crypto/aes.h"
#include "common/crypto/hash.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::wechat {
namespace {

constexpr char kDomain[] = "wechat.datong";
constexpr size_t kBlock = 32;  // of the padding; twice that of AES
constexpr size_t kRandomSize = 16;
constexpr size_t kHeaderSize = kRandomSize + 4;

std::string SortedSha1(std::vector<absl::string_view> parts) {
  std::sort(parts.begin(), parts.end());
  return BytesToHex(crypto::Sha1(absl::StrJoin(parts, "")));
}

absl::Status SignatureMismatch(absl::string_view which) {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   absl::StrCat("The ", which,
                                " of the push is wrong; compare the token with the one that is set "
                                "on the platform."),
                   {kDomain, "SIGNATURE_MISMATCH", {{"parameter", std::string(which)}}});
}

absl::Status Broken(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("The encrypted body cannot be read: ", problem,
                                "; compare the EncodingAESKey with the one that is set on the "
                                "platform."),
                   {kDomain, "CIPHERTEXT_BROKEN", {{"problem", std::string(problem)}}});
}

absl::Status OpenDataBroken(absl::string_view problem) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("The open data cannot be read: ", problem, "; let the user log in again."),
      {kDomain, "OPEN_DATA_BROKEN", {{"problem", std::string(problem)}}});
}

std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const std::string byte = HexToBytes(text.substr(i + 1, 2));
      if (!byte.empty()) {
        out += byte;
        i += 2;
        continue;
      }
    }
    out.push_back(text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

}  // namespace

PushQuery ParsePushQuery(absl::string_view query) {
  PushQuery parsed;
  const std::vector<std::pair<absl::string_view, std::string*>> fields = {
      {"timestamp", &parsed.timestamp}, {"nonce", &parsed.nonce},
      {"signature", &parsed.signature}, {"msg_signature", &parsed.msg_signature},
      {"echostr", &parsed.echostr},     {"encrypt_type", &parsed.encrypt_type},
  };
  for (const absl::string_view pair : absl::StrSplit(query, '&')) {
    const std::pair<absl::string_view, absl::string_view> item =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    for (const auto& [name, field] : fields) {
      if (item.first == name) *field = Unescape(item.second);
    }
  }
  // An echostr whose '+' was not escaped arrives with blanks; base64 has none.
  std::replace(parsed.echostr.begin(), parsed.echostr.end(), ' ', '+');
  return parsed;
}

std::string PushSignature(const Secret& token, absl::string_view timestamp,
                          absl::string_view nonce) {
  return SortedSha1({token.Expose(), timestamp, nonce});
}

std::string PushSignature(const Secret& token, absl::string_view timestamp, absl::string_view nonce,
                          absl::string_view encrypt) {
  return SortedSha1({token.Expose(), timestamp, nonce, encrypt});
}

PushCrypto::PushCrypto(Secret token, Secret key, std::string receive_id)
    : token_(std::move(token)), key_(std::move(key)), receive_id_(std::move(receive_id)) {}

absl::StatusOr<PushCrypto> PushCrypto::Create(Secret token, const Secret& encoding_aes_key,
                                              std::string receive_id) {
  std::string key;
  if (encoding_aes_key.Expose().size() != 43 ||
      !crypto::Base64Decode(encoding_aes_key.Expose(), &key) || key.size() != 32) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     "The EncodingAESKey must have exactly 43 characters, A-Z, a-z and 0-9.",
                     {kDomain, "AES_KEY_INVALID", {}});
  }
  return PushCrypto(std::move(token), Secret(std::move(key)), std::move(receive_id));
}

absl::Status PushCrypto::CheckSignature(const PushQuery& query) const {
  if (!ConstantTimeEquals(PushSignature(token_, query.timestamp, query.nonce), query.signature)) {
    return SignatureMismatch("signature");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PushCrypto::Decrypt(const PushQuery& query,
                                                absl::string_view encrypt) const {
  if (!ConstantTimeEquals(PushSignature(token_, query.timestamp, query.nonce, encrypt),
                          query.msg_signature)) {
    return SignatureMismatch("msg_signature");
  }
  return DecryptUnchecked(encrypt);
}

absl::StatusOr<std::string> PushCrypto::VerifyUrl(const PushQuery& query) const {
  if (!query.msg_signature.empty()) return Decrypt(query, query.echostr);
  DATONG_RETURN_IF_ERROR(CheckSignature(query));
  return query.echostr;
}

SealedPush PushCrypto::Encrypt(absl::string_view message, absl::string_view timestamp,
                               absl::string_view nonce) const {
  SealedPush sealed;
  sealed.encrypt = EncryptWith(crypto::RandomBytes(kRandomSize), message);
  sealed.timestamp = std::string(timestamp);
  sealed.nonce = std::string(nonce);
  sealed.msg_signature = PushSignature(token_, timestamp, nonce, sealed.encrypt);
  return sealed;
}

std::string PushCrypto::EncryptWith(absl::string_view random16, absl::string_view message) const {
  std::string plain(random16);
  const auto size = static_cast<uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    plain.push_back(static_cast<char>((size >> shift) & 0xff));
  }
  absl::StrAppend(&plain, message, receive_id_);
  const size_t padding = kBlock - plain.size() % kBlock;
  plain.append(padding, static_cast<char>(padding));
  return crypto::Base64Encode(
      crypto::CbcEncrypt(key_.Expose(), absl::string_view(key_.Expose()).substr(0, 16), plain)
          .value_or(""));
}

absl::StatusOr<std::string> PushCrypto::DecryptUnchecked(absl::string_view encrypt) const {
  std::string bytes;
  if (!crypto::Base64Decode(encrypt, &bytes)) return Broken("Encrypt is not base64");
  if (bytes.size() < kBlock || bytes.size() % 16 != 0) {
    return Broken("Encrypt has an impossible length");
  }
  const std::optional<std::string> plain =
      crypto::CbcDecrypt(key_.Expose(), absl::string_view(key_.Expose()).substr(0, 16), bytes);
  if (!plain) return Broken("decryption failed");
  const auto padding = static_cast<size_t>(static_cast<unsigned char>(plain->back()));
  if (padding < 1 || padding > kBlock || padding > plain->size() ||
      plain->find_last_not_of(plain->back()) + 1 > plain->size() - padding) {
    return Broken("the padding is wrong");
  }
  const absl::string_view content(plain->data(), plain->size() - padding);
  if (content.size() < kHeaderSize) return Broken("it is too short");
  uint32_t size = 0;
  for (size_t i = kRandomSize; i < kHeaderSize; ++i) {
    size = (size << 8) | static_cast<unsigned char>(content[i]);
  }
  if (size > content.size() - kHeaderSize) return Broken("the length inside is wrong");
  const absl::string_view receive_id = content.substr(kHeaderSize + size);
  if (receive_id != receive_id_) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("The push is for \"", SanitizeUtf8(receive_id), "\", not for \"",
                                  receive_id_, "\"."),
                     {kDomain,
                      "RECEIVE_ID_MISMATCH",
                      {{"expected", receive_id_}, {"got", SanitizeUtf8(receive_id)}}});
  }
  return std::string(content.substr(kHeaderSize, size));
}

std::string ReplyXml(const SealedPush& sealed) {
  return absl::StrCat("<xml><Encrypt><![CDATA[", sealed.encrypt,
                      "]]></Encrypt><MsgSignature><![CDATA[", sealed.msg_signature,
                      "]]></MsgSignature><TimeStamp>", sealed.timestamp,
                      "</TimeStamp><Nonce><![CDATA[", sealed.nonce, "]]></Nonce></xml>");
}

std::string ReplyJson(const SealedPush& sealed) {
  int64_t timestamp = 0;
  static_cast<void>(absl::SimpleAtoi(sealed.timestamp, &timestamp));
  return nlohmann::json{{"Encrypt", sealed.encrypt},
                        {"MsgSignature", sealed.msg_signature},
                        {"TimeStamp", timestamp},
                        {"Nonce", sealed.nonce}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string PushXml(absl::string_view to_name, absl::string_view to, absl::string_view encrypt) {
  return absl::StrCat("<xml><", to_name, "><![CDATA[", to, "]]></", to_name, "><Encrypt><![CDATA[",
                      encrypt, "]]></Encrypt></xml>");
}

std::string PushJson(absl::string_view to, absl::string_view encrypt) {
  return nlohmann::json{{"ToUserName", std::string(to)}, {"Encrypt", std::string(encrypt)}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<std::string> DecryptOpenData(const Secret& session_key, absl::string_view iv,
                                            absl::string_view encrypted_data,
                                            absl::string_view appid) {
  std::string key, start, bytes;
  if (!crypto::Base64Decode(session_key.Expose(), &key) || key.size() != 16) {
    return OpenDataBroken("the session key does not hold 16 bytes");
  }
  if (!crypto::Base64Decode(iv, &start) || start.size() != 16) {
    return OpenDataBroken("iv does not hold 16 bytes");
  }
  if (!crypto::Base64Decode(encrypted_data, &bytes) || bytes.empty()) {
    return OpenDataBroken("encryptedData is not base64");
  }
  std::optional<std::string> plain = crypto::CbcDecrypt(key, start, bytes);
  if (!plain) return OpenDataBroken("encryptedData has an impossible length");
  const auto padding = static_cast<size_t>(static_cast<unsigned char>(plain->back()));
  if (padding < 1 || padding > 16 ||
      plain->find_last_not_of(plain->back()) + 1 > plain->size() - padding) {
    return OpenDataBroken("the padding is wrong");
  }
  plain->resize(plain->size() - padding);
  const nlohmann::json json = nlohmann::json::parse(*plain, nullptr, false);
  const auto watermark = json.is_object() ? json.find("watermark") : json.end();
  if (!json.is_object() || watermark == json.end() || !watermark->is_object()) {
    return OpenDataBroken("it holds no JSON with a watermark");
  }
  const auto owner = watermark->find("appid");
  if (owner == watermark->end() || !owner->is_string() || owner->get<std::string>() != appid) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("The open data belongs to another app than \"", appid, "\"."),
                     {kDomain, "OPEN_DATA_OF_ANOTHER_APP", {{"app", std::string(appid)}}});
  }
  return *std::move(plain);
}

}  // namespace datong::wechat
