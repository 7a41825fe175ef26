#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "common/identifier/identifier.h"
#include "services/identity/testing/graph_store_fixture.h"

namespace datong::identity {
namespace {

TEST_F(GraphStoreTest, RandomHistoriesInRandomBatchesGiveWhatTheFunctionGives) {
  const Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  std::mt19937 random(3);
  for (unsigned seed = 0; seed < 30; ++seed) {
    const auto store = MakeStore(policy);
    const Project project = NewProject(*store);
    std::vector<Evidence> records = RandomHistory(seed, 40, 3 + static_cast<int>(seed % 6));
    const Picture expected = Draw(records, policy);
    std::shuffle(records.begin(), records.end(), random);
    for (size_t i = 0; i < records.size();) {
      const size_t count = std::min<size_t>(1 + random() % 9, records.size() - i);
      const auto begin = records.begin() + static_cast<std::ptrdiff_t>(i);
      Link(*store, project, {begin, begin + static_cast<std::ptrdiff_t>(count)});
      i += count;
      ExpectRemembersRight(*store, project);
    }
    ASSERT_EQ(Read(*store, project), expected) << "seed " << seed;
    ExpectFeedAgrees(*store, project);
  }
}

TEST_F(GraphStoreTest, SeveralWritersAtOnceGiveWhatTheFunctionGives) {
  const Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  for (unsigned seed = 100; seed < 105; ++seed) {
    // Two stores are two replicas.
    const std::unique_ptr<PostgresGraphStore> stores[] = {MakeStore(policy), MakeStore(policy)};
    const Project project = NewProject(*stores[0]);
    const std::vector<Evidence> records = RandomHistory(seed, 240, 12);
    std::vector<std::thread> writers;
    for (size_t writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        for (size_t i = writer * 3; i < records.size(); i += 12) {
          const auto begin = records.begin() + static_cast<std::ptrdiff_t>(i);
          const auto count = static_cast<std::ptrdiff_t>(std::min<size_t>(3, records.size() - i));
          Link(*stores[writer % 2], project, {begin, begin + count});
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    ASSERT_EQ(Read(*stores[0], project), Draw(records, policy)) << "seed " << seed;
    ExpectFeedAgrees(*stores[0], project);
  }
}

TEST_F(GraphStoreTest, WhatOneReplicaRemembersFollowsWhatAnotherOneWrites) {
  const auto store = MakeStore();
  const auto other = MakeStore();
  const Project project = NewProject(*store);
  Link(*other, project,
       {Record("mp.code2session", {"openid:wx1:a"}, 1),
        Record("mp.code2session", {"openid:wx2:b"}, 2)});
  const std::vector<std::string> ids = {"openid:wx1:a", "openid:wx2:b", "openid:wx3:c"};
  int64_t version = 0;
  EXPECT_THAT(store->FindPersons(project, ids, &version, Soon()),
              IsOkAndHolds(std::vector<uint32_t>{1, 2, 0}));
  EXPECT_THAT(other->Version(project, Soon()), IsOkAndHolds(version));
  Link(*other, project,
       {Record("tenant.import", {"openid:wx1:a", "openid:wx2:b"}, 3),
        Record("tenant.import", {"openid:wx3:c"}, 3)});
  EXPECT_THAT(store->FindPersons(project, ids, &version, Soon()),
              IsOkAndHolds(std::vector<uint32_t>{1, 1, 3}));
  EXPECT_THAT(other->Version(project, Soon()), IsOkAndHolds(version));
}

TEST_F(GraphStoreTest, PersonIndexesAreDenseInOrderOfFirstSight) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:z"}, 1),
        Record("mp.code2session", {"openid:wx1:a"}, 2),
        Record("mp.code2session", {"openid:wx1:m"}, 3)});
  Link(*store, project, {Record("mp.code2session", {"openid:wx1:b"}, 4)});
  int64_t version = 0;
  EXPECT_THAT(store->FindPersons(
                  project,
                  {"openid:wx1:z", "openid:wx1:a", "openid:wx1:m", "openid:wx1:b", "openid:wx1:no"},
                  &version, Soon()),
              IsOkAndHolds(std::vector<uint32_t>{1, 2, 3, 4, 0}));
  EXPECT_EQ(version, 8);  // a person and an identifier each
}

TEST_F(GraphStoreTest, AMergeKeepsTheBestAnchorAndLeadsTheOtherNameOn) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Link(*store, project, {Record("client.claim", {"device:web:d"}, 1)});
  Link(*store, project, {Record("tenant.login", {"login:main:1"}, 2)});
  Link(*store, project, {Record("mp.code2session", {"openid:wx1:a", "unionid:op1:u"}, 3)});
  Link(*store, project, {Record("client.claim", {"device:web:d", "login:main:1"}, 4)});
  Link(*store, project, {Record("tenant.login", {"login:main:1", "openid:wx1:a"}, 5)});
  // 1 went into 2, and both lead to 3 now.
  const uint32_t asked[] = {1, 2};
  const absl::StatusOr<std::vector<PersonView>> persons =
      store->LoadPersons(project, asked, Soon());
  ASSERT_OK(persons);
  ASSERT_EQ(persons->size(), 1U);
  EXPECT_EQ((*persons)[0].index, 3U);
  EXPECT_EQ((*persons)[0].identifiers.size(), 4U);
  EXPECT_EQ((*persons)[0].identifiers[0].identifier, "unionid:op1:u");
  const absl::StatusOr<GraphStats> stats = store->Stats(project, Soon());
  ASSERT_OK(stats);
  EXPECT_EQ(stats->merges, 2);
  EXPECT_EQ(stats->persons, 1);
}

