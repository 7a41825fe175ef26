#include "common/wechat/push_crypto.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/testing/matchers.h"
#include "common/wechat/message.h"

namespace datong::wechat {
namespace {

using nlohmann::json;

json Load(const std::string& file) { return json::parse(std::ifstream("testdata/" + file)); }

json VectorOf(const json& vectors, const std::string& id) {
  for (const json& vector : vectors["vectors"]) {
    if (vector["id"] == id) return vector;
  }
  ADD_FAILURE() << "no vector " << id;
  return json::object();
}

bool Holds(const json& vector, const std::string& relation) {
  const json& verified = vector["verified"];
  return std::find(verified.begin(), verified.end(), relation) != verified.end();
}

PushQuery QueryOf(const json& vector) {
  PushQuery query;
  query.timestamp = vector.value("timestamp", "");
  query.nonce = vector.value("nonce", "");
  query.signature = vector.value("signature", "");
  query.msg_signature = vector.value("msg_signature", "");
  query.echostr = vector.value("echostr", "");
  return query;
}

absl::StatusOr<PushCrypto> CryptoOf(const json& vector) {
  return PushCrypto::Create(Secret(vector.value("token", "")),
                            Secret(vector.value("encodingAESKey", "")), vector.value("appid", ""));
}

TEST(PushCryptoTest, HoldsEveryRelationOfTheVectors) {
  const json vectors = Load("vectors.json");
  int checked = 0;
  for (const json& vector : vectors["vectors"]) {
    SCOPED_TRACE(vector["id"].get<std::string>());
    const Secret token(vector.value("token", ""));
    const PushQuery query = QueryOf(vector);
    const std::string encrypt = vector.value("encrypt", "");
    if (Holds(vector, "signature")) {
      EXPECT_EQ(PushSignature(token, query.timestamp, query.nonce), query.signature);
      ++checked;
    }
    if (Holds(vector, "msg_signature")) {
      EXPECT_EQ(PushSignature(token, query.timestamp, query.nonce, encrypt), query.msg_signature);
      ++checked;
    }
    if (!Holds(vector, "decrypt")) continue;
    const auto push_crypto = CryptoOf(vector);
    ASSERT_OK(push_crypto);
    EXPECT_THAT(push_crypto->DecryptUnchecked(encrypt),
                IsOkAndHolds(vector["plaintext"].get<std::string>()));
    EXPECT_EQ(push_crypto->EncryptWith(vector["random"].get<std::string>(),
                                       vector["plaintext"].get<std::string>()),
              encrypt);
    if (Holds(vector, "msg_signature")) {
      EXPECT_THAT(push_crypto->Decrypt(query, encrypt),
                  IsOkAndHolds(vector["plaintext"].get<std::string>()));
    }
    ++checked;
  }
  EXPECT_GE(checked, 18);
}

TEST(PushCryptoTest, AnswersBothKindsOfUrlVerification) {
  const json vectors = Load("vectors.json");
  const json encrypted = VectorOf(vectors, "wechatpy-echostr-encrypted");
  PushQuery query = QueryOf(encrypted);
  query.echostr = encrypted["encrypt"];
  EXPECT_THAT(CryptoOf(encrypted)->VerifyUrl(query),
              IsOkAndHolds(encrypted["plaintext"].get<std::string>()));

  json plain = VectorOf(vectors, "official-url-verify-plain");
  plain["encodingAESKey"] = encrypted["encodingAESKey"];
  query = QueryOf(plain);
  EXPECT_THAT(CryptoOf(plain)->VerifyUrl(query), IsOkAndHolds(query.echostr));
  query.signature[0] = query.signature[0] == 'a' ? 'b' : 'a';
  EXPECT_THAT(CryptoOf(plain)->VerifyUrl(query),
              IsError(absl::StatusCode::kUnauthenticated, "SIGNATURE_MISMATCH"));
}

TEST(PushCryptoTest, RefusesTheNegativeVectors) {
  const json vectors = Load("vectors.json");
  for (const json& negative : vectors["negative"]) {
    const std::string id = negative["id"];
    SCOPED_TRACE(id);
    json vector = VectorOf(vectors, negative["from_vector"]);
    vector.update(negative["change"]);
    const auto push_crypto = CryptoOf(vector);
    if (id == "neg-key-42-chars") {
      EXPECT_THAT(push_crypto, IsError(absl::StatusCode::kInvalidArgument, "AES_KEY_INVALID"));
      continue;
    }
    ASSERT_OK(push_crypto);
    const std::string encrypt = vector["encrypt"];
    const auto checked = push_crypto->Decrypt(QueryOf(vector), encrypt);
    if (id == "neg-bad-appid") {
      EXPECT_THAT(checked, IsError(absl::StatusCode::kInvalidArgument, "RECEIVE_ID_MISMATCH"));
      continue;
    }
    EXPECT_THAT(checked, IsError(absl::StatusCode::kUnauthenticated, "SIGNATURE_MISMATCH"));
    if (id != "neg-bad-msg-signature") {
      EXPECT_FALSE(push_crypto->DecryptUnchecked(encrypt).ok());
    }
  }
}

TEST(PushCryptoTest, RefusesBytesThatAreNoCiphertext) {
  const auto push_crypto = PushCrypto::Create(Secret("t"), Secret(std::string(43, 'A')), "wx1");
  for (const std::string& encrypt :
       {std::string(), std::string("!!!"), std::string("QUJD"),
        crypto::Base64Encode(std::string(32, 'x')), crypto::Base64Encode(std::string(33, 'x'))}) {
    EXPECT_THAT(push_crypto->DecryptUnchecked(encrypt),
                IsError(absl::StatusCode::kInvalidArgument, "CIPHERTEXT_BROKEN"));
  }
}

TEST(PushCryptoTest, ReadsItsOwnMessagesOfEveryLength) {
  const auto push_crypto = PushCrypto::Create(Secret("t"), Secret(std::string(43, 'q')), "wx1");
  for (size_t size = 0; size < 70; ++size) {
    const std::string message(size, 'm');
    const SealedPush sealed = push_crypto->Encrypt(message, "1700000000", "n");
    PushQuery query;
    query.timestamp = sealed.timestamp;
    query.nonce = sealed.nonce;
    query.msg_signature = sealed.msg_signature;
    EXPECT_THAT(push_crypto->Decrypt(query, sealed.encrypt), IsOkAndHolds(message));
  }
}

TEST(PushCryptoTest, EnvelopesAreReadBackAsWritten) {
  const SealedPush sealed = {"AbC+/=", "51g", "1713424427", "415670741"};
  EXPECT_THAT(ExtractEncrypt(ReplyXml(sealed)), IsOkAndHolds(std::string("AbC+/=")));
  EXPECT_THAT(ExtractEncrypt(PushXml("AppId", "wx1", sealed.encrypt)),
              IsOkAndHolds(std::string("AbC+/=")));
  EXPECT_THAT(ExtractEncrypt(PushJson("gh_1", sealed.encrypt)),
              IsOkAndHolds(std::string("AbC+/=")));
  const json reply = json::parse(ReplyJson(sealed));
  EXPECT_TRUE(reply["TimeStamp"].is_number());
  EXPECT_TRUE(reply["Nonce"].is_string());
}

TEST(PushCryptoTest, ReadsTheQuery) {
  const PushQuery query = ParsePushQuery(
      "signature=s&timestamp=1&nonce=n%2B&encrypt_type=aes&msg_signature=m&echostr=a+b%2Fc%3D");
  EXPECT_EQ(query.nonce, "n+");
  EXPECT_EQ(query.echostr, "a+b/c=");
  EXPECT_TRUE(query.is_encrypted());
  EXPECT_FALSE(ParsePushQuery("").is_encrypted());
}

TEST(OpenDataTest, HoldsTheVectors) {
  const json vectors = Load("encrypted_data.json");
  int opened = 0;
  const auto open = [](const json& vector) {
    return DecryptOpenData(
        Secret(vector["session_key"].get<std::string>()), vector["iv"].get<std::string>(),
        vector["encryptedData"].get<std::string>(), vector["appid"].get<std::string>());
  };
  std::map<std::string, json> by_id;
  for (const json& vector : vectors["encrypted_data"]) {
    if (!vector.contains("encryptedData")) continue;
    by_id[vector["id"]] = vector;
    EXPECT_OK(open(vector)) << vector["id"];
    ++opened;
  }
  EXPECT_GE(opened, 1);
  for (const json& negative : vectors["negative"]) {
    json vector = by_id[negative["from_vector"]];
    vector.update(negative["change"]);
    EXPECT_THAT(open(vector),
                IsError(absl::StatusCode::kInvalidArgument, negative["id"] == "neg-wrong-appid"
                                                                ? "OPEN_DATA_OF_ANOTHER_APP"
                                                                : "OPEN_DATA_BROKEN"))
        << negative["id"];
  }
}

}  // namespace
}  // namespace datong::wechat
