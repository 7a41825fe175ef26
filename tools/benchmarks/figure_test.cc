#include "tools/benchmarks/figure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace datong::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(FigureTest, TheMedianIsTheMiddleOne) {
  EXPECT_EQ(Median({5, 1, 3}), 3);
  EXPECT_EQ(Median({}), 0);
}

TEST(FigureTest, AFigureBelowItsBarFails) {
  const Figure low = {"rate", 0.5, "x", 0.7, true, "1 over 2"};
  const Figure quick = {"start", 0.5, "s", 1.0, false, ""};
  EXPECT_FALSE(low.Passes());
  EXPECT_TRUE(quick.Passes());
  EXPECT_THAT(FormatTable({low}), HasSubstr("FAIL"));
  EXPECT_THAT(FormatTable({quick}), HasSubstr("pass"));
  EXPECT_THAT(FormatJson({low}), HasSubstr("\"pass\": false"));
}

TEST(FigureTest, AFigureWithoutABarIsReportedAlone) {
  const Figure rate = {"rebuild", 5, "s", std::nullopt, true, ""};
  EXPECT_TRUE(rate.Passes());
  EXPECT_THAT(FormatTable({rate}), Not(HasSubstr("pass")));
  EXPECT_THAT(FormatJson({rate}), Not(HasSubstr("\"pass\"")));
}

}  // namespace
}  // namespace datong::bench
