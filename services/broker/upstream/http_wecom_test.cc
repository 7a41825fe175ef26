#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"
#include "services/broker/upstream/http_wecom_ids.h"
#include "services/broker/upstream/http_wecom_platform.h"

namespace datong::broker {
namespace {

using nlohmann::json;

json Payload(const std::string& name) {
  std::ifstream file("testdata/wecom/" + name + ".json");
  EXPECT_TRUE(file) << name;
  return json::parse(file);
}
json Variant(const std::string& name, const std::string& variant) {
  const json payload = Payload(name);
  for (const json& one : payload.at("variants")) {
    if (one.at("name") == variant) return one.at("response");
  }
  ADD_FAILURE() << name << " " << variant;
  return json();
}

class HttpWecomTest : public ::testing::Test {
 protected:
  static http::ClientOptions Options() {
    http::ClientOptions options;
    options.allow_private = true;
    return options;
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(10)); }
  // Answers as the document says; the path comes from there too.
  std::string Answer(const std::string& name) {
    const json payload = Payload(name);
    const std::string path = payload.at("path");
    server_.AnswerJson(path, payload.at("response").dump());
    return path;
  }
  json LastBody(const std::string& path) { return json::parse(server_.requests(path).back().body); }

  http::FakeHttpServer server_;
  http::Client http_{Options()};
  metrics::Registry registry_;
  HttpWecomPlatform platform_{
      {server_.url(), "https://open.work.weixin.qq.com", "https://open.weixin.qq.com"},
      http_,
      registry_};
  HttpWecomIds ids_{server_.url(), http_, registry_};
};

TEST_F(HttpWecomTest, TokensOfEveryKindWithAndWithoutErrcode) {
  Answer("gettoken");
  EXPECT_EQ(platform_.FetchCorpToken("ww1", Secret("s&1"), soon())->token.Expose(),
            "accesstoken000001");
  EXPECT_EQ(server_.requests("/cgi-bin/gettoken").back().query, "corpid=ww1&corpsecret=s%261");
  const std::string suite = Answer("service.get_suite_token");
  EXPECT_EQ(platform_.FetchSuiteToken("wws1", Secret("s"), Secret("t"), soon())->lifetime,
            absl::Seconds(7200));
  EXPECT_EQ(LastBody(suite),
            (json{{"suite_id", "wws1"}, {"suite_secret", "s"}, {"suite_ticket", "t"}}));
  server_.AnswerJson(suite, Variant("service.get_suite_token", "success_without_errcode").dump());
  EXPECT_OK(platform_.FetchSuiteToken("wws1", Secret("s"), Secret("t"), soon()));
  Answer("service.get_provider_token");
  EXPECT_OK(platform_.FetchProviderToken("wwp", Secret("s"), soon()));
  const std::string corp = Answer("service.get_corp_token");
  EXPECT_OK(platform_.FetchAuthorizedCorpToken(Secret("t"), "wpC", Secret("p"), soon()));
  EXPECT_EQ(LastBody(corp), (json{{"auth_corpid", "wpC"}, {"permanent_code", "p"}}));
}

TEST_F(HttpWecomTest, RefusalsAreWecomsOwn) {
  const json payload = Payload("service.get_suite_token");
  for (const json& error : payload.at("errors")) {
    const json answer = error.at("response");
    server_.AnswerJson("/cgi-bin/service/get_suite_token", answer.dump());
    const absl::Status status =
        platform_.FetchSuiteToken("wws1", Secret("s"), Secret("t"), soon()).status();
    EXPECT_EQ(ErrcodeOf(status), answer.at("errcode").get<int64_t>());
    EXPECT_NE(ErrorClassOf(status), wechat::ErrorClass::kUnknown) << answer;
  }
}

TEST_F(HttpWecomTest, TheInstallFlow) {
  Answer("service.get_pre_auth_code");
  absl::StatusOr<PreAuthCode> code = platform_.GetPreAuthCode(Secret("t"), soon());
  ASSERT_OK(code);
  EXPECT_EQ(code->lifetime, absl::Seconds(1200));
  EXPECT_EQ(platform_.InstallPageUrl({"wws1", "p&1", "https://d.example/cb", "st"}),
            "https://open.work.weixin.qq.com/3rdapp/install?suite_id=wws1&pre_auth_code=p%261"
            "&redirect_uri=https%3A%2F%2Fd.example%2Fcb&state=st");
  Answer("service.v2.get_permanent_code");
  absl::StatusOr<WecomGrant> grant = platform_.GetPermanentCode(Secret("t"), "c", soon());
  ASSERT_OK(grant);
  EXPECT_EQ(grant->corpid, "xxxx");
  EXPECT_EQ(grant->permanent_code.Expose(), "xxxx");
  EXPECT_EQ(grant->state, "state001");
  server_.AnswerJson("/cgi-bin/service/v2/get_auth_info",
                     Variant("service.get_auth_info", "v2").dump());
  absl::StatusOr<WecomAuthInfo> info =
      platform_.GetAuthInfo(Secret("t"), "wpC", Secret("p"), soon());
  ASSERT_OK(info);
  EXPECT_TRUE(info->verified);
  EXPECT_EQ(info->corp_full_name, "full_name");
  EXPECT_EQ(info->agentid, 1);
  EXPECT_EQ(info->privilege_level, 1);
  EXPECT_FALSE(info->is_agency_built);
}

TEST_F(HttpWecomTest, VisitorsAndStaff) {
  Answer("auth.getuserinfo");
  EXPECT_EQ(ids_.GetVisitor(Secret("t"), "c", soon())->userid, "USERID");
  server_.AnswerJson("/cgi-bin/auth/getuserinfo",
                     Variant("auth.getuserinfo", "not_a_member").dump());
  absl::StatusOr<WecomVisitor> customer = ids_.GetVisitor(Secret("t"), "c", soon());
  ASSERT_OK(customer);
  EXPECT_EQ(customer->openid, "OPENID");
  EXPECT_EQ(customer->external_userid, "EXTERNAL_USERID");
  const std::string suite = Answer("service.auth.getuserinfo3rd");
  EXPECT_EQ(ids_.GetSuiteVisitor(Secret("t"), "c", soon())->open_userid, "wwxxxx");
  EXPECT_EQ(server_.requests(suite).back().query, "suite_access_token=t&code=c");
  Answer("miniprogram.jscode2session");
  EXPECT_EQ(ids_.LogInStaff(Secret("t"), "c", soon())->corpid, "CORPID");
}

TEST_F(HttpWecomTest, ContactsAndGroups) {
  const std::string path = "/cgi-bin/externalcontact/get";
  server_.AnswerJson(path, Variant("externalcontact.get", "wechat_contact_self_built").dump());
  absl::StatusOr<WecomContact> contact = ids_.GetContact(Secret("t"), "wm1", soon());
  ASSERT_OK(contact);
  EXPECT_TRUE(contact->is_wechat_user);
  EXPECT_EQ(contact->unionid, "ozynqsulJFCZ2z1aYeS8h-nuasdAAA");
  ASSERT_EQ(contact->followers.size(), 1u);
  EXPECT_EQ(contact->followers[0].created, absl::FromUnixSeconds(1638185654));
  server_.AnswerJson(path, Variant("externalcontact.get", "wechat_contact_no_unionid").dump());
  EXPECT_EQ(ids_.GetContact(Secret("t"), "wm1", soon())->unionid, "");
  const std::string batch = Answer("externalcontact.batch.get_by_user");
  absl::StatusOr<WecomContactPage> page = ids_.ListContacts(Secret("t"), {"a"}, "cur", soon());
  ASSERT_OK(page);
  EXPECT_EQ(page->contacts.size(), 2u);
  EXPECT_EQ(page->contacts[1].followers[0].userid, "lisi");
  EXPECT_FALSE(page->next_cursor.empty());
  EXPECT_EQ(LastBody(batch), (json{{"userid_list", {"a"}}, {"cursor", "cur"}, {"limit", 100}}));
  Answer("externalcontact.groupchat.get");
  absl::StatusOr<WecomGroup> group = ids_.GetGroup(Secret("t"), "wr1", soon());
  ASSERT_OK(group);
  ASSERT_EQ(group->members.size(), 2u);
  EXPECT_FALSE(group->members[0].is_external);
  EXPECT_TRUE(group->members[1].is_external);
  EXPECT_EQ(group->members[1].unionid, "ozynqsulJFCZ2z1aYeS8h-nuasdAAA");
}

TEST_F(HttpWecomTest, Conversions) {
  const std::string path = Answer("idconvert.unionid_to_external_userid");
  absl::StatusOr<WecomConverted> found =
      ids_.ConvertUnionid(Secret("t"), {"o", "u"}, true, "", soon());
  ASSERT_OK(found);
  EXPECT_EQ(found->external_userid, "ooAAAAAAAAAAA");
  EXPECT_EQ(LastBody(path), (json{{"unionid", "u"}, {"openid", "o"}, {"subject_type", 1}}));
  server_.AnswerJson(path,
                     Variant("idconvert.unionid_to_external_userid", "not_yet_customer").dump());
  EXPECT_EQ(ids_.ConvertUnionid(Secret("t"), {"o", "u"}, false, "", soon())->pending_id,
            "pAAAAAAAAAAA");
  Answer("idconvert.batch.external_userid_to_pending_id");
  EXPECT_EQ(ids_.GetPendingIds(Secret("t"), {"a"}, "", soon())->size(), 2u);
  Answer("service.externalcontact.unionid_to_external_userid_3rd");
  EXPECT_EQ(ids_.FindThroughSuite(Secret("t"), {"o", "u"}, "", soon())->at(1).corpid, "CCCCC");
  Answer("externalcontact.get_new_external_userid");
  EXPECT_EQ(ids_.GetNewExternalUserids(Secret("t"), {"a"}, "", soon())->at(0).to, "AAAA");
}

}  // namespace
}  // namespace datong::broker