TEST_F(GraphStoreTest, ASplitGivesTheOtherPartANewName) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Link(*store, project, {Record("client.claim", {"device:web:d", "login:main:1"}, 1)});
  Link(*store, project, {Record("client.claim", {"device:web:d", "login:main:2"}, 2)});
  // The device is shared now: it leaves person 1.
  EXPECT_THAT(store->FindPersons(project, {"login:main:1", "login:main:2", "device:web:d"}, nullptr,
                                 Soon()),
              IsOkAndHolds(std::vector<uint32_t>{1, 3, 2}));
  EXPECT_EQ(store->Stats(project, Soon())->splits, 1);
}

TEST_F(GraphStoreTest, RepeatsChangeNothing) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  const Evidence record = Record("mp.code2session", {"openid:wx1:a", "unionid:op1:u"}, 1);
  EXPECT_EQ(Link(*store, project, {record, record}).recorded, 1);
  EXPECT_EQ(Link(*store, project, {record}).recorded, 0);
  Evidence later = record;
  later.observed += absl::Hours(1);
  EXPECT_EQ(Link(*store, project, {later}).recorded, 0);
  EXPECT_EQ(store->Version(project, Soon()).value(), 3);
  EXPECT_EQ(store->Stats(project, Soon())->evidence, 1);
}

