#include "absl/strings/ascii.h"
#include "tools/wechat_sim/testing/wecom_fixture.h"

namespace datong::wechat_sim {
namespace {

// p1 uses the corp's mini program wxm (m1, u1) and the provider's wxp (q1, v1).
class WecomConversionTest : public WecomFixture {
 protected:
  void SetUp() override {
    WecomFixture::SetUp();
    AppSpec providers;
    providers.appid = "wxp";
    providers.secret = "ps";
    providers.kind = "mini_program";
    providers.open_platform_account = "open2";
    providers.principal_name = "深圳示例服务商有限公司";
    sim_.AddApp(providers);
    sim_.AddUsers("wxm", {{.openid = "m1", .unionid = "u1", .person = "p1"}});
    sim_.AddUsers("wxp", {{.openid = "q1", .unionid = "v1", .person = "p1"}});
    corp_token_ = CorpToken();
  }
  json Corp(const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + corp_token_, body);
  }
  json Own(const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + AppToken(), body);
  }
  json Convert(json body = {{"unionid", "u1"}, {"openid", "m1"}}) {
    return Corp("idconvert/unionid_to_external_userid", body);
  }
  void Add(const std::string& person = "p1") {
    own_id_ = Wecom("contacts", {{"corpid", "ww1"},
                                 {"change", "add_external_contact"},
                                 {"userid", "lisi"},
                                 {"person", person}})["external_userid"];
  }
  json PendingOf(const std::string& external_userid, json more = json::object()) {
    more["external_userid"] = {external_userid};
    return Corp("idconvert/batch/external_userid_to_pending_id", more)["result"];
  }
  std::string corp_token_;
  std::string own_id_;
};

TEST_F(WecomConversionTest, APendingIdBecomesACustomerLater) {
  const std::string pending = Convert()["pending_id"];
  EXPECT_EQ(Convert()["pending_id"], pending) << "asked again, it is renewed";
  Add();
  const json converted = Convert();
  EXPECT_FALSE(converted.contains("pending_id"));
  const std::string id = converted["external_userid"];
  EXPECT_NE(id, own_id_) << "the provider's view";
  EXPECT_EQ(PendingOf(id), json::array({{{"external_userid", id}, {"pending_id", pending}}}));
  EXPECT_EQ(PendingOf(own_id_), json::array()) << "an id of another view has no row";
  sim_.Advance(absl::Hours(24 * 90));
  corp_token_ = CorpToken();
  EXPECT_EQ(PendingOf(id), json::array());
}

TEST_F(WecomConversionTest, APendingIdCanBeAnotherEachTime) {
  Wecom("settings", {{"pending_again", "replace"}, {"empty_pending_rows", true}});
  const std::string first = Convert()["pending_id"];
  sim_.Advance(absl::Seconds(1));
  EXPECT_NE(Convert()["pending_id"], first);
  Add("p7");
  const json theirs = Get("/cgi-bin/externalcontact/list?access_token=" + corp_token_ +
                          "&userid=" + OpenUserid("lisi"));
  const std::string id = theirs["external_userid"][0];
  EXPECT_EQ(PendingOf(id), json::array({{{"external_userid", id}, {"pending_id", ""}}}));
}

TEST_F(WecomConversionTest, JoiningACustomerGroupMakesACustomerToo) {
  Convert();
  const std::string chat_id = Wecom("chats", {{"corpid", "ww1"},
                                              {"change", "create"},
                                              {"chat", "g1"},
                                              {"owner", "lisi"},
                                              {"members", {{{"person", "p1"}}}}})["chat_id"];
  const std::string id = Convert()["external_userid"];
  EXPECT_EQ(PendingOf(id).size(), 1u);
  EXPECT_EQ(ErrorOf(Corp("externalcontact/unionid_to_external_userid",
                         {{"unionid", "u1"}, {"openid", "m1"}})),
            84061)
      << "that call knows friends only";
}

