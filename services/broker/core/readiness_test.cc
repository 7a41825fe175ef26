#include "services/broker/core/readiness.h"

#include "absl/strings/match.h"
#include "services/broker/testing/core_fixture.h"
#include "services/broker/testing/fake_estate.h"
#include "services/broker/testing/fake_readiness.h"
#include "services/broker/testing/fake_wecom_platform.h"

namespace datong::broker {
namespace {

using Result = ReadinessResult;
using Topic = ReadinessTopic;

constexpr char kOpen[] = "wx0123456789abcdef";

class ReadinessTest : public CoreFixture {
 protected:
  ReadinessTest() {
    Connect();
    EXPECT_OK(store_.UpdateApp("wx-account", {.open_platform_account = kOpen}, soon()));
    EXPECT_OK(store_.UpdateApp("wx-own", {.open_platform_account = kOpen}, soon()));
    SeePush("wx-account");
    SeePush("wx-own");
  }
  void SeePush(const std::string& appid) {
    EXPECT_OK(estates_.SavePushSightings({{appid, clock_.Now(), std::nullopt, ""}}, soon()));
  }
  ReadinessReport Check(const std::vector<std::string>& appids) {
    std::vector<App> apps;
    for (const std::string& appid : appids) apps.push_back(*store_.GetApp(appid, soon()));
    absl::StatusOr<ReadinessReport> report = readiness_.Check("demo", apps, soon());
    EXPECT_OK(report);
    return report.ok() ? *report : ReadinessReport();
  }
  // The check of that topic of one app; of permissions that with `subject`.
  ReadinessCheck Of(const std::string& appid, Topic topic, const std::string& subject = "") {
    const ReadinessReport report = Check({appid});
    for (const ReadinessCheck& check : report.apps[0].checks) {
      if (check.topic == topic && (subject.empty() || check.subject.en == subject)) return check;
    }
    ADD_FAILURE() << appid << " has no check of topic " << static_cast<int>(topic);
    return {};
  }
  static std::vector<Topic> Failed(const std::vector<ReadinessCheck>& checks) {
    std::vector<Topic> failed;
    for (const ReadinessCheck& check : checks) {
      if (check.result == Result::kFail) failed.push_back(check.topic);
    }
    return failed;
  }

  FakeEstateStore estates_;
  FakeReadinessPlatform asked_;
  FakeWecomPlatform wecom_;
  MendLinks mend_links_{estates_, authorizer_, clock_};
  Readiness readiness_{
      {.public_url = "https://datong.example.cn", .collector_url = "https://collect.example.cn/v3"},
      store_,
      store_,
      store_,
      estates_,
      tokens_,
      mend_links_,
      asked_,
      store_,
      wecom_,
      clock_};
};

TEST_F(ReadinessTest, ACertifiedBoundEstatePasses) {
  const ReadinessReport report = Check({"wx-account", "wx-own"});
  for (const AppReadiness& app : report.apps) {
    EXPECT_EQ(Failed(app.checks), std::vector<Topic>{}) << app.app.appid;
  }
  ASSERT_EQ(report.shared.size(), 2u);
  EXPECT_EQ(report.shared[0].result, Result::kPass);
  EXPECT_EQ(report.shared[1].result, Result::kPass);
}

TEST_F(ReadinessTest, EveryCheckSpeaksBothLanguagesAndWhatIsNotRightHasAStep) {
  asked_.basics = AccountBasics{"个人", 0, 0, 2, false};
  asked_.profile = AccountProfile{AppKind::kOfficialAccount, "个人", -1, 19, {}, {}};
  asked_.bound = false;
  asked_.quota = QuotaLeft{1000, 1000, 0};
  const ReadinessReport report = Check({"wx-account", "wx-own", "wx-mini", "wx-comp"});
  int failed = 0;
  for (const AppReadiness& app : report.apps) {
    for (const ReadinessCheck& check : app.checks) {
      const int topic = static_cast<int>(check.topic);
      EXPECT_FALSE(check.reason.zh.empty() || check.reason.en.empty()) << topic;
      EXPECT_EQ(check.next_step.zh.empty(), check.next_step.en.empty()) << topic;
      EXPECT_TRUE(check.result != Result::kFail || !check.next_step.en.empty()) << topic;
      failed += check.result == Result::kFail;
    }
  }
  EXPECT_GT(failed, 15);
}

TEST_F(ReadinessTest, AnUncertifiedAccountFailsUnlessOneSourceKnowsBetter) {
  asked_.basics->customer_type = 0;
  asked_.basics->qualification_verified = false;
  // The list lags behind, or the other way round: one yes is enough.
  EXPECT_EQ(Of("wx-account", Topic::kCertified).result, Result::kPass);
  asked_.profile->verify_type = -1;
  const ReadinessCheck check = Of("wx-account", Topic::kCertified);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(check.next_step.en, "Apply for verification"));
  EXPECT_TRUE(absl::StrContains(check.next_step.zh, "微信认证"));
  EXPECT_EQ(Of("wx-own", Topic::kCertified).result, Result::kFail);
  asked_.basics = Errcode(48001);
  EXPECT_EQ(Of("wx-own", Topic::kCertified).result, Result::kUnknown);
}

TEST_F(ReadinessTest, AMissingPermissionSetNamesTheFunctionAndTheWayToGrantIt) {
  asked_.profile->permission_sets = {1, 3, 4, 7};
  const ReadinessCheck users = Of("wx-account", Topic::kPermission, "users and their unionids");
  EXPECT_EQ(users.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(users.reason.en, "Permission set 2"));
  EXPECT_TRUE(absl::StrContains(users.next_step.en,
                                "create-authorization-link --component "
                                "projects/demo/apps/wx-comp --biz-appid "
                                "wx-account"));
  // Any of several sets will do.
  EXPECT_EQ(Of("wx-account", Topic::kPermission, "article statistics").result, Result::kPass);
  // Self-managed accounts have none.
  const ReadinessReport own = Check({"wx-own"});
  for (const ReadinessCheck& check : own.apps[0].checks) {
    EXPECT_NE(check.topic, Topic::kPermission);
  }
}

TEST_F(ReadinessTest, TheOpenPlatformAccountIsComparedWithTheOneRegistered) {
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformAccount).result, Result::kPass);
  asked_.open_account = std::string("wxfedcba9876543210");
  const ReadinessCheck other = Of("wx-account", Topic::kOpenPlatformAccount);
  EXPECT_EQ(other.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(other.next_step.en, "wxfedcba9876543210"));
  // A name of the operator's own cannot be compared.
  ASSERT_OK(store_.UpdateApp("wx-account", {.open_platform_account = "our account"}, soon()));
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformAccount).result, Result::kUnknown);
  ASSERT_OK(store_.UpdateApp("wx-account", {.open_platform_account = ""}, soon()));
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformAccount).result, Result::kFail);
  // Without set 24 WeChat tells that there is one, not which.
  asked_.open_account = Errcode(48001);
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformBound).result, Result::kPass);
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformAccount).result, Result::kFail);
  ASSERT_OK(store_.UpdateApp("wx-account", {.open_platform_account = kOpen}, soon()));
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformAccount).result, Result::kUnknown);
  asked_.bound = Errcode(61007);
  asked_.open_account = Errcode(89002);
  EXPECT_EQ(Of("wx-account", Topic::kOpenPlatformBound).result, Result::kFail);
}

