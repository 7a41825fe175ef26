#include "services/broker/core/sessions.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/aes.h"
#include "common/crypto/hash.h"
#include "services/broker/testing/login_fixture.h"

namespace datong::broker {
namespace {

using nlohmann::json;

constexpr char kIv[] = "0123456789abcdef";

std::string KeyOf(char c) { return crypto::Base64Encode(std::string(16, c)); }

class SessionsTest : public LoginFixture {
 protected:
  void LogInWith(const std::string& session_key) {
    platform_.login.session_key = Secret(session_key);
    ASSERT_OK(login_.LogIn(Entry("wx-mini"), "js-code", soon()));
  }
  // What a mini program sends: encrypted with a session key.
  std::string Encrypt(const json& data, const std::string& session_key) {
    std::string plain = data.dump();
    const size_t padding = 16 - plain.size() % 16;
    plain.append(padding, static_cast<char>(padding));
    std::string key;
    EXPECT_TRUE(crypto::Base64Decode(session_key, &key));
    return crypto::Base64Encode(*crypto::CbcEncrypt(key, kIv, plain));
  }
  json Mark(const std::string& appid = "wx-mini", absl::Duration age = absl::ZeroDuration()) {
    return {{"appid", appid}, {"timestamp", absl::ToUnixSeconds(clock_.Now() - age)}};
  }
  json Profile() {
    return {{"openId", "openid-1"}, {"unionId", "unionid-1"}, {"watermark", Mark()}};
  }
  absl::StatusOr<DecryptedData> Decrypt(const std::string& encrypted) {
    return sessions_.Decrypt(AppOf("wx-mini"), "openid-1", encrypted, crypto::Base64Encode(kIv),
                             soon());
  }
};

TEST_F(SessionsTest, DecryptedProfilesTellTheUnionidAsStrongEvidence) {
  LogInWith(KeyOf('a'));
  absl::StatusOr<DecryptedData> data = Decrypt(Encrypt(Profile(), KeyOf('a')));
  ASSERT_OK(data);
  EXPECT_EQ(json::parse(data->json), Profile());
  EXPECT_EQ(data->user.unionid, "unionid-1");
  EXPECT_EQ(data->user.status, UnionidStatus::kObtained);
  EXPECT_EQ(data->user.person, "projects/demo/persons/p1");
  EXPECT_EQ(LastEvidence().kind, "mp.encrypted_userinfo");
  EXPECT_EQ(LastEvidence().watermark, Watermark::kValid);
  EXPECT_FALSE(data->phone.has_value());
}

TEST_F(SessionsTest, TheKeyBeforeTheLastLoginDecryptsForFiveMinutesMore) {
  LogInWith(KeyOf('a'));
  const std::string made_before = Encrypt(Profile(), KeyOf('a'));
  LogInWith(KeyOf('b'));
  EXPECT_OK(Decrypt(made_before));
  clock_.Advance(absl::Minutes(5));
  EXPECT_THAT(Decrypt(made_before),
              IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_BROKEN"));
}

TEST_F(SessionsTest, DataThatIsNotThisUsersInThisAppNowIsRefused) {
  LogInWith(KeyOf('a'));
  json data = Profile();
  data["watermark"] = Mark("wx-other");
  EXPECT_THAT(Decrypt(Encrypt(data, KeyOf('a'))),
              IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_OF_ANOTHER_APP"));
  data = Profile();
  data["openId"] = "openid-2";
  EXPECT_THAT(Decrypt(Encrypt(data, KeyOf('a'))),
              IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_OF_ANOTHER_USER"));
  EXPECT_THAT(Decrypt("bm9uc2Vuc2U="),
              IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_BROKEN"));
  EXPECT_THAT(Decrypt(Encrypt(Profile(), KeyOf('c'))),
              IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_BROKEN"));
  EXPECT_EQ(LastEvidence().kind, "mp.code2session");  // nothing of it was told
}

TEST_F(SessionsTest, StaleDataIsRefusedAndToldToIdentityAsStale) {
  LogInWith(KeyOf('a'));
  json data = Profile();
  data["watermark"] = Mark("wx-mini", absl::Minutes(11));
  EXPECT_THAT(Decrypt(Encrypt(data, KeyOf('a'))),
              IsError(absl::StatusCode::kFailedPrecondition, "OPEN_DATA_STALE"));
  EXPECT_EQ(LastEvidence().watermark, Watermark::kStale);
}

TEST_F(SessionsTest, ADecryptedPhoneIsLinkedByItsDigestAlone) {
  LogInWith(KeyOf('a'));
  absl::StatusOr<DecryptedData> data = Decrypt(Encrypt({{"phoneNumber", "13800000000"},
                                                        {"purePhoneNumber", "13800000000"},
                                                        {"countryCode", "86"},
                                                        {"watermark", Mark()}},
                                                       KeyOf('a')));
  ASSERT_OK(data);
  ASSERT_TRUE(data->phone.has_value());
  EXPECT_EQ(LastEvidence().kind, "mp.phone_number");
  EXPECT_EQ(LastEvidence().other_ids, std::vector<std::string>{data->phone->identifier});
  EXPECT_EQ(data->phone->identifier.find("13800000000"), std::string::npos);
  EXPECT_THAT(phones_.IdentifiersOf("demo", {"+86 138-0000-0000"}, soon()),
              IsOkAndHolds(std::vector<std::string>{data->phone->identifier}));
}

TEST_F(SessionsTest, RawDataIsVerifiedWithTheSessionKey) {
  LogInWith("HyVFkGl5F5OQWJZZaNzBBg==");
  const std::string raw = R"({"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou",)"
                          R"("province":"Guangdong","country":"CN","avatarUrl":)"
                          R"("http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQ)"
                          R"(xKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"})";
  const auto verify = [&](const std::string& data, const std::string& signature) {
    return sessions_.VerifyRawData(AppOf("wx-mini"), "openid-1", data, signature, soon());
  };
  EXPECT_THAT(verify(raw, "75e81ceda165f4ffa64f4068af58c64b8f54b88c"), IsOkAndHolds(true));
  EXPECT_THAT(verify(raw + " ", "75e81ceda165f4ffa64f4068af58c64b8f54b88c"), IsOkAndHolds(false));
  EXPECT_THAT(verify(raw, ""), IsOkAndHolds(false));
}

TEST_F(SessionsTest, SessionsAreCheckedAndResetWithTheSignatureOfNothing) {
  LogInWith(KeyOf('a'));
  absl::StatusOr<Sessions::Check> check =
      sessions_.CheckSession(AppOf("wx-mini"), "openid-1", soon());
  ASSERT_OK(check);
  EXPECT_TRUE(check->valid);
  EXPECT_EQ(users_platform_.signature, BytesToHex(crypto::HmacSha256(Secret(KeyOf('a')), "")));
  ASSERT_OK(sessions_.ResetKey(AppOf("wx-mini"), "openid-1", soon()));
  EXPECT_EQ(logins_.GetSession("wx-mini", "openid-1", soon())->current.Expose(),
            "bmV3LXNlc3Npb24ta2V5IQ==");
  users_platform_.errcodes = {{"CheckSession", 87009}, {"ResetSessionKey", 87009}};
  EXPECT_FALSE(sessions_.CheckSession(AppOf("wx-mini"), "openid-1", soon())->valid);
  EXPECT_THAT(sessions_.ResetKey(AppOf("wx-mini"), "openid-1", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "SESSION_EXPIRED"));
  EXPECT_THAT(sessions_.CheckSession(AppOf("wx-mini"), "nobody", soon()),
              IsError(absl::StatusCode::kNotFound, "SESSION_UNKNOWN"));
}

TEST_F(SessionsTest, APhoneByCodeIsLinkedToTheUserWhoIsNamed) {
  users_platform_.phone = {"13800000000", "13800000000", "86", "wx-mini", clock_.Now()};
  absl::StatusOr<Sessions::Phone> phone =
      sessions_.GetPhone(AppOf("wx-mini"), "code", "openid-1", soon());
  ASSERT_OK(phone);
  EXPECT_EQ(phone->person, "projects/demo/persons/p1");
  EXPECT_EQ(LastEvidence().other_ids, std::vector<std::string>{phone->phone.identifier});
  peers_.evidence.clear();
  ASSERT_OK(sessions_.GetPhone(AppOf("wx-mini"), "code", "", soon()));
  EXPECT_TRUE(peers_.evidence.empty());
  users_platform_.phone.watermark_appid = "wx-other";
  EXPECT_THAT(sessions_.GetPhone(AppOf("wx-mini"), "code", "", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "OPEN_DATA_OF_ANOTHER_APP"));
  users_platform_.errcodes["GetPhoneNumber"] = 40029;
  EXPECT_THAT(sessions_.GetPhone(AppOf("wx-mini"), "code", "", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "PHONE_CODE_INVALID"));
}

TEST_F(SessionsTest, NumbersOfOnePhoneAreOneIdentifier) {
  EXPECT_EQ(NormalisePhone("138 0000 0000"), "+8613800000000");
  EXPECT_EQ(NormalisePhone("+86-13800000000"), "+8613800000000");
  EXPECT_EQ(NormalisePhone("008613800000000"), "+8613800000000");
  EXPECT_EQ(NormalisePhone("51234567", "852"), "+85251234567");
  EXPECT_EQ(NormalisePhone("+1 (202) 555-0100"), "+12025550100");
  for (const char* text : {"abc", "12a34567", "+123", "+1234567890123456", "1380+000"}) {
    EXPECT_EQ(NormalisePhone(text), "") << text;
  }
  EXPECT_THAT(phones_.IdentifiersOf("demo", {"13800000000", "x"}, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "PHONE_INVALID"));
}

}  // namespace
}  // namespace datong::broker
