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

// A customer with everything, and one of another corp, beside a group; seen by the self-built app.
class WecomCustomerShapesTest : public WecomShapesTest {
 protected:
  void SetUp() override {
    WecomShapesTest::SetUp();
    const json follow = {{"userid", "lisi"},
                         {"remark", "李部长"},
                         {"remark_corp_name", "腾讯科技"},
                         {"remark_mobiles", {"13800000001"}},
                         {"state", "外联二维码1"},
                         {"tags",
                          {{{"group_name", "g"}, {"tag_name", "t"}, {"tag_id", "et1"}},
                           {{"group_name", "g"}, {"tag_name", "t"}, {"type", 2}}}}};
    Wecom("corps",
          {{"corpid", "ww1"},
           {"kf_developer_appid", "wxo"},
           {"contacts",
            {{{"person", "p1"}, {"name", "王语嫣"}, {"unionid", "u1"}, {"follows", {follow}}},
             {{"person", "p2"}, {"type", 2}, {"follows", {follow}}}}},
           {"groups",
            {{{"chat", "g1"},
              {"owner", "lisi"},
              {"opengid", "og1"},
              {"admins", {"lisi"}},
              {"members",
               {{{"userid", "lisi"}, {"state", "s"}, {"invitor", "zhangsan"}},
                {{"person", "p1"}}}}}}}});
    sim_.AddUsers("wxm", {{.openid = "m1", .unionid = "u1", .person = "p1"}});
    token_ = AppToken();
    own_id_ = Truth()["contacts"][0]["external_userids"]["corp"];
    other_id_ = Truth()["contacts"][1]["external_userids"]["corp"];
    chat_id_ = Truth()["groups"][0]["chat_id"];
  }
  json Truth() { return Admin("/admin/wecom/truth", json::object(), "GET")["corps"]["ww1"]; }
  json Own(const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + token_, body);
  }
  json OwnContact(const std::string& id) {
    return Get("/cgi-bin/externalcontact/get?access_token=" + token_ + "&external_userid=" + id);
  }
  std::string token_, own_id_, other_id_, chat_id_;
};

TEST_F(WecomCustomerShapesTest, Contacts) {
  const std::string at = "?access_token=" + token_;
  Expect("externalcontact.get_follow_user_list",
         Get("/cgi-bin/externalcontact/get_follow_user_list" + at));
  Expect("externalcontact.list", Get("/cgi-bin/externalcontact/list" + at + "&userid=lisi"));
  json page = Load("externalcontact.get");
  // Only with more followers than a page holds; and never a unionid of type 2, as the text says.
  page["response"].erase("next_cursor");
  page["response"]["external_contact"].erase("unionid");
  page["response"]["follow_user"][0]["state"] = "s";
  EXPECT_EQ(Problems(page["response"], OwnContact(other_id_)),
            std::vector<std::string>{"/follow_user[]/tags[]/tag_id is missing"})
      << "of the personal tag, as on the page";
  json wechat_page = page["variants"][0]["response"];
  wechat_page["follow_user"][0]["state"] = "s";
  wechat_page["follow_user"][0]["remark_corp_name"] = "r";
  EXPECT_EQ(Problems(wechat_page, OwnContact(own_id_)), std::vector<std::string>{});
  Wecom("corps", {{"corpid", "ww1"}, {"developer_appid", ""}});
  wechat_page["external_contact"].erase("unionid");
  EXPECT_EQ(Problems(wechat_page, OwnContact(own_id_)), std::vector<std::string>{});
  json batch = Load("externalcontact.batch.get_by_user")["response"];
  batch["external_contact_list"][0]["follow_info"]["state"] = "s";
  batch["external_contact_list"][0]["external_contact"].erase("unionid");
  json answer = Own("externalcontact/batch/get_by_user", {{"userid_list", {"lisi"}}});
  json& rows = answer["external_contact_list"];
  rows.erase(rows.begin() + (rows[0]["external_contact"]["type"] == 1 ? 0 : 1));
  EXPECT_EQ(Problems(batch, answer), std::vector<std::string>{});
}

