// Persons, time lines, what answers rest on and wait for: analyst and store on real PostgreSQL.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/testing/matchers.h"
#include "services/insight/testing/insight_estate.h"

namespace datong::insight {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PersonsTest : public ::testing::Test {
 protected:
  absl::Time At(int day, int hour) {
    return ShanghaiMidnight(absl::CivilDay(2026, 11, day)) + absl::Hours(hour);
  }
  absl::StatusOr<std::vector<int64_t>> Find(EventStore::PersonQuery query) {
    const auto found = estate_.analyst.FindPersons(estate_.Someone(), question_, query);
    if (!found.ok()) return found.status();
    std::vector<int64_t> indexes;
    for (const Person& person : found->value) indexes.push_back(person.index);
    return indexes;
  }
  absl::StatusOr<Dated<TimelineAnswer>> Timeline(const std::string& person,
                                                 const std::string& cursor = "", int limit = 50,
                                                 const std::vector<std::string>& surfaces = {}) {
    EventStore::PersonQuery who;
    who.person = person;
    return estate_.analyst.Timeline(estate_.Someone(), question_, who, surfaces, cursor, limit);
  }

  const DayRange november_{absl::CivilDay(2026, 11, 1), absl::CivilDay(2026, 11, 17)};
  Question question_{"demo", {}};
  InsightEstate estate_;
};

TEST_F(PersonsTest, AreFoundByValueByIdentifierByKindAndAsAList) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("unionid:acct:uA", 12, 1);
  estate_.feed.Link("login:main:13800000000", 13, 2);
  estate_.feed.Link("openid:wx1:oB", 14, 3);
  EXPECT_THAT(Find({.query = "oA"}), IsOkAndHolds(ElementsAre(1)));
  EXPECT_THAT(Find({.query = "login:main:13800000000"}), IsOkAndHolds(ElementsAre(2)));
  EXPECT_THAT(Find({.query = "nobody"}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Find({.kind = "openid"}), IsOkAndHolds(ElementsAre(1, 3)));
  EXPECT_THAT(Find({.query = "uA", .kind = "openid"}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Find({.limit = 2}), IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(Find({.after_index = 2}), IsOkAndHolds(ElementsAre(3)));
}

TEST_F(PersonsTest, AreShownWithTheirEvents) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("device:h5:d", 12, 1);
  estate_.Store({{At(3, 1), 1, 12}, {At(4, 2), 4, 11, 100, "subscribe"}, {At(5, 3), 2, 99}});
  const auto found = estate_.analyst.FindPersons(estate_.Someone(), question_, {});
  ASSERT_OK(found);
  ASSERT_EQ(found->value.size(), 1u);
  const Person& person = found->value.front();
  EXPECT_EQ(person.events, 2);
  EXPECT_THAT(person.surfaces, ElementsAre("h5", "oa"));
  EXPECT_EQ(person.first_event_time, At(3, 1));
  EXPECT_EQ(person.last_event_time, At(4, 2));
  EXPECT_EQ(person.identifiers[0].identifier, "device:h5:d");
}

TEST_F(PersonsTest, TheTimelineIsNewestFirstOverAllSurfacesAndPaged) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("device:h5:d", 12, 1);
  estate_.Store({{At(3, 1), 1, 12, 0},
                 {At(5, 2), 4, 11, 100, "subscribe"},
                 {At(4, 3), 3, 12, 6},
                 {At(9, 3), 3, 77, 6}});
  const auto first = Timeline("p1", "", 2);
  ASSERT_OK(first);
  ASSERT_EQ(first->value.entries.size(), 2u);
  EXPECT_EQ(first->value.entries[0].event_name, "subscribe");
  EXPECT_EQ(first->value.entries[0].identifier, "openid:wx1:oA");
  EXPECT_EQ(first->value.entries[0].source, 4);
  EXPECT_EQ(first->value.entries[1].event_time, At(4, 3));
  ASSERT_NE(first->value.next_cursor, "");
  const auto second = Timeline("p1", first->value.next_cursor, 2);
  ASSERT_OK(second);
  ASSERT_EQ(second->value.entries.size(), 1u);
  EXPECT_EQ(second->value.entries[0].event_time, At(3, 1));
  EXPECT_EQ(second->value.next_cursor, "");
  const auto mini = Timeline("p1", "", 50, {"mini"});
  ASSERT_OK(mini);
  EXPECT_EQ(mini->value.entries.size(), 1u);
  EXPECT_THAT(Timeline("p9"), IsError(absl::StatusCode::kNotFound, "PERSON_UNKNOWN"));
  EXPECT_THAT(Timeline("p1", "rubbish"),
              IsError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID"));
  EXPECT_THAT(Timeline("p1", "", 50, {"tv"}),
              IsError(absl::StatusCode::kNotFound, "SURFACE_UNKNOWN"));
}

TEST_F(PersonsTest, TheNameOfAMergedPersonLeadsToTheSurvivor) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("openid:wx2:oB", 12, 2);
  estate_.feed.Link("openid:wx2:oB", 12, 1, 2);
  const auto answer = Timeline("p2");
  ASSERT_OK(answer);
  EXPECT_EQ(answer->value.person.id, "p1");
  EXPECT_EQ(answer->value.person.identifiers[1].previous_person, "p2");
}

TEST_F(PersonsTest, AMergeJoinsThePastToo) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("openid:wx2:oB", 12, 2);
  estate_.Store({{At(3, 1), 3, 11}, {At(3, 2), 4, 12}});
  const auto uv = [&] {
    return estate_.analyst
        .Traffic(estate_.Someone(), question_, november_, Granularity::kTotal, {})
        ->value.figures[0]
        .all.visitors;
  };
  EXPECT_EQ(uv(), 2);
  estate_.feed.Link("openid:wx2:oB", 12, 1, 2);
  EXPECT_EQ(uv(), 1);
  // Unlinked: somebody of its own again.
  estate_.feed.Link("openid:wx2:oB", 12, 0, 1);
  EXPECT_EQ(uv(), 2);
}

