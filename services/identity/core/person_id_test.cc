#include "services/identity/core/person_id.h"

#include <gtest/gtest.h>

#include <set>

#include "common/testing/matchers.h"

namespace datong::identity {
namespace {

TEST(PersonIdTest, EveryIndexHasAnIdOfItsOwnThatLeadsBack) {
  std::set<std::string> ids;
  for (uint32_t index = 1; index < 20000; index += 7) {
    EXPECT_TRUE(ids.insert(PersonIdOf(index)).second);
    EXPECT_EQ(PersonIndexOf(PersonIdOf(index)), index);
  }
  EXPECT_EQ(PersonIndexOf(PersonIdOf(0xFFFFFFFF)), 0xFFFFFFFF);
}

TEST(PersonIdTest, NamesAreReadAndOthersRefused) {
  const absl::StatusOr<ParsedPersonName> name = ParsePersonName(PersonName("projects/demo", 7));
  ASSERT_OK(name);
  EXPECT_EQ(name->project, "projects/demo");
  EXPECT_EQ(name->index, 7U);
  for (const char* text :
       {"", "projects/demo", "projects/demo/persons/7", "projects/demo/persons/p-zz345678"}) {
    EXPECT_THAT(ParsePersonName(text), IsError(absl::StatusCode::kNotFound, "PERSON_UNKNOWN"));
  }
}

TEST(PersonIdTest, AnIdNeverChanges) { EXPECT_EQ(PersonIdOf(1), "p-42df2b79"); }

}  // namespace
}  // namespace datong::identity
