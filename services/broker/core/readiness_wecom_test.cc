#include "absl/strings/match.h"
#include "services/broker/core/readiness.h"
#include "services/broker/testing/fake_estate.h"
#include "services/broker/testing/fake_readiness.h"
#include "services/broker/testing/wecom_fixture.h"

namespace datong::broker {
namespace {

using Result = ReadinessResult;
using Topic = ReadinessTopic;

constexpr char kCorpApp[] = "wpCorp-wws1";

class ReadinessWecomTest : public WecomFixture {
 protected:
  ReadinessWecomTest() {
    Install();
    wecom_.members = {"zhangsan"};
  }
  AppReadiness Check(const std::string& appid) {
    absl::StatusOr<ReadinessReport> report =
        readiness_.Check("demo", {*store_.GetApp(appid, soon())}, soon());
    EXPECT_OK(report);
    return report.ok() ? report->apps[0] : AppReadiness();
  }
  ReadinessCheck Of(const std::string& appid, Topic topic) {
    for (const ReadinessCheck& check : Check(appid).checks) {
      if (check.topic == topic) return check;
    }
    ADD_FAILURE() << appid << " has no check of topic " << static_cast<int>(topic);
    return {};
  }
  void SaveRoster(int64_t contacts, int64_t unionids) {
    WecomRoster roster;
    roster.appid = "ww1";
    roster.state = WecomRoster::State::kDone;
    roster.started = clock_.Now();
    roster.contacts = contacts;
    roster.unionids = unionids;
    ASSERT_OK(store_.SaveRoster(*store_.GetApp("ww1", soon()), roster, {}, soon()));
  }

  FakeEstateStore estates_;
  FakeReadinessPlatform asked_;
  MendLinks mend_links_{estates_, authorizer_, clock_};
  Readiness readiness_{{.public_url = "https://datong.example.cn", .collector_url = ""},
                       store_,
                       store_,
                       store_,
                       estates_,
                       broker_,
                       mend_links_,
                       asked_,
                       store_,
                       wecom_,
                       clock_};
};

TEST_F(ReadinessWecomTest, WhatIsAsItShouldBePasses) {
  ASSERT_OK(estates_.SavePushSightings(
      {{"wws1", clock_.Now(), std::nullopt, ""}, {"ww1", clock_.Now(), std::nullopt, ""}}, soon()));
  SaveRoster(10, 4);
  for (const char* appid : {"ww1", "wws1", "wwprov", kCorpApp}) {
    const AppReadiness app = Check(appid);
    EXPECT_GE(app.checks.size(), 2u) << appid;
    for (const ReadinessCheck& check : app.checks) {
      EXPECT_NE(check.result, Result::kFail) << appid << " " << check.reason.en;
      EXPECT_FALSE(check.reason.zh.empty() || check.reason.en.empty());
      EXPECT_EQ(check.next_step.zh.empty(), check.next_step.en.empty());
    }
  }
  EXPECT_EQ(Of("ww1", Topic::kOpenPlatformBound).result, Result::kPass);
  EXPECT_EQ(Of("ww1", Topic::kLastPush).result, Result::kPass);
  EXPECT_EQ(Of("wws1", Topic::kTicket).result, Result::kPass);
  EXPECT_EQ(Of(kCorpApp, Topic::kCertified).result, Result::kPass);
  EXPECT_EQ(Of(kCorpApp, Topic::kEntity).reason.en, "Corp Ltd");
  EXPECT_EQ(Of(kCorpApp, Topic::kPermission).result, Result::kPass);
}

TEST_F(ReadinessWecomTest, TheAddressesOfCallbacksAreThoseThatAreServed) {
  EXPECT_TRUE(absl::StrContains(Of("ww1", Topic::kPushConfigured).reason.en,
                                "https://datong.example.cn/wecom/demo/app/ww1"));
  EXPECT_TRUE(absl::StrContains(Of("wws1", Topic::kPushConfigured).reason.zh,
                                "/wecom/demo/suite/wws1/$CORPID$/messages"));
  ASSERT_OK(estates_.SavePushSightings({{"ww1", std::nullopt, clock_.Now(), "SIGNATURE_INVALID"}},
                                       soon()));
  EXPECT_EQ(Of("ww1", Topic::kLastPush).result, Result::kFail);
}

TEST_F(ReadinessWecomTest, ASuiteWithoutFreshTicketsIsTold) {
  clock_.Advance(absl::Minutes(21));
  EXPECT_EQ(Of("wws1", Topic::kTicket).result, Result::kFail);
  clock_.Advance(absl::Hours(3));
  EXPECT_EQ(Of("wws1", Topic::kCredentials).result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(Of(kCorpApp, Topic::kCredentials).next_step.en, "TICKET"));
}

TEST_F(ReadinessWecomTest, CustomerContactIsAskedForAndItsLackHasAStep) {
  wecom_.failures["ListFollowMembers"] = {FakeWecomPlatform::Errcode(84074)};
  const ReadinessCheck forbidden = Of("ww1", Topic::kPermission);
  EXPECT_EQ(forbidden.result, Result::kFail);
  EXPECT_EQ(forbidden.subject.en, "customer contact");
  EXPECT_TRUE(absl::StrContains(forbidden.next_step.zh, "可调用应用"));
  wecom_.members.clear();
  EXPECT_EQ(Of(kCorpApp, Topic::kPermission).result, Result::kFail);
  wecom_.failures["ListFollowMembers"] = {absl::UnavailableError("down")};
  EXPECT_EQ(Of("ww1", Topic::kPermission).result, Result::kUnknown);
}

TEST_F(ReadinessWecomTest, AnAddressThatIsNotTrustedIsNamed) {
  wecom_.failures["ListFollowMembers"] = {wechat::WecomErrorCodeStatus(
      60020, "not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at x")};
  const ReadinessCheck check = Of("ww1", Topic::kIpAllowList);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(check.next_step.en, "Add 203.0.113.7"));
}

TEST_F(ReadinessWecomTest, ContactsWithoutAnyUnionidNameTheBindingThatLacks) {
  EXPECT_EQ(Of("ww1", Topic::kOpenPlatformBound).result, Result::kUnknown);
  SaveRoster(10, 0);
  const ReadinessCheck check = Of("ww1", Topic::kOpenPlatformBound);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(check.next_step.zh, "开发者 ID"));
}

TEST_F(ReadinessWecomTest, ACorpThatLeftHasTheLinkThatBringsItBack) {
  ASSERT_OK(installer_.OnCancelled("wws1", "wpCorp", clock_.Now(), soon()));
  const AppReadiness app = Check(kCorpApp);
  EXPECT_TRUE(absl::StrContains(app.mend_url, "/wecom/install/"));
  EXPECT_EQ(app.checks[0].result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(app.checks[0].next_step.zh, app.mend_url));
}

}  // namespace
}  // namespace datong::broker
