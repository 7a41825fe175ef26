#include "services/identity/core/person_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datong::identity {
namespace {

using ::testing::ElementsAre;

class PersonCacheTest : public ::testing::Test {
 protected:
  static PersonCache::Key Key(const char* identifier) { return PersonCache::KeyOf(1, identifier); }
  PersonCache::News News(int64_t since, int64_t version) {
    return {"e1", since, version, true, {}, {}};
  }
  void Remember(PersonCache& cache) {
    PersonCache::News news = News(0, 5);
    news.fresh = {{Key("openid:wx1:a"), 7}, {Key("openid:wx1:b"), 8}};
    cache.Tell(1, news);
  }
  std::vector<uint32_t> PersonsIn(const PersonCache& cache) {
    return cache.Find(1, {Key("openid:wx1:a"), Key("openid:wx1:b")}).persons;
  }
};

TEST_F(PersonCacheTest, RemembersByProjectAndVersion) {
  PersonCache cache(100);
  EXPECT_TRUE(cache.Find(1, {}).empty);
  Remember(cache);
  EXPECT_THAT(PersonsIn(cache), ElementsAre(7, 8));
  EXPECT_EQ(cache.Find(1, {}).version, 5);
  EXPECT_TRUE(cache.Find(2, {}).empty);
}

TEST_F(PersonCacheTest, FollowsTheChanges) {
  PersonCache cache(100);
  Remember(cache);
  PersonCache::News news = News(5, 8);
  news.changes = {{Key("openid:wx1:a").node, 8}, {Key("openid:wx1:a").node, 9}, {12345, 1}};
  cache.Tell(1, news);
  EXPECT_THAT(PersonsIn(cache), ElementsAre(9, 8));
  EXPECT_EQ(cache.Find(1, {}).version, 8);
}

TEST_F(PersonCacheTest, DoesNotTakeWhatIsOlderThanItself) {
  PersonCache cache(100);
  Remember(cache);
  cache.Tell(1, News(5, 9));
  PersonCache::News late = News(5, 7);
  late.changes = {{Key("openid:wx1:a").node, 3}};
  late.fresh = {{Key("openid:wx1:b"), 3}};
  cache.Tell(1, late);
  EXPECT_THAT(PersonsIn(cache), ElementsAre(7, 8));
  EXPECT_EQ(cache.Find(1, {}).version, 9);
}

TEST_F(PersonCacheTest, ForgetsAllWhenItCannotFollow) {
  for (const bool restored : {false, true}) {
    PersonCache cache(100);
    Remember(cache);
    PersonCache::News news = News(5, 6);
    (restored ? news.epoch = "e2" : (news.complete = false, news.epoch));
    cache.Tell(1, news);
    EXPECT_THAT(PersonsIn(cache), ElementsAre(0, 0));
    EXPECT_EQ(cache.Find(1, {}).version, 6);
  }
}

TEST_F(PersonCacheTest, DoesNotMistakeAnotherIdentifierOfTheSameNode) {
  PersonCache cache(100);
  Remember(cache);
  PersonCache::Key other = Key("openid:wx1:a");
  ++other.check;
  EXPECT_THAT(cache.Find(1, {other}).persons, ElementsAre(0));
}

TEST_F(PersonCacheTest, ForgetsTheOlderHalfWhenFull) {
  PersonCache cache(4);
  Remember(cache);
  PersonCache::News news = News(5, 5);
  news.fresh = {{Key("openid:wx1:c"), 1}, {Key("openid:wx1:d"), 2}};
  cache.Tell(1, news);
  EXPECT_THAT(PersonsIn(cache), ElementsAre(0, 0));
  EXPECT_THAT(cache.Find(1, {Key("openid:wx1:d")}).persons, ElementsAre(2));
}

}  // namespace
}  // namespace datong::identity