TEST_F(GraphStoreTest, AUnionidWithoutAccountWaitsForTheBinding) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  LinkOutcome outcome =
      Link(*store, project, {Record("mp.code2session", {"openid:wx1:a", "unionid:@wx1:u"}, 1)});
  EXPECT_EQ(outcome.parked, 1);
  Link(*store, project, {Record("oa.user_info", {"openid:wx2:b", "unionid:op1:u"}, 2)});
  Picture expected;
  expected.persons = {{"openid:wx1:a"}, {"openid:wx2:b", "unionid:op1:u"}};
  expected.refused = {{{"unionid:@wx1:u"}, "scope_unknown"}};
  EXPECT_EQ(Read(*store, project), expected);

  ASSERT_OK(store->BindApp(project, "wx1", "op1", std::nullopt, Soon()));
  EXPECT_THAT(store->ReleaseParked(project, "wx1", Soon()), IsOkAndHolds(1));
  EXPECT_THAT(store->ReleaseParked(project, "wx1", Soon()), IsOkAndHolds(0));
  expected.persons = {{"openid:wx1:a", "openid:wx2:b", "unionid:op1:u"}};
  expected.refused = {};
  EXPECT_EQ(Read(*store, project), expected);
  EXPECT_EQ(store->Stats(project, Soon())->parked, 0);

  // From now on it is scoped at once; and again after a change of the account.
  outcome =
      Link(*store, project, {Record("mp.code2session", {"openid:wx1:c", "unionid:@wx1:v"}, 3)});
  EXPECT_EQ(outcome.parked, 0);
  clock_.Set(absl::FromUnixSeconds(1'772'000'000) + absl::Minutes(10));
  ASSERT_OK(store->BindApp(project, "wx1", "op9", std::nullopt, Soon()));
  ASSERT_OK(store->BindApp(project, "wx1", "op9", std::nullopt, Soon()));
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:c", "unionid:@wx1:w"}, 11),
        Record("mp.code2session", {"openid:wx1:d", "unionid:@wx1:x"}, 9)});
  expected.persons.insert({"openid:wx1:c", "unionid:op1:v", "unionid:op9:w"});
  expected.persons.insert({"openid:wx1:d", "unionid:op1:x"});
  EXPECT_EQ(Read(*store, project), expected);
}

TEST_F(GraphStoreTest, AFailedBatchLeavesNothing) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  db_.Execute(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END$$;"
      "CREATE TRIGGER refuse BEFORE INSERT ON identity.changes EXECUTE FUNCTION refuse()");
  const Evidence record = Record("mp.code2session", {"openid:wx1:a", "unionid:op1:u"}, 1);
  EXPECT_FALSE(store->Link(project, {record}, Soon()).ok());
  EXPECT_EQ(Read(*store, project), Picture{});
  EXPECT_EQ(store->Stats(project, Soon())->evidence, 0);

  db_.Execute("DROP TRIGGER refuse ON identity.changes");
  EXPECT_EQ(Link(*store, project, {record}).version, 3);
  EXPECT_THAT(store->FindPersons(project, {"openid:wx1:a"}, nullptr, Soon()),
              IsOkAndHolds(std::vector<uint32_t>{1}));
}

TEST_F(GraphStoreTest, ALostConnectionLosesTheBatchWholeAndARepeatStoresItOnce) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  std::vector<Evidence> records = RandomHistory(5, 120, 10);
  for (Evidence& record : records) ASSERT_EQ(Normalise(record), "");
  std::atomic<bool> done = false;
  std::thread killer([&] {
    while (!done) {
      db_.Execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
          "current_database() AND pid <> pg_backend_pid() AND state <> 'idle'");
    }
  });
  int lost = 0;
  for (size_t i = 0; i < records.size(); i += 4) {
    const absl::Span<const Evidence> batch(&records[i], 4);
    // While killed, and once more: the answer may have been lost after the commit.
    if (!store->Link(project, batch, Soon()).ok()) ++lost;
  }
  done = true;
  killer.join();
  for (size_t i = 0; i < records.size(); i += 4) {
    absl::Status status = absl::UnavailableError("not tried");
    for (int attempt = 0; attempt < 20 && !status.ok(); ++attempt) {
      status = store->Link(project, absl::Span<const Evidence>(&records[i], 4), Soon()).status();
    }
    ASSERT_OK(status);
  }
  EXPECT_GT(lost, 0);
  EXPECT_EQ(Read(*store, project), Draw(records, {}));
  ExpectFeedAgrees(*store, project);
}