TEST_F(WecomCustomerShapesTest, Errors) {
  Wecom("contacts",
        {{"corpid", "ww1"}, {"change", "del_follow_user"}, {"userid", "lisi"}, {"person", "p1"}});
  const json page = Load("externalcontact.get")["errors"];
  const json gone = OwnContact(own_id_);
  EXPECT_EQ(Problems(page[0]["response"], gone), std::vector<std::string>{});
  EXPECT_EQ(gone["errcode"], page[0]["response"]["errcode"]);
  EXPECT_EQ(OwnContact("x")["errcode"], page[1]["response"]["errcode"]);
}

TEST_F(WecomCustomerShapesTest, Groups) {
  Expect("externalcontact.groupchat.list", Own("externalcontact/groupchat/list", {{"limit", 9}}),
         {"/next_cursor is missing"});
  json page = Load("externalcontact.groupchat.get")["response"];
  json answer = Own("externalcontact/groupchat/get", {{"chat_id", chat_id_}, {"need_name", 1}});
  json& theirs = page["group_chat"]["member_list"];
  json& ours = answer["group_chat"]["member_list"];
  EXPECT_EQ(Problems(theirs[1], ours[1]), std::vector<std::string>{});
  theirs.erase(1);
  ours.erase(1);
  EXPECT_EQ(Problems(page, answer), std::vector<std::string>{});
  Expect("externalcontact.opengid_to_chatid",
         Own("externalcontact/opengid_to_chatid", {{"opengid", "og1"}}));
}

TEST_F(WecomCustomerShapesTest, CustomerServiceAndPayment) {
  Wecom("kf_visits", {{"corpid", "ww1"}, {"person", "p1"}});
  // Only of those who came from Channels.
  Expect("kf.customer.batchget",
         Own("kf/customer/batchget",
             {{"external_userid_list", {own_id_}}, {"need_enter_session_context", 1}}),
         {"/customer_list[]/enter_session_context/wechat_channels is missing"});
  Expect("externalcontact.convert_to_openid",
         Own("externalcontact/convert_to_openid", {{"external_userid", own_id_}}));
  Expect("user.convert_to_openid", Own("user/convert_to_openid", {{"userid", "lisi"}}));
}

TEST_F(WecomCustomerShapesTest, CustomerConversions) {
  const std::string token = CorpToken();
  const auto theirs = [&](const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + token, body);
  };
  const json user = {{"unionid", "u1"}, {"openid", "m1"}};
  Expect("externalcontact.unionid_to_external_userid",
         theirs("externalcontact/unionid_to_external_userid", user));
  const json found = theirs("idconvert/unionid_to_external_userid", user);
  Expect("idconvert.unionid_to_external_userid", found);
  sim_.AddUsers("wxm", {{.openid = "m9", .unionid = "u9"}});
  EXPECT_EQ(Problems(Load("idconvert.unionid_to_external_userid")["variants"][1]["response"],
                     theirs("idconvert/unionid_to_external_userid",
                            {{"unionid", "u9"}, {"openid", "m9"}})),
            std::vector<std::string>{});
  Expect("idconvert.batch.external_userid_to_pending_id",
         theirs("idconvert/batch/external_userid_to_pending_id",
                {{"external_userid", {found["external_userid"]}}}));
  Expect("corp.apply_mass_call_ticket",
         Get("/cgi-bin/corp/apply_mass_call_ticket?access_token=" + token));
  Wecom("providers", {{"corpid", "wwprovider"}, {"entity", "深圳示例科技有限公司"}});
  Expect("service.externalcontact.unionid_to_external_userid_3rd",
         Service("externalcontact/unionid_to_external_userid_3rd", SuiteToken(), user));
}