TEST_F(PersonsTest, AnErasedPersonIsForgotten) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("unionid:acct:uA", 12, 1);
  estate_.feed.Link("openid:wx1:oB", 13, 2);
  estate_.feed.Link("device:h5:d", 14, 2);
  EXPECT_THAT(Find({}), IsOkAndHolds(ElementsAre(1, 2)));
  estate_.feed.Erase(/*index=*/1);
  estate_.feed.Erase(/*index=*/2, /*node=*/14);
  // Seen again since: somebody new.
  estate_.feed.Link("openid:wx1:oA", 11, 3);
  EXPECT_THAT(Find({}), IsOkAndHolds(ElementsAre(2, 3)));
  EXPECT_THAT(Find({.query = "uA"}), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Find({.query = "device:h5:d"}), IsOkAndHolds(IsEmpty()));
}

TEST_F(PersonsTest, TheFeedIsReadInPagesAndFromTheStartAfterARestore) {
  estate_.feed.set_page_size(2);
  for (int64_t i = 1; i <= 5; ++i) {
    estate_.feed.Link(absl::StrCat("openid:wx1:o", i), 10 + i, i);
  }
  EXPECT_THAT(estate_.persons.CatchUp(estate_.Someone(), "demo"), IsOkAndHolds(5));
  EXPECT_THAT(Find({}), IsOkAndHolds(ElementsAre(1, 2, 3, 4, 5)));
  estate_.feed.Restore(3);
  EXPECT_THAT(Find({}), IsOkAndHolds(ElementsAre(1, 2, 3)));
}

TEST_F(PersonsTest, APageThatAnotherReplicaAppliedIsNotAppliedTwice) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  const auto page = estate_.feed.Read(estate_.Someone(), "demo", "");
  ASSERT_OK(page);
  const Deadline soon = Deadline::After(absl::Seconds(10));
  ASSERT_OK(estate_.projection.Apply("demo", "", *page, soon));
  FeedPage stale = *page;
  stale.changes[0].version = 9;
  stale.next_cursor = "elsewhere";
  ASSERT_OK(estate_.projection.Apply("demo", "", stale, soon));
  const auto position = estate_.projection.GetPosition("demo", soon);
  ASSERT_OK(position);
  EXPECT_EQ(position->version, 1);
  EXPECT_EQ(position->cursor, page->next_cursor);
}