TEST_F(GraphStoreTest, ValuesMayHoldAnyText) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  const std::string id = R"(login:main:a"b\c{d},'e' NULL %_ 大通)";
  Link(*store, project, {Record("tenant.login", {id, "openid:wx1:a"}, 1)});
  EXPECT_THAT(store->FindPersons(project, {id}, nullptr, Soon()),
              IsOkAndHolds(std::vector<uint32_t>{1}));
  Link(*store, project, {Record("tenant.login", {id, "openid:wx1:b"}, 2)});
  Picture expected;
  expected.persons = {{id, "openid:wx1:a"}, {"openid:wx1:b"}};
  expected.refused = {{{id, "openid:wx1:b"}, "openid_conflict"}};
  EXPECT_EQ(Read(*store, project), expected);
}

TEST_F(GraphStoreTest, ATooLargeComponentIsFrozenAndServesTheLastGoodState) {
  const auto store = MakeStore({.hub_device_partners = 100, .max_component_ids = 5});
  const Project project = NewProject(*store);
  for (int i = 0; i < 8; ++i) {
    Link(*store, project,
         {Record("client.claim", {"device:web:d", absl::StrCat("login:main:u", i)}, i)});
  }
  EXPECT_EQ(Read(*store, project).persons.size(), 9U);
  EXPECT_EQ(store->Stats(project, Soon())->evidence, 8);
}

TEST_F(GraphStoreTest, ARegisteredProjectKeepsItsNumber) {
  const auto store = MakeStore();
  EXPECT_OK(store->RegisterProject({"projects/a", 1}, Soon()));
  EXPECT_OK(store->RegisterProject({"projects/a", 1}, Soon()));
  EXPECT_THAT(store->RegisterProject({"projects/a", 2}, Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "PROJECT_NUMBER_TAKEN"));
  EXPECT_THAT(store->RegisterProject({"projects/b", 1}, Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "PROJECT_NUMBER_TAKEN"));
  EXPECT_THAT(store->FindProject("projects/b", Soon()),
              IsError(absl::StatusCode::kNotFound, "PROJECT_UNKNOWN"));
}

TEST_F(GraphStoreTest, CursorsOfAnotherDatabaseAreStale) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  EXPECT_THAT(store->ListChanges(project, "rubbish!", 10, Soon()),
              IsError(absl::StatusCode::kInvalidArgument, "CURSOR_INVALID"));
  EXPECT_THAT(store->ListChanges(project, "MEBvdGhlcg", 10, Soon()),  // 0@other
              IsError(absl::StatusCode::kFailedPrecondition, "CURSOR_STALE"));
}

TEST_F(GraphStoreTest, PersonsAreFoundByPrefixAndKind) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  Link(*store, project,
       {Record("mp.code2session", {"openid:wx1:ab", "unionid:op1:u"}, 1),
        Record("mp.code2session", {"openid:wx1:ac"}, 2),
        Record("tenant.login", {"login:main:ab"}, 3)});
  const auto count = [&](PersonFilter filter) {
    return store->ListPersons(project, filter, "", 10, Soon())->items.size();
  };
  EXPECT_EQ(count({"openid:wx1:a", ""}), 2U);
  EXPECT_EQ(count({"openid:wx1:ab", ""}), 1U);
  EXPECT_EQ(count({"", "unionid"}), 1U);
  EXPECT_EQ(count({"login:", "openid"}), 0U);
}

// Each batch has to end within the cap on writing transactions, 2 s.
TEST_F(GraphStoreTest, ATableThatGrowsTakesBatchesOfAThousand) {
  const auto store = MakeStore();
  const Project project = NewProject(*store);
  for (int batch = 0; batch < 10; ++batch) {
    std::vector<Evidence> records;
    for (int i = 0; i < 1000; ++i) {
      const int n = batch * 1000 + i;
      records.push_back(
          Record("client.claim",
                 {absl::StrCat("device:web:d", n / 2),
                  n % 2 == 0 ? absl::StrCat("openid:wx1:o", n) : absl::StrCat("login:main:u", n)},
                 n % 60));
    }
    EXPECT_EQ(Link(*store, project, std::move(records)).recorded, 1000);
  }
}

}  // namespace
}  // namespace datong::identity