TEST_F(ReadinessTest, PushesThatStayAwayOrAreRefusedFail) {
  clock_.Advance(absl::Hours(73));
  const ReadinessCheck stale = Of("wx-own", Topic::kLastPush);
  EXPECT_EQ(stale.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(stale.next_step.en, "/wechat/demo/app/wx-own"));
  SeePush("wx-own");
  EXPECT_EQ(Of("wx-own", Topic::kLastPush).result, Result::kPass);
  ASSERT_OK(estates_.SavePushSightings(
      {{"wx-own", std::nullopt, clock_.Now() + absl::Seconds(1), "SIGNATURE_INVALID"}}, soon()));
  const ReadinessCheck refused = Of("wx-own", Topic::kLastPush);
  EXPECT_EQ(refused.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(refused.next_step.en, "datong callback check"));
  // Mini programs may have nothing to push.
  EXPECT_EQ(Of("wx-mini", Topic::kLastPush).result, Result::kUnknown);
}

TEST_F(ReadinessTest, DomainsOfCollectorAndApiMustBothBeThere) {
  asked_.profile->kind = AppKind::kMiniProgram;
  asked_.profile->request_domains = {"https://datong.example.cn"};
  platform_.details.kind = AppKind::kMiniProgram;
  ASSERT_OK(authorizer_.FetchDetails("wx-account", soon()));
  ReadinessCheck check = Of("wx-account", Topic::kRequestDomains);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(check.next_step.zh, "https://collect.example.cn"));
  EXPECT_FALSE(absl::StrContains(check.next_step.zh, "datong.example.cn,"));
  asked_.profile->request_domains.push_back("https://Collect.example.cn");
  EXPECT_EQ(Of("wx-account", Topic::kRequestDomains).result, Result::kPass);
  // WeChat tells nothing of a self-managed one.
  check = Of("wx-mini", Topic::kRequestDomains);
  EXPECT_EQ(check.result, Result::kUnknown);
  EXPECT_TRUE(absl::StrContains(check.next_step.en, "https://collect.example.cn"));
}

TEST_F(ReadinessTest, AnAddressThatIsNotAllowedIsTold) {
  clock_.Advance(absl::Hours(3));
  platform_.FailNext(
      "FetchStableToken",
      {wechat::ErrorCodeStatus(40164,
                               "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist "
                               "rid: 1-2-3")});
  const ReadinessReport report = Check({"wx-own"});
  const ReadinessCheck& check = report.apps[0].checks[1];
  EXPECT_EQ(check.topic, Topic::kIpAllowList);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(check.next_step.en, "Add 203.0.113.7 at mp.weixin.qq.com"));
  EXPECT_EQ(report.apps[0].checks[0].result, Result::kFail);
}

