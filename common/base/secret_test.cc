#include "common/base/secret.h"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>

namespace datong {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(SecretTest, CannotBePrinted) {
  EXPECT_FALSE(Streamable<Secret>);
  EXPECT_FALSE((std::is_convertible_v<Secret, std::string>));
}

TEST(SecretTest, IsEmptyAfterItWasMovedFrom) {
  Secret first("a-long-enough-secret-to-live-on-the-heap");
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the point of the test
  EXPECT_EQ(second.Expose(), "a-long-enough-secret-to-live-on-the-heap");
}

TEST(SecretTest, EqualsByValueOnly) {
  EXPECT_TRUE(Secret("abc") == Secret("abc"));
  EXPECT_FALSE(Secret("abc") == Secret("abd"));
  EXPECT_FALSE(Secret("abc") == Secret("abcd"));
}

}  // namespace
}  // namespace datong