TEST_F(WecomCustomerShapesTest, ProviderConversions) {
  const json wws1 = InstallWecomSuite(sim_, "wws1", "ww1");
  AddWecomSuite(sim_, {.suite_id = "dk1"});
  const json install =
      Wecom("install", {{"suite_id", "dk1"}, {"corpid", "ww1"}, {"new_ids", false}});
  const std::string token = Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=" +
                                install["permanent_code"].get<std::string>())["access_token"];
  const auto agency = [&](const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + token, body);
  };
  const json list = {{"chat_id", chat_id_}, {"external_userid_list", {own_id_}}};
  Expect("externalcontact.get_new_external_userid",
         agency("externalcontact/get_new_external_userid", list));
  Expect("externalcontact.groupchat.get_new_external_userid",
         agency("externalcontact/groupchat/get_new_external_userid", list));
  const json theirs =
      agency("externalcontact/to_service_external_userid", {{"external_userid", own_id_}});
  Expect("externalcontact.to_service_external_userid", theirs);
  Expect(
      "externalcontact.from_service_external_userid",
      Own("externalcontact/from_service_external_userid",
          {{"external_userid", theirs["external_userid"]}, {"source_agentid", wws1["agentid"]}}));
  Expect("batch.userid_to_openuserid",
         agency("batch/userid_to_openuserid", {{"userid_list", {"lisi", "x"}}}));
  Expect("batch.openuserid_to_userid",
         Own("batch/openuserid_to_userid", {{"open_userid_list", {OpenUserid("lisi"), "x"}},
                                            {"source_agentid", wws1["agentid"]}}));
  Expect("idconvert.chatid", agency("idconvert/chatid", {{"chat_id_list", {chat_id_, "x"}}}));
  Expect("idconvert.apply_to_upgrade_chatid",
         agency("idconvert/apply_to_upgrade_chatid",
                {{"upgrade_time", absl::ToUnixSeconds(sim_.Now()) + 60}}));
  const auto provider = [&](const std::string& name, const json& body) {
    return Post("/cgi-bin/service/" + name + "?provider_access_token=" + ProviderToken(), body);
  };
  Expect("service.corpid_to_opencorpid", provider("corpid_to_opencorpid", {{"corpid", "ww1"}}));
  Expect("service.finish_openid_migration",
         provider("finish_openid_migration", {{"corpid", "ww1"}, {"openid_type", {1, 3}}}));
  Expect("service.externalcontact.finish_external_userid_migration",
         provider("externalcontact/finish_external_userid_migration", {{"corpid", "ww1"}}));
}

TEST_F(WecomCustomerShapesTest, Logins) {
  const auto code = [this](json body) -> std::string {
    body.emplace("appid", "ww1");
    return Wecom("codes", body)["code"];
  };
  const auto visit = [&](const std::string& value, const std::string& path) {
    return Get("/cgi-bin/" + path + "?access_token=" + token_ + "&code=" + value);
  };
  const json page = Load("auth.getuserinfo");
  const json member =
      visit(code({{"userid", "lisi"}, {"scope", "snsapi_privateinfo"}}), "auth/getuserinfo");
  Expect("auth.getuserinfo", member);
  EXPECT_EQ(Problems(page["variants"][0]["response"],
                     visit(code({{"person", "p1"}}), "auth/getuserinfo")),
            std::vector<std::string>{});
  EXPECT_EQ(Problems(page["variants"][1]["response"],
                     visit(code({{"person", "p7"}}), "auth/getuserinfo")),
            std::vector<std::string>{});
  EXPECT_EQ(Problems(page["variants"][3]["response"],
                     visit(code({{"userid", "lisi"}}), "user/getuserinfo")),
            std::vector<std::string>{});
  Expect("auth.getuserdetail", Own("auth/getuserdetail", {{"user_ticket", member["user_ticket"]}}));
  const std::string login = "/cgi-bin/miniprogram/jscode2session?grant_type=authorization_code";
  Expect("miniprogram.jscode2session", Get(login + "&access_token=" + token_ + "&js_code=" +
                                           code({{"kind", "mini_program"}, {"userid", "lisi"}})));
  AddWecomCorp(sim_, {.corpid = "ww2", .secret = "secret-2"});
  const json foreign =
      Get(login + "&access_token=" + token_ + "&js_code=" +
          code({{"kind", "mini_program"}, {"corpid", "ww2"}, {"userid", "zhangsan"}}));
  const std::string theirs =
      Get("/cgi-bin/gettoken?corpid=ww2&corpsecret=secret-2")["access_token"];
  Expect("miniprogram.transfer_session",
         Post("/cgi-bin/miniprogram/transfer_session?access_token=" + theirs,
              {{"userid", foreign["userid"]}, {"session_key", foreign["session_key"]}}));
  const std::string suite = "suite_access_token=" + SuiteToken();
  const json of = {
      {"appid", "wws1"}, {"corpid", "ww1"}, {"userid", "lisi"}, {"scope", "snsapi_privateinfo"}};
  Expect("service.auth.getuserinfo3rd",
         Get("/cgi-bin/service/auth/getuserinfo3rd?" + suite + "&code=" + code(of)));
  EXPECT_EQ(Problems(Load("service.auth.getuserinfo3rd")["variants"][0]["response"],
                     Get("/cgi-bin/service/auth/getuserinfo3rd?" + suite +
                         "&code=" + code({{"appid", "wws1"}, {"person", "p1"}}))),
            std::vector<std::string>{});
  json mini = of;
  mini["kind"] = "mini_program";
  Expect("service.miniprogram.jscode2session",
         Get("/cgi-bin/service/miniprogram/jscode2session?grant_type=authorization_code&" + suite +
             "&js_code=" + code(mini)));
}