TEST_F(WecomConversionTest, TheAppMustBelongToWhomTheSubjectTypeSays) {
  EXPECT_EQ(ErrorOf(Convert({{"unionid", "v1"}, {"openid", "q1"}})), 48002);
  EXPECT_EQ(ErrorOf(Convert({{"unionid", "v1"}, {"openid", "q1"}, {"subject_type", 1}})), 0);
  EXPECT_EQ(ErrorOf(Convert({{"unionid", "v1"}, {"openid", "m1"}})), 40073)
      << "unionid and openid of two accounts";
  EXPECT_EQ(
      ErrorOf(Own("idconvert/unionid_to_external_userid", {{"unionid", "u1"}, {"openid", "m1"}})),
      48002)
      << "not for self-built apps";
  Wecom("corps", {{"corpid", "ww1"}, {"verified", false}});
  EXPECT_EQ(ErrorOf(Convert()), 48002);
}

TEST_F(WecomConversionTest, AllProvidersShareTheCorpsQuota) {
  sim_.Advance(absl::Minutes(5));  // away from the change of the hour
  Wecom("quota", {{"path", "unionid_to_external_userid subject_type 0"}, {"hour", 2}});
  AddWecomSuite(sim_, {.suite_id = "wws2", .provider = "wwother"});
  const json install = InstallWecomSuite(sim_, "wws2", "ww1");
  EXPECT_EQ(ErrorOf(Convert()), 0);
  EXPECT_EQ(ErrorOf(Convert()), 0);
  EXPECT_EQ(ErrorOf(Convert()), 45009);
  EXPECT_EQ(ErrorOf(Convert({{"unionid", "v1"}, {"openid", "q1"}, {"subject_type", 1}})), 0)
      << "the provider's own quota";
  const std::string ticket =
      Get("/cgi-bin/corp/apply_mass_call_ticket?access_token=" + corp_token_)["mass_call_ticket"];
  EXPECT_EQ(ErrorOf(Convert({{"unionid", "u1"}, {"openid", "m1"}, {"mass_call_ticket", ticket}})),
            0);
  EXPECT_EQ(ErrorOf(Get("/cgi-bin/corp/apply_mass_call_ticket?access_token=" + corp_token_)), 48002)
      << "once";
  sim_.Advance(absl::Minutes(61));
  EXPECT_EQ(ErrorOf(Convert()), 0) << "the block ended";
}

TEST_F(WecomConversionTest, ASuiteFindsACustomerInEveryCorp) {
  const auto ask = [this](json body) {
    return Service("externalcontact/unionid_to_external_userid_3rd", SuiteToken(), body);
  };
  const json user = {{"unionid", "v1"}, {"openid", "q1"}};
  EXPECT_EQ(ErrorOf(ask(user)), 84061);
  EXPECT_EQ(ask(user)["external_userid_info"], json::array());
  Add();
  const json found = ask(user)["external_userid_info"];
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["external_userid"],
            Convert({{"unionid", "v1"}, {"openid", "q1"}, {"subject_type", 1}})["external_userid"]);
}

TEST_F(WecomConversionTest, SelfBuiltAppsBridgeFromAProvidersIds) {
  Add();
  const std::string theirs = Convert()["external_userid"];
  const json truth = Admin("/admin/wecom/truth", json::object(), "GET")["corps"]["ww1"];
  const int64_t agentid = truth["installs"][0]["agentid"];
  EXPECT_EQ(truth["contacts"][0]["unionid"], "u1");
  EXPECT_EQ(truth["contacts"][0]["external_userids"]["wws1"], theirs);
  EXPECT_EQ(Own("externalcontact/from_service_external_userid",
                {{"external_userid", theirs}, {"source_agentid", agentid}})["external_userid"],
            own_id_);
  EXPECT_EQ(ErrorOf(Own("externalcontact/from_service_external_userid",
                        {{"external_userid", own_id_}, {"source_agentid", agentid}})),
            40096);
  EXPECT_EQ(Own("batch/openuserid_to_userid",
                {{"open_userid_list", {OpenUserid("lisi"), "x"}}, {"source_agentid", agentid}}),
            json({{"errcode", 0},
                  {"errmsg", "ok"},
                  {"userid_list", {{{"open_userid", OpenUserid("lisi")}, {"userid", "lisi"}}}},
                  {"invalid_open_userid_list", {"x"}}}));
}

