#include "services/broker/core/user_directory.h"

#include "services/broker/testing/login_fixture.h"

namespace datong::broker {
namespace {

class UserDirectoryTest : public LoginFixture {
 protected:
  void Know(const std::string& openid, bool follows, const std::string& unionid) {
    FollowerInfo info;
    info.openid = openid;
    info.follows = follows;
    info.unionid = unionid;
    users_platform_.followers[openid] = info;
  }
  absl::StatusOr<KnownUser> Paid(std::optional<absl::Time> paid = std::nullopt) {
    return users_.GetPaidUser(AppOf("wx-mini"), "openid-1", {"4200", "", ""}, paid, soon());
  }
};

TEST_F(UserDirectoryTest, FollowersTellTheirUnionid) {
  Know("o1", true, "unionid-1");
  absl::StatusOr<FollowerUser> user = users_.GetUser(AppOf("wx-own"), "o1", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->user.unionid, "unionid-1");
  EXPECT_EQ(user->user.person, "projects/demo/persons/p1");
  EXPECT_EQ(LastEvidence().kind, "oa.user_info");
  Know("o2", false, "");
  user = users_.GetUser(AppOf("wx-own"), "o2", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->user.status, UnionidStatus::kNotFollower);
  EXPECT_EQ(user->user.next_way, UnionidNextWay::kFollow);
  EXPECT_THAT(users_.GetUser(AppOf("wx-own"), "nobody", soon()),
              IsError(absl::StatusCode::kNotFound, "USER_UNKNOWN"));
  EXPECT_THAT(users_.GetUser(AppOf("wx-own"), "no such", soon()),
              IsError(absl::StatusCode::kInvalidArgument, "OPENID_INVALID"));
}

TEST_F(UserDirectoryTest, OneOpenidThatWeChatDoesNotKnowSpoilsNoBatch) {
  std::vector<std::string> openids;
  for (int i = 0; i < 20; ++i) {
    openids.push_back("o" + std::to_string(i));
    if (i != 7) Know(openids.back(), true, "u" + std::to_string(i));
  }
  absl::StatusOr<FollowerUsers> found = users_.GetUsers(AppOf("wx-own"), openids, soon());
  ASSERT_OK(found);
  EXPECT_EQ(found->users.size(), 19u);
  EXPECT_EQ(found->unknown, std::vector<std::string>{"o7"});
  EXPECT_EQ(peers_.evidence.size(), 19u);
  EXPECT_EQ(found->users[0].user.person, "projects/demo/persons/of-o0");
  EXPECT_THAT(users_.GetUsers(AppOf("wx-own"), std::vector<std::string>(101, "o"), soon()),
              IsError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE"));
}

TEST_F(UserDirectoryTest, APaymentTellsTheUnionidForFiveMinutes) {
  absl::StatusOr<KnownUser> user = Paid();
  ASSERT_OK(user);
  EXPECT_EQ(user->unionid, "unionid-paid");
  EXPECT_EQ(LastEvidence().kind, "mp.paid_unionid");
  users_platform_.errcodes["GetPaidUnionid"] = 89300;
  const absl::Status early = Paid(clock_.Now() - absl::Minutes(1)).status();
  EXPECT_THAT(early, IsError(absl::StatusCode::kFailedPrecondition, "PAYMENT_NOT_USABLE"));
  EXPECT_TRUE(GetRetryDelay(early).has_value());
  EXPECT_FALSE(GetRetryDelay(Paid(clock_.Now() - absl::Minutes(5)).status()).has_value());
  users_platform_.errcodes["GetPaidUnionid"] = 89002;
  EXPECT_EQ(Paid()->status, UnionidStatus::kNotBound);
  EXPECT_THAT(
      users_.GetPaidUser(AppOf("wx-mini"), "openid-1", {"", "mch", ""}, std::nullopt, soon()),
      IsError(absl::StatusCode::kInvalidArgument, "PAYMENT_INVALID"));
}

TEST_F(UserDirectoryTest, ACloudFunctionsContextIsEvidence) {
  absl::StatusOr<KnownUser> user =
      users_.ReportCloudContext(AppOf("wx-mini"), "openid-1", "unionid-1", "call-1", soon());
  ASSERT_OK(user);
  EXPECT_EQ(user->person, "projects/demo/persons/p1");
  EXPECT_EQ(LastEvidence().kind, "mp.cloud_context");
  EXPECT_EQ(LastEvidence().unionid, "unionid-1");
}

TEST_F(UserDirectoryTest, NewOpenidsAreToldAndWhatIdentityMissesFollows) {
  users_platform_.changed = {{"old-1", "new-1", "ok"}, {"old-2", "", "ori_openid error"}};
  users_platform_.errcodes["ChangeOpenids:gh_old"] = 63178;
  const auto change = [&] {
    return users_.ChangeOpenids(AppOf("wx-own"), "wx-old", "gh_old", {"old-1", "old-2"}, soon());
  };
  absl::StatusOr<std::vector<ChangedOpenid>> changed = change();
  ASSERT_OK(changed);
  EXPECT_EQ((*changed)[0].new_openid, "new-1");
  EXPECT_EQ((*changed)[1].error, "ori_openid error");
  EXPECT_EQ(users_platform_.changed_from, (std::vector<std::string>{"gh_old", "wx-old"}));
  ASSERT_EQ(persons_.moves.size(), 1u);
  EXPECT_EQ(persons_.moved_from, "wx-old");

  persons_.status = absl::UnavailableError("down");
  ASSERT_OK(change());
  const std::vector<Job> jobs =
      *store_.Claim(JobKind::kMigrateOpenids, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_FALSE(users_.RunMigration(jobs[0], soon()).ok());
  persons_.status = absl::OkStatus();
  ASSERT_OK(users_.RunMigration(jobs[0], soon()));
  EXPECT_EQ(persons_.moves.back().new_openid, "new-1");

  users_platform_.errcodes["ChangeOpenids:wx-old"] = 63183;
  EXPECT_THAT(change(), IsError(absl::StatusCode::kFailedPrecondition, "NO_MIGRATION"));
}

TEST_F(UserDirectoryTest, SessionsOfErasedPersonsGo) {
  ASSERT_OK(login_.LogIn(Entry("wx-mini"), "js-code", soon()));
  persons_.pages[""] = {{}, "c1", true};
  ASSERT_OK(erasures_.Run(soon()));
  EXPECT_OK(logins_.GetSession("wx-mini", "openid-1", soon()));
  persons_.pages["c1"] = {
      {{GraphChange::Kind::kPersonErased, 0, "projects/demo/persons/p1"}}, "c2", true};
  ASSERT_OK(erasures_.Run(soon()));
  EXPECT_THAT(logins_.GetSession("wx-mini", "openid-1", soon()),
              IsError(absl::StatusCode::kNotFound, "SESSION_UNKNOWN"));
  EXPECT_THAT(logins_.GetFeedCursor("demo", soon()), IsOkAndHolds("c2"));
}

TEST_F(UserDirectoryTest, ASessionKeptWithoutItsPersonGetsOneWhenTheEvidenceArrives) {
  peers_.status = absl::UnavailableError("down");
  ASSERT_OK(login_.LogIn(Entry("wx-mini"), "js-code", soon()));
  const std::vector<Job> jobs = *store_.Claim(JobKind::kEvidence, 10, absl::Minutes(1), soon());
  ASSERT_EQ(jobs.size(), 1u);
  ASSERT_OK(erasures_.OnEvidence(jobs[0], soon()));
  persons_.pages[""] = {
      {{GraphChange::Kind::kPersonErased, 0, "projects/demo/persons/of-openid-1"}}, "c1", true};
  ASSERT_OK(erasures_.Run(soon()));
  EXPECT_FALSE(logins_.GetSession("wx-mini", "openid-1", soon()).ok());
}

}  // namespace
}  // namespace datong::broker
