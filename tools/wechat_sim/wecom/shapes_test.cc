#include <fstream>

#include "common/base/strings.h"
#include "tools/wechat_sim/testing/shapes.h"
#include "tools/wechat_sim/testing/wecom_fixture.h"

// Each answer and push has the keys and types of the documents' example.
namespace datong::wechat_sim {
namespace {

json Load(const std::string& name) {
  return json::parse(std::ifstream("wecom/testdata/" + name + ".json"));
}

class WecomShapesTest : public WecomFixture {
 protected:
  void Expect(const std::string& name, const json& answer,
              const std::vector<std::string>& known = {}) {
    EXPECT_EQ(Problems(Load(name)["response"], answer), known) << name << "\n" << answer;
  }
  void ExpectPush(const std::string& name, const wechat::Message& push) {
    const json page = Load(name);
    EXPECT_EQ(NamesOf(push),
              NamesOf(*wechat::ParseMessage(page["plaintext_xml"].get<std::string>())))
        << name;
  }
};

TEST_F(WecomShapesTest, Tokens) {
  Expect("gettoken", Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret"));
  const json provider = {{"corpid", "wwprovider"}, {"provider_secret", "provider-secret"}};
  const json token = Post("/cgi-bin/service/get_provider_token", provider);
  EXPECT_EQ(Problems(Load("service.get_provider_token")["variants"][0]["response"], token),
            std::vector<std::string>{});
  const std::string ticket(SuitePush("suite_ticket").Text("SuiteTicket"));
  Expect("service.get_suite_token", SuiteTokenAnswer(ticket));
  Wecom("settings", {{"omit_errcode", true}});
  Expect("service.get_provider_token", Post("/cgi-bin/service/get_provider_token", provider));
  EXPECT_EQ(Problems(Load("service.get_suite_token")["variants"][0]["response"],
                     SuiteTokenAnswer(ticket)),
            std::vector<std::string>{});
}

TEST_F(WecomShapesTest, Installations) {
  const std::string token = SuiteToken();
  const json pre = Get("/cgi-bin/service/get_pre_auth_code?suite_access_token=" + token);
  Expect("service.get_pre_auth_code", pre);
  Expect("service.set_session_info",
         Service("set_session_info", token,
                 {{"pre_auth_code", pre["pre_auth_code"]}, {"session_info", {{"auth_type", 1}}}}));
  const json install = InstallWecomSuite(sim_, "wws1", "ww1");
  // Only of installations by a promotion code, and those with a state.
  Expect("service.v2.get_permanent_code",
         Service("v2/get_permanent_code", token, {{"auth_code", install["auth_code"]}}),
         {"/register_code_info is missing", "/state is missing"});
  // Only of dealers, of shared apps, and of promotion codes.
  const std::vector<std::string> rare = {"/auth_info/agent[]/shared_from is missing",
                                         "/dealer_corp_info is missing"};
  std::vector<std::string> old_rare = rare;
  old_rare.insert(old_rare.end(), {"/register_code_info is missing", "/state is missing"});
  Expect("service.get_permanent_code",
         Service("get_permanent_code", token,
                 {{"auth_code", InstallWecomSuite(sim_, "wws1", "ww1")["auth_code"]}}),
         old_rare);
  const json both = {{"auth_corpid", install["corpid"]},
                     {"permanent_code", install["permanent_code"]}};
  Expect("service.get_corp_token", Service("get_corp_token", token, both));
  Expect("service.get_auth_info", Service("get_auth_info", token, both), rare);
  EXPECT_EQ(Problems(Load("service.get_auth_info")["variants"][0]["response"],
                     Service("v2/get_auth_info", token, both)),
            rare);
  Expect("service.get_admin_list",
         Service("get_admin_list", token,
                 {{"auth_corpid", install["corpid"]}, {"agentid", install["agentid"]}}));
  AddWecomSuite(sim_, {.suite_id = "dk1"});
  Expect("service.get_customized_auth_url",
         Post("/cgi-bin/service/get_customized_auth_url?provider_access_token=" + ProviderToken(),
              {{"state", ""}, {"templateid_list", {"dk1"}}}));
}

TEST_F(WecomShapesTest, Authorizations) {
  ExpectPush("event.suite_ticket", SuitePush("suite_ticket"));
  const json of = {{"suite_id", "wws1"}, {"corpid", "ww1"}};
  InstallWecomSuite(sim_, "wws1", "ww1");
  ExpectPush("event.create_auth", SuitePush("create_auth"));
  Wecom("change_auth", of);
  ExpectPush("event.change_auth", SuitePush("change_auth"));
  Wecom("reset_permanent_code", of);
  ExpectPush("event.reset_permanent_code", SuitePush("reset_permanent_code"));
  Wecom("consent", of);
  ExpectPush("event.agree_external_userid_migration", SuitePush("agree_external_userid_migration"));
  Wecom("cancel_auth", of);
  ExpectPush("event.cancel_auth", SuitePush("cancel_auth"));
}

// What the simulator seals with gives the official samples byte for byte.
TEST(WecomCryptoTest, TheOfficialVectorsHold) {
  for (const json& vector : Load("crypto.vectors")["vectors"]) {
    const Secret token(vector["token"].get<std::string>());
    const auto crypto = wechat::PushCrypto::Create(
        token, Secret(vector["encoding_aes_key"].get<std::string>()), vector["receiveid"]);
    ASSERT_OK(crypto) << vector["name"];
    const std::string timestamp = vector["timestamp"];
    const std::string nonce = vector["nonce"];
    const std::string encrypt = vector["encrypt"];
    EXPECT_EQ(wechat::PushSignature(token, timestamp, nonce, encrypt), vector["msg_signature"]);
    EXPECT_EQ(crypto->EncryptWith(HexToBytes(vector["random_hex"].get<std::string>()),
                                  vector["message"].get<std::string>()),
              encrypt)
        << vector["name"];
  }
}

}  // namespace
}  // namespace datong::wechat_sim
