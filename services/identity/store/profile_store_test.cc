#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "identity_migrations.h"
#include "services/identity/core/metrics.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/store/postgres_profile_store.h"

namespace datong::identity {
namespace {

Deadline Soon() { return Deadline::After(absl::Seconds(10)); }

class ProfileStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Metrics metrics(registry_);
    PostgresGraphStore graph(*pool_, clock_, {}, metrics);
    ASSERT_OK(graph.RegisterProject(project_, Soon()));
  }
  absl::Time At(int minute) { return clock_.Now() + absl::Minutes(minute); }

  TestDatabase db_{{{"identity", Migrations()}}};
  metrics::Registry registry_;
  std::unique_ptr<postgres::Pool> pool_ = db_.MakePool(registry_);
  FakeClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  PostgresProfileStore store_{*pool_, clock_};
  const Project project_{"projects/demo", 1};
};

TEST_F(ProfileStoreTest, TheLatestConsentHoldsWhateverCameLast) {
  const std::string ids[] = {"openid:wx1:a", "login:main:1"};
  ASSERT_OK(store_.AppendConsent(project_, ids, {"analytics", false, "h5", At(5)}, Soon()));
  ASSERT_OK(
      store_.AppendConsent(project_, {"login:main:1"}, {"analytics", true, "mp", At(3)}, Soon()));
  const absl::StatusOr<std::vector<ConsentEntry>> latest =
      store_.LatestConsents(project_, ids, Soon());
  ASSERT_OK(latest);
  ASSERT_EQ(latest->size(), 1U);
  EXPECT_FALSE((*latest)[0].granted);
  EXPECT_EQ((*latest)[0].time, At(5));
}

TEST_F(ProfileStoreTest, TheConsentFeedHasEachEntryOnceAndNoGaps) {
  const std::string ids[] = {"openid:wx1:a", "login:main:1"};
  const ConsentEntry entry{"analytics", false, "h5", At(5)};
  ASSERT_OK(store_.AppendConsent(project_, ids, entry, Soon()));
  ASSERT_OK(store_.AppendConsent(project_, ids, entry, Soon()));
  ASSERT_OK(store_.AppendConsent(project_, {"device:web:d"}, entry, Soon()));
  std::string cursor;
  for (int64_t version = 1; version <= 3; ++version) {
    const absl::StatusOr<ConsentPage> page = store_.ListConsentChanges(project_, cursor, 1, Soon());
    ASSERT_OK(page);
    ASSERT_EQ(page->changes.size(), 1U);
    EXPECT_EQ(page->changes[0].version, version);
    cursor = page->next_cursor;
  }
  EXPECT_TRUE(store_.ListConsentChanges(project_, cursor, 1, Soon())->changes.empty());
}

TEST_F(ProfileStoreTest, OfSeveralValuesTheLatestIsTheProfiles) {
  const AttributeEntry old[] = {{"city", "\"Wuhan\"", "crm", At(1)}, {"level", "3", "crm", At(1)}};
  const AttributeEntry fresh[] = {{"city", "\"Xi'an\"", "mp", At(2)},
                                  {"level", "null", "mp", At(2)}};
  const std::string both[] = {"openid:wx1:a", "login:main:1"};
  ASSERT_OK(store_.AppendAttributes(project_, "openid:wx1:a", both, fresh, Soon()));
  ASSERT_OK(store_.AppendAttributes(project_, "login:main:1", both, old, Soon()));
  ASSERT_OK(store_.AppendAttributes(project_, "login:main:1", both, old, Soon()));
  const absl::StatusOr<std::vector<AttributeEntry>> merged =
      store_.LatestAttributes(project_, both, Soon());
  ASSERT_OK(merged);
  ASSERT_EQ(merged->size(), 1U);
  EXPECT_EQ((*merged)[0].value_json, "\"Xi'an\"");
  // After a split each part keeps what was told of it.
  const absl::StatusOr<std::vector<AttributeEntry>> alone =
      store_.LatestAttributes(project_, {"login:main:1"}, Soon());
  ASSERT_OK(alone);
  ASSERT_EQ(alone->size(), 2U);
  EXPECT_EQ((*alone)[0].value_json, "\"Wuhan\"");

  const absl::StatusOr<PageOf<AttributeEntry>> history =
      store_.AttributeHistory(project_, both, "", "", 3, Soon());
  ASSERT_OK(history);
  EXPECT_EQ(history->items.size(), 3U);
  EXPECT_EQ(history->items[0].time, At(2));
  const absl::StatusOr<PageOf<AttributeEntry>> rest =
      store_.AttributeHistory(project_, both, "", history->next_key, 3, Soon());
  ASSERT_OK(rest);
  EXPECT_EQ(rest->items.size(), 1U);
  EXPECT_EQ(rest->next_key, "");
}