TEST_F(WecomConversionTest, OldAuthorisationsKeepOldIdsUntilTheMigrationIsFinished) {
  Add();
  AddWecomSuite(sim_, {.suite_id = "dk9"});
  const json install =
      Wecom("install", {{"suite_id", "dk9"}, {"corpid", "ww1"}, {"new_ids", false}});
  EXPECT_EQ(install["corpid"], "ww1") << "plaintext";
  const std::string token = Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=" +
                                install["permanent_code"].get<std::string>())["access_token"];
  const auto agency = [&](const std::string& path, const json& body) {
    return Post("/cgi-bin/externalcontact/" + path + "?access_token=" + token, body);
  };
  const auto contact = [&](const std::string& id) {
    return Get("/cgi-bin/externalcontact/get?external_userid=" + id + "&access_token=" + token);
  };
  EXPECT_EQ(contact(own_id_)["external_contact"]["unionid"], "u1");
  const json items = agency("get_new_external_userid", {{"external_userid_list", {own_id_}}});
  const std::string id = items["items"][0]["new_external_userid"];
  EXPECT_EQ(agency("to_service_external_userid", {{"external_userid", own_id_}})["external_userid"],
            id);
  EXPECT_EQ(id, Convert()["external_userid"]) << "one provider, one view";
  EXPECT_EQ(ErrorOf(contact(id)), 40096);
  EXPECT_EQ(ErrorOf(Post(
                "/cgi-bin/service/finish_openid_migration?provider_access_token=" + ProviderToken(),
                {{"corpid", "ww1"}, {"agentid", install["agentid"]}, {"openid_type", {1, 3}}})),
            0);
  EXPECT_EQ(ErrorOf(contact(own_id_)), 40096);
  EXPECT_EQ(ErrorOf(contact(id)), 0);
  EXPECT_FALSE(contact(id)["external_contact"].contains("unionid"));
}

TEST_F(WecomConversionTest, OpenCorpidsAreCaseSensitive) {
  const json answer =
      Post("/cgi-bin/service/corpid_to_opencorpid?provider_access_token=" + ProviderToken(),
           {{"corpid", "WW1"}});
  const std::string open_corpid = answer["open_corpid"];
  const json install = InstallWecomSuite(sim_, "wws1", "ww1");
  EXPECT_EQ(open_corpid, install["corpid"]);
  const auto token = [&](const std::string& corpid) {
    return ErrorOf(
        Service("get_corp_token", SuiteToken(),
                {{"auth_corpid", corpid}, {"permanent_code", install["permanent_code"]}}));
  };
  EXPECT_EQ(token(open_corpid), 0);
  EXPECT_EQ(token(absl::AsciiStrToLower(open_corpid)), 40013);
}

TEST_F(WecomConversionTest, AnAgencyAppsChatIdsMoveAtATime) {
  const std::string old_id = Wecom(
      "chats",
      {{"corpid", "ww1"}, {"change", "create"}, {"chat", "g1"}, {"owner", "lisi"}})["chat_id"];
  AddWecomSuite(sim_, {.suite_id = "dk1"});
  const json install = InstallWecomSuite(sim_, "dk1", "ww1");
  const std::string token = Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=" +
                                install["permanent_code"].get<std::string>())["access_token"];
  const auto ask = [&](const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + token, body);
  };
  const std::string new_id =
      ask("idconvert/chatid", {{"chat_id_list", {old_id, "x"}}})["items"][0]["new_chat_id"];
  EXPECT_NE(new_id, old_id);
  const int64_t at = absl::ToUnixSeconds(sim_.Now()) + 3600;
  EXPECT_EQ(ErrorOf(ask("idconvert/apply_to_upgrade_chatid", {{"upgrade_time", at}})), 0);
  const auto seen = [&] {
    return ask("externalcontact/groupchat/get", {{"chat_id", new_id}})["group_chat"]["chat_id"];
  };
  EXPECT_EQ(seen(), old_id) << "both are taken, the old one is told";
  sim_.Advance(absl::Hours(1));
  EXPECT_EQ(seen(), new_id);
  EXPECT_NE(ErrorOf(ask("externalcontact/groupchat/get", {{"chat_id", old_id}})), 0);
}

TEST_F(WecomConversionTest, AUseridListWithTooManyWrongOnesLocksTheCall) {
  std::vector<std::string> wrong(1000, "nobody");
  for (int i = 0; i < 11; ++i) Corp("batch/userid_to_openuserid", {{"userid_list", wrong}});
  EXPECT_EQ(ErrorOf(Corp("batch/userid_to_openuserid", {{"userid_list", {"lisi"}}})), 45009);
}

}  // namespace
}  // namespace datong::wechat_sim
