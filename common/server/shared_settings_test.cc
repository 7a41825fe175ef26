#include "common/server/shared_settings.h"

#include <gtest/gtest.h>

namespace datong::server {
namespace {

TEST(WithPasswordTest, QuotesThePasswordAsLibpqReadsIt) {
  EXPECT_EQ(WithPassword(Secret("host=a user=b"), Secret(R"(it's a \ one)")).Expose(),
            R"(host=a user=b password='it\'s a \\ one')");
}

TEST(WithPasswordTest, LeavesTheConnectionStringAloneWithoutAPassword) {
  EXPECT_EQ(WithPassword(Secret("host=a"), Secret()).Expose(), "host=a");
}

}  // namespace
}  // namespace datong::server