class ConsentClassTest : public ProfileStoreTest {
 protected:
  absl::Status Set(const std::string& id, absl::Span<const std::string> ids, const char* value,
                   int minute) {
    const AttributeEntry entry[] = {{"size", value, "mp", At(minute), "marketing"}};
    return store_.AppendAttributes(project_, id, ids, entry, Soon());
  }
  void Say(absl::Span<const std::string> ids, bool granted, int minute) {
    ASSERT_OK(
        store_.AppendConsent(project_, ids, {"marketing", granted, "mp", At(minute)}, Soon()));
  }
  // The value that the profile shows, or "".
  std::string Shown(absl::Span<const std::string> ids) {
    const auto attributes = store_.LatestAttributes(project_, ids, Soon());
    EXPECT_OK(attributes);
    return attributes->empty() ? "" : attributes->front().value_json;
  }
  size_t Stored() {
    const auto count =
        pool_->Query<size_t>("count", Soon(), [](pqxx::work& work) -> absl::StatusOr<size_t> {
          return work.exec1("SELECT count(*) FROM identity.attributes")[0].as<size_t>();
        });
    return *count;
  }
  const std::string one_[1] = {"openid:wx1:a"};
  const std::string other_[1] = {"login:main:1"};
  const std::string both_[2] = {"openid:wx1:a", "login:main:1"};
};

TEST_F(ConsentClassTest, AWithdrawalDeletesWhatNeededTheConsentAndKeepsOutMore) {
  const AttributeEntry free[] = {{"city", "\"Wuhan\"", "mp", At(1)}};
  ASSERT_OK(store_.AppendAttributes(project_, "openid:wx1:a", both_, free, Soon()));
  ASSERT_OK(Set("openid:wx1:a", both_, "41", 1));
  EXPECT_EQ(store_.LatestAttributes(project_, both_, Soon())->size(), 2U);
  Say(both_, false, 2);
  EXPECT_EQ(store_.LatestAttributes(project_, both_, Soon())->size(), 1U)
      << "what needs none stays";
  EXPECT_EQ(Stored(), 1U) << "gone from the history too";
  EXPECT_THAT(Set("login:main:1", both_, "42", 3),
              IsError(absl::StatusCode::kFailedPrecondition, "CONSENT_WITHDRAWN"));
  EXPECT_EQ(Stored(), 1U);
}

TEST_F(ConsentClassTest, ANewConsentLetsNewValuesInAndNoOldOnes) {
  Say(one_, false, 2);
  Say(one_, true, 4);
  EXPECT_FALSE(Set("openid:wx1:a", one_, "41", 1).ok());
  EXPECT_FALSE(Set("openid:wx1:a", one_, "42", 3).ok());
  ASSERT_OK(Set("openid:wx1:a", one_, "43", 4));
  EXPECT_EQ(Shown(one_), "43");
}

TEST_F(ConsentClassTest, AWithdrawalThatIsToldLateCountsAtItsTime) {
  ASSERT_OK(Set("openid:wx1:a", one_, "41", 1));
  ASSERT_OK(Set("openid:wx1:a", one_, "42", 5));
  Say(one_, true, 4);
  Say(one_, false, 2);
  EXPECT_EQ(Shown(one_), "42");
  EXPECT_EQ(store_.AttributeHistory(project_, one_, "", "", 10, Soon())->items.size(), 1U);
}

TEST_F(ConsentClassTest, WhoIsJoinedWithAPersonThatWithdrewShowsNoneEither) {
  ASSERT_OK(Set("login:main:1", other_, "41", 3));
  Say(one_, false, 2);
  EXPECT_EQ(Shown(other_), "41");
  EXPECT_EQ(Shown(both_), "");
}

}  // namespace
}  // namespace datong::identity