TEST_F(PersonsTest, TheTimelineTellsOfMergesWhereTheyHappened) {
  // Changes are dated 2026-09-21.
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("device:h5:d", 12, 1, 2);
  estate_.Store({{At(3, 1), 1, 12}, {absl::FromUnixSeconds(1'780'000'000), 1, 11}});
  const auto first = Timeline("p1", "", 1);
  ASSERT_OK(first);
  EXPECT_THAT(first->value.merges, IsEmpty());
  const auto second = Timeline("p1", first->value.next_cursor, 1);
  ASSERT_OK(second);
  ASSERT_EQ(second->value.merges.size(), 1u);
  EXPECT_EQ(second->value.merges[0].previous_person, "p2");
  EXPECT_EQ(second->value.merges[0].merge_time, absl::FromUnixSeconds(1'790'000'002));
  EXPECT_THAT(second->value.merges[0].identifiers, ElementsAre("device:h5:d"));
}

TEST_F(PersonsTest, ProjectsAreFollowedBeforeAnybodyAsks) {
  estate_.projects.projects = std::vector<std::string>{"demo", "not-registered-yet"};
  const int64_t version = estate_.feed.Link("openid:wx1:oA", 11, 1);
  ASSERT_OK(estate_.persons.CatchUpAll(estate_.Someone()));
  EXPECT_THAT(estate_.persons.GetVersion("demo", Deadline::After(absl::Seconds(5))),
              IsOkAndHolds(version));
  // Broker's list is not needed for what is followed already.
  estate_.projects.projects = absl::UnavailableError("down");
  ASSERT_OK(estate_.persons.CatchUpAll(estate_.Someone()));
}

TEST_F(PersonsTest, AnswersSayWhatTheyRestOn) {
  const int64_t version = estate_.feed.Link("openid:wx1:oA", 11, 1);
  const int64_t position = estate_.Store({{At(3, 1), 3, 11}});
  question_.freshness = {position, version};
  const auto answer = estate_.analyst.Overlap(estate_.Someone(), question_, november_, {});
  ASSERT_OK(answer);
  EXPECT_EQ(answer->as_of.position, position);
  EXPECT_TRUE(answer->as_of.position_time.has_value());
  EXPECT_EQ(answer->as_of.identity_version, version);
}

TEST_F(PersonsTest, AQuestionWaitsForWhatItMustSee) {
  question_.freshness = {1, 1};
  std::thread writer([&] {
    estate_.feed.Link("openid:wx1:oA", 11, 1);
    estate_.Store({{At(3, 1), 3, 11}});
  });
  const auto answer = estate_.analyst.Overlap(estate_.Someone(), question_, november_, {});
  writer.join();
  ASSERT_OK(answer);
  EXPECT_EQ(answer->value.table.persons, 1);
}

TEST_F(PersonsTest, WhatDoesNotComeInTimeIsUnavailable) {
  const auto ask = [&](Freshness freshness) {
    question_.freshness = freshness;
    return estate_.analyst.Overlap({Deadline::After(absl::Milliseconds(300)), estate_.call},
                                   question_, november_, {});
  };
  EXPECT_THAT(ask({99, 0}), IsError(absl::StatusCode::kUnavailable, "NOT_CAUGHT_UP"));
  EXPECT_THAT(ask({0, 99}), IsError(absl::StatusCode::kUnavailable, "NOT_CAUGHT_UP"));
}

TEST_F(PersonsTest, WithoutIdentityOrIngestTheLastKnownStateAnswers) {
  estate_.feed.Link("openid:wx1:oA", 11, 1);
  estate_.feed.Link("openid:wx2:oB", 12, 1);
  estate_.Store({{At(3, 1), 3, 11}, {At(3, 2), 4, 12}});
  ASSERT_OK(estate_.analyst.Overlap(estate_.Someone(), question_, november_, {}));
  estate_.feed.FailWith(absl::UnavailableError("down"));
  estate_.sources.failure = absl::UnavailableError("down");
  const auto answer = estate_.analyst.Overlap(estate_.Someone(), question_, november_, {});
  ASSERT_OK(answer);
  EXPECT_EQ(answer->value.table.persons, 1);
}

TEST_F(PersonsTest, UnknownProjectsAndSurfacesAreNamed) {
  EXPECT_THAT(estate_.analyst.Overlap(estate_.Someone(), {"other", {}}, november_, {}),
              IsError(absl::StatusCode::kNotFound, "PROJECT_UNKNOWN"));
  EXPECT_THAT(estate_.analyst.Overlap(estate_.Someone(), question_, november_, {"tv"}),
              IsError(absl::StatusCode::kNotFound, "SURFACE_UNKNOWN"));
}

}  // namespace
}  // namespace datong::insight