TEST_F(WecomCustomerShapesTest, TemporaryIds) {
  const json customer = Wecom("tmp_ids", {{"corpid", "ww1"}, {"person", "p1"}});
  const json other =
      Wecom("tmp_ids", {{"corpid", "ww1"}, {"other_corpid", "ww2"}, {"userid", "li"}});
  json page = Load("idconvert.convert_tmp_external_userid")["response"];
  json answer = Own("idconvert/convert_tmp_external_userid",
                    {{"business_type", 1},
                     {"user_type", 1},
                     {"tmp_external_userid_list", {customer["id"], other["id"], "x"}}});
  EXPECT_EQ(answer["results"][0]["external_userid"], own_id_);
  EXPECT_EQ(Problems(page["results"][1], answer["results"][1]), std::vector<std::string>{});
  answer["results"].erase(1);
  EXPECT_EQ(Problems(page, answer), std::vector<std::string>{});
}

TEST_F(WecomCustomerShapesTest, Events) {
  InstallWecomSuite(sim_, "wws1", "ww1");
  const auto expect_both = [this](const std::string& name) {
    const json page = Load(name);
    const std::string event = page["third_party"]["fields"]["InfoType"];
    for (const auto& [form, push] :
         {std::pair{"self_built", AgentPushes().back()}, {"third_party", SuitePush(event)}}) {
      EXPECT_EQ(NamesOf(push),
                NamesOf(*wechat::ParseMessage(page[form]["plaintext_xml"].get<std::string>())))
          << name << " " << form;
    }
  };
  const std::pair<const char*, json> changes[] = {
      {"edit_external_contact", json::object()},
      {"msg_audit_approved", json::object()},
      {"transfer_fail", {{"fail_reason", "customer_refused"}}},
      {"del_external_contact", {{"source", "DELETE_BY_TRANSFER"}}},
      {"add_external_contact", {{"state", "s"}}},
      {"del_follow_user", json::object()},
      {"add_half_external_contact", {{"state", "s"}}}};
  for (const auto& [change, more] : changes) {
    json body = {{"corpid", "ww1"}, {"change", change}, {"userid", "lisi"}, {"person", "p1"}};
    body.update(more);
    Wecom("contacts", body);
    expect_both(std::string("event.change_external_contact.") + change);
  }
  Wecom("chats", {{"corpid", "ww1"}, {"change", "create"}, {"chat", "g2"}, {"owner", "lisi"}});
  expect_both("event.change_external_chat.create");
  Wecom("chats", {{"corpid", "ww1"},
                  {"change", "update"},
                  {"chat", "g2"},
                  {"detail", "add_member"},
                  {"members", {{{"person", "p1"}}}}});
  expect_both("event.change_external_chat.update");
  Wecom("chats", {{"corpid", "ww1"}, {"change", "dismiss"}, {"chat", "g2"}});
  expect_both("event.change_external_chat.dismiss");
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
