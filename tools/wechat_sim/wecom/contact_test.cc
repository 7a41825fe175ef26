#include <set>

#include "tools/wechat_sim/testing/wecom_fixture.h"

namespace datong::wechat_sim {
namespace {

class WecomContactTest : public WecomFixture {
 protected:
  void SetUp() override {
    WecomFixture::SetUp();
    sim_.AddUsers("wxm", {{.openid = "m1", .unionid = "u1", .person = "p1"}});
    sim_.AddUsers("wxo", {{.openid = "o1", .unionid = "u1", .person = "p1"}});
  }
  std::string Add(const std::string& person, const std::string& userid, json more = {}) {
    json body = {{"corpid", "ww1"},
                 {"change", "add_external_contact"},
                 {"userid", userid},
                 {"person", person}};
    if (more.is_object()) body.update(more);
    return Wecom("contacts", body)["external_userid"];
  }
  json GetContact(const std::string& external_userid, const std::string& token) {
    return Get("/cgi-bin/externalcontact/get?external_userid=" + external_userid +
               "&access_token=" + token);
  }
  json ListOf(const std::string& userid) {
    return Get("/cgi-bin/externalcontact/list?userid=" + userid + "&access_token=" + AppToken());
  }
  json App(const std::string& path, const json& body) {
    return Post("/cgi-bin/" + path + "?access_token=" + AppToken(), body);
  }
};

TEST_F(WecomContactTest, ACustomerIsSeenOnceAddedAndGoneOnceDeleted) {
  EXPECT_EQ(ErrorOf(ListOf("lisi")), 84061);
  EXPECT_EQ(ListOf("lisi")["external_userid"], json::array()) << "stays beside the error";
  const std::string id = Add("p1", "lisi", {{"state", "poster-7"}, {"add_way", 1}});
  EXPECT_TRUE(absl::StartsWith(id, "wm"));
  EXPECT_EQ(ListOf("lisi")["external_userid"], json::array({id}));
  const json contact = GetContact(id, AppToken());
  EXPECT_EQ(contact["follow_user"][0]["userid"], "lisi");
  EXPECT_EQ(contact["follow_user"][0]["state"], "poster-7");
  Wecom("contacts",
        {{"corpid", "ww1"}, {"change", "del_follow_user"}, {"userid", "lisi"}, {"person", "p1"}});
  EXPECT_EQ(ErrorOf(GetContact(id, AppToken())), 84061);
  EXPECT_EQ(GetContact(id, AppToken())["follow_user"], json::array());
  EXPECT_EQ(ErrorOf(GetContact("wmStranger", AppToken())), 40096);
}

TEST_F(WecomContactTest, TheUnionidIsToldOnlyUnderTheFourConditions) {
  const std::string id = Add("p1", "lisi");
  const auto unionid = [&] {
    return GetContact(id, AppToken())["external_contact"].value("unionid", "absent");
  };
  EXPECT_EQ(unionid(), "u1") << "the one that the mini program's login gives";
  Admin("/admin/apps", {{"appid", "wxm"}, {"verified", false}});
  EXPECT_EQ(unionid(), "absent");
  Admin("/admin/apps", {{"appid", "wxm"}, {"verified", true}, {"principal_name", "他人"}});
  EXPECT_EQ(unionid(), "absent");
  Wecom("corps", {{"corpid", "ww1"}, {"entity", "他人"}});
  EXPECT_EQ(unionid(), "u1");
  Admin("/admin/apps", {{"appid", "wxm"}, {"open_platform_account", ""}});
  EXPECT_EQ(unionid(), "absent");
  Admin("/admin/apps", {{"appid", "wxm"}, {"open_platform_account", "open1"}});
  Wecom("corps", {{"corpid", "ww1"}, {"developer_appid", ""}});
  EXPECT_EQ(unionid(), "absent");
}

TEST_F(WecomContactTest, ProvidersAndUsersOfOtherCorpsHaveNoUnionid) {
  const std::string own = Add("p1", "lisi");
  const std::string token = CorpToken();
  const json list = Post("/cgi-bin/externalcontact/get_new_external_userid?access_token=" + token,
                         {{"external_userid_list", {own}}});
  EXPECT_EQ(ErrorOf(list), 48002) << "forbidden once the migration is finished";
  const json userids = Post("/cgi-bin/batch/userid_to_openuserid?access_token=" + token,
                            {{"userid_list", {"lisi", "nobody"}}});
  EXPECT_EQ(userids["invalid_userid_list"], json::array({"nobody"}));
  const std::string lisi = userids["open_userid_list"][0]["open_userid"];
  const json theirs =
      Get("/cgi-bin/externalcontact/list?userid=" + lisi + "&access_token=" + token);
  const std::string id = theirs["external_userid"][0];
  EXPECT_NE(id, own);
  const json contact = GetContact(id, token);
  EXPECT_FALSE(contact["external_contact"].contains("unionid"));
  EXPECT_EQ(contact["follow_user"][0]["userid"], lisi);
  EXPECT_EQ(ErrorOf(GetContact(own, token)), 40096) << "another view's id";
  EXPECT_EQ(ErrorOf(GetContact(id, AppToken())), 40096);
  const std::string colleague = Add("p2", "lisi", {{"type", 2}, {"unionid", "u2"}});
  EXPECT_TRUE(absl::StartsWith(colleague, "wo"));
  EXPECT_FALSE(GetContact(colleague, AppToken())["external_contact"].contains("unionid"));
}

TEST_F(WecomContactTest, CallsLearnOfAnEventLaterWhenTold) {
  Wecom("settings", {{"visible_after_s", 5}});
  const std::string id = Add("p1", "lisi");
  EXPECT_EQ(ErrorOf(GetContact(id, AppToken())), 84061);
  sim_.Advance(absl::Seconds(5));
  EXPECT_EQ(ErrorOf(GetContact(id, AppToken())), 0);
  Wecom("contacts", {{"corpid", "ww1"},
                     {"change", "del_external_contact"},
                     {"userid", "lisi"},
                     {"person", "p1"}});
  EXPECT_EQ(ErrorOf(GetContact(id, AppToken())), 0) << "still listed";
  sim_.Advance(absl::Seconds(5));
  EXPECT_EQ(ErrorOf(GetContact(id, AppToken())), 84061);
}

TEST_F(WecomContactTest, OnlyMembersInTheVisibleRangeAreSeen) {
  const std::string id = Add("p1", "lisi");
  Wecom("corps", {{"corpid", "ww1"},
                  {"agents",
                   {{{"agentid", 1000003}, {"secret", "narrow"}, {"scope", {"zhangsan"}}},
                    {{"agentid", 1000004}, {"secret", "blind"}, {"sees_customers", false}}}}});
  const auto token = [this](const std::string& secret) {
    return Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=" + secret).value("access_token", "");
  };
  EXPECT_EQ(ErrorOf(GetContact(id, token("narrow"))), 84061);
  EXPECT_EQ(
      ErrorOf(Get("/cgi-bin/externalcontact/list?userid=lisi&access_token=" + token("narrow"))),
      60011);
  EXPECT_EQ(ErrorOf(GetContact(id, token("blind"))), 84074);
  EXPECT_EQ(Get("/cgi-bin/externalcontact/get_follow_user_list?access_token=" +
                token("narrow"))["follow_user"],
            json::array({"zhangsan"}));
}

TEST_F(WecomContactTest, ABatchHasOneRowPerContactAndMemberAndPages) {
  for (int i = 0; i < 60; ++i) Add(absl::StrCat("c", i), "lisi");
  Add("c7", "zhangsan");
  std::set<std::pair<std::string, std::string>> rows;
  std::string cursor;
  int pages = 0;
  do {
    const json page = App("externalcontact/batch/get_by_user",
                          {{"userid_list", {"lisi", "zhangsan"}}, {"cursor", cursor}});
    for (const json& row : page["external_contact_list"]) {
      rows.emplace(row["external_contact"]["external_userid"], row["follow_info"]["userid"]);
    }
    cursor = page["next_cursor"];
    ++pages;
  } while (!cursor.empty() && pages < 9);
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(rows.size(), 61u);
  EXPECT_EQ(App("externalcontact/batch/get_by_user",
                {{"userid_list", {"lisi"}}, {"limit", 1000}})["external_contact_list"]
                .size(),
            60u)
      << "a limit that is too large is cut, not refused";
}

TEST_F(WecomContactTest, GroupsTellTheirMembersAndVersions) {
  const json group = {{"corpid", "ww1"},
                      {"change", "create"},
                      {"chat", "g1"},
                      {"name", "客户群"},
                      {"owner", "lisi"},
                      {"opengid", "og1"},
                      {"members", {{{"userid", "lisi"}}, {{"person", "p1"}, {"name", "王"}}}}};
  const std::string chat_id = Wecom("chats", group)["chat_id"];
  EXPECT_EQ(App("externalcontact/groupchat/list", {{"limit", 10}})["group_chat_list"],
            json::array({{{"chat_id", chat_id}, {"status", 0}}}));
  EXPECT_EQ(App("externalcontact/opengid_to_chatid", {{"opengid", "og1"}})["chat_id"], chat_id);
  const auto detail = [&] {
    return App("externalcontact/groupchat/get", {{"chat_id", chat_id}})["group_chat"];
  };
  const json before = detail();
  EXPECT_EQ(before["member_list"][1]["unionid"], "u1");
  const std::string stranger = before["member_list"][1]["userid"];
  EXPECT_EQ(ErrorOf(GetContact(stranger, AppToken())), 84061) << "in the group, but no friend";
  Wecom("chats", {{"corpid", "ww1"},
                  {"change", "update"},
                  {"chat", "g1"},
                  {"detail", "add_member"},
                  {"join_scene", 3},
                  {"members", {{{"person", "p9"}}}}});
  const json after = detail();
  EXPECT_EQ(after["member_list"].size(), 3u);
  const wechat::Message push = AgentPushes().back();
  EXPECT_EQ(push.Text("LastMemVer"), before["member_version"].get<std::string>());
  EXPECT_EQ(push.Text("CurMemVer"), after["member_version"].get<std::string>());
  Wecom("chats", {{"corpid", "ww1"}, {"change", "dismiss"}, {"chat", "g1"}});
  EXPECT_NE(ErrorOf(App("externalcontact/groupchat/get", {{"chat_id", chat_id}})), 0);
}

TEST_F(WecomContactTest, EachReceiverGetsTheEventInItsOwnEyes) {
  InstallWecomSuite(sim_, "wws1", "ww1");
  AddWecomSuite(sim_, {.suite_id = "dk1",
                       .callback_url = receiver_.url() + "/template",
                       .data_url = receiver_.url() + "/data/$CORPID$"});
  const std::string open_corpid = InstallWecomSuite(sim_, "dk1", "ww1")["corpid"];
  const std::string id = Add("p1", "lisi", {{"state", "s7"}});
  const wechat::Message own = AgentPushes().back();
  EXPECT_EQ(own.Text("ToUserName"), "ww1");
  EXPECT_EQ(own.Text("ExternalUserID"), id);
  EXPECT_EQ(own.Text("UserID"), "lisi");
  EXPECT_EQ(own.Text("State"), "s7");
  const wechat::Message theirs = SuitePush("change_external_contact");
  EXPECT_EQ(theirs.Text("AuthCorpId"), open_corpid) << "one provider, one view";
  EXPECT_NE(theirs.Text("ExternalUserID"), id);
  EXPECT_EQ(theirs.Text("WelcomeCode"), own.Text("WelcomeCode")) << "one use among all apps";
  const wechat::Message agency = Pushes("/data/" + open_corpid, open_corpid).back();
  EXPECT_EQ(agency.Text("ToUserName"), open_corpid);
  EXPECT_EQ(agency.Text("ExternalUserID"), theirs.Text("ExternalUserID"));
}

TEST_F(WecomContactTest, CustomerServiceKnowsThoseOfTheLastTwoDays) {
  Wecom("corps", {{"corpid", "ww1"}, {"kf_developer_appid", "wxo"}});
  const std::string id =
      Wecom("kf_visits", {{"corpid", "ww1"}, {"person", "p1"}, {"scene", "s"}})["external_userid"];
  const auto ask = [&] { return App("kf/customer/batchget", {{"external_userid_list", {id}}}); };
  EXPECT_EQ(ask()["customer_list"][0]["unionid"], "u1");
  sim_.Advance(absl::Hours(48));
  EXPECT_EQ(ask()["invalid_external_userid"], json::array({id}));
}

TEST_F(WecomContactTest, PaymentOpenidsAreThoseOfThePayingApp) {
  const std::string id = Add("p1", "lisi");
  const std::string colleague = Add("p2", "lisi", {{"type", 2}});
  Wecom("corps", {{"corpid", "ww1"}, {"payment_appid", "wxo"}});
  const auto openid = [&](const std::string& external_userid) {
    return App("externalcontact/convert_to_openid", {{"external_userid", external_userid}});
  };
  EXPECT_EQ(openid(id)["openid"], "o1");
  EXPECT_EQ(ErrorOf(openid(colleague)), 40096);
  EXPECT_EQ(ErrorOf(openid(Add("p3", "lisi"))), 43004);
}

}  // namespace
}  // namespace datong::wechat_sim