TEST_F(ReadinessTest, AWrongSecretIsToldWithTheCommandThatMendsIt) {
  clock_.Advance(absl::Hours(3));
  platform_.FailNext("FetchStableToken", {wechat::ErrorCodeStatus(40125, "invalid appsecret")});
  const ReadinessCheck check = Of("wx-own", Topic::kCredentials);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(check.next_step.en, "datong broker update-app"));
}

TEST_F(ReadinessTest, AnAccountThatMustAuthoriseAgainGetsItsLink) {
  ASSERT_OK(store_.Revoke("wx-comp", "wx-account", clock_.Now(), soon()));
  const ReadinessReport report = Check({"wx-account"});
  EXPECT_TRUE(absl::StartsWith(report.apps[0].mend_url, "https://datong.example/authorize/"));
  EXPECT_EQ(report.apps[0].checks[0].result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(report.apps[0].checks[0].next_step.zh, report.apps[0].mend_url));
}

TEST_F(ReadinessTest, AComponentNeedsAFreshTicketAndAComparedList) {
  EXPECT_EQ(Of("wx-comp", Topic::kTicket).result, Result::kPass);
  EXPECT_EQ(Of("wx-comp", Topic::kReconciled).result, Result::kUnknown);
  clock_.Advance(absl::Minutes(31));
  EXPECT_EQ(Of("wx-comp", Topic::kTicket).result, Result::kFail);
  ASSERT_OK(estates_.SaveReconciliation(
      {"wx-comp", clock_.Now(), 2, {{"wx-early", "AUTHORIZED_EARLIER"}}}, soon()));
  const ReadinessCheck left = Of("wx-comp", Topic::kReconciled);
  EXPECT_EQ(left.result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(left.next_step.en, "--take-all"));
  ASSERT_OK(estates_.SaveReconciliation({"wx-comp", clock_.Now(), 2, {}}, soon()));
  EXPECT_EQ(Of("wx-comp", Topic::kReconciled).result, Result::kPass);
}

TEST_F(ReadinessTest, AUsedUpQuotaFailsAndNoLimitPasses) {
  asked_.quota = QuotaLeft{1000, 901, 99};
  EXPECT_EQ(Of("wx-own", Topic::kQuota).result, Result::kFail);
  asked_.quota = QuotaLeft{0, 0, 0};
  EXPECT_EQ(Of("wx-own", Topic::kQuota).result, Result::kPass);
  asked_.quota = Errcode(76022);
  EXPECT_EQ(Of("wx-own", Topic::kQuota).result, Result::kUnknown);
}

TEST_F(ReadinessTest, WhatCannotBeAskedIsUnknownAndNotFailed) {
  asked_.basics = absl::UnavailableError("down");
  asked_.profile = absl::UnavailableError("down");
  asked_.bound = absl::UnavailableError("down");
  asked_.open_account = absl::UnavailableError("down");
  asked_.quota = absl::UnavailableError("down");
  EXPECT_EQ(Failed(Check({"wx-account"}).apps[0].checks),
            (std::vector<Topic>(4, Topic::kPermission)))
      << "of the stored sets 1 and 2 alone";
}

AppFacts Account(const std::string& appid, const std::string& entity, const std::string& open) {
  AppFacts facts;
  facts.app.appid = appid;
  facts.app.kind = AppKind::kOfficialAccount;
  if (!entity.empty()) facts.basics = AccountBasics{entity, 1, 1, 1, true};
  if (!open.empty()) facts.open_account = open;
  return facts;
}

TEST(ReadinessTogetherTest, AccountsMustShareEntityAndOpenPlatformAccount) {
  auto checks = JudgeTogether({Account("wx1", "A", "o1"), Account("wx2", "A", "o1")});
  EXPECT_EQ(checks[0].result, Result::kPass);
  EXPECT_EQ(checks[1].result, Result::kPass);
  checks = JudgeTogether({Account("wx1", "A", "o1"), Account("wx2", "B", "o2")});
  EXPECT_EQ(checks[0].result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(checks[0].reason.en, "A: wx1; B: wx2"));
  EXPECT_EQ(checks[1].result, Result::kFail);
  checks = JudgeTogether({Account("wx1", "A", "o1"), Account("wx2", "", "")});
  EXPECT_EQ(checks[0].result, Result::kUnknown);
  EXPECT_EQ(checks[1].result, Result::kUnknown);
  AppFacts unbound = Account("wx2", "A", "");
  unbound.is_bound = false;
  checks = JudgeTogether({Account("wx1", "A", "o1"), unbound});
  EXPECT_EQ(checks[1].result, Result::kFail);
  EXPECT_TRUE(absl::StrContains(checks[1].reason.en, "wx2"));
  // What the operator registered counts where WeChat does not tell.
  AppFacts registered = Account("wx2", "A", "");
  registered.app.open_platform_account = "o1";
  checks = JudgeTogether({Account("wx1", "A", "o1"), registered});
  EXPECT_EQ(checks[1].result, Result::kPass);
  EXPECT_TRUE(JudgeTogether({Account("wx1", "A", "o1")}).empty());
}

}  // namespace
}  // namespace datong::broker
