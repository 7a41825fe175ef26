#include "common/trace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datong::trace {
namespace {

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class Kept : public Sink {
 public:
  explicit Kept(double ratio = 0) { SetSink(this, ratio); }
  ~Kept() override { SetSink(nullptr, 0); }
  void Record(FinishedSpan span) override { spans.push_back(std::move(span)); }
  std::vector<FinishedSpan> spans;
};

TEST(TraceparentTest, IsReadAndWritten) {
  const SpanContext context = ParseTraceparent(kTraceparent);
  EXPECT_TRUE(context.valid());
  EXPECT_TRUE(context.sampled);
  EXPECT_EQ(context.TraceId(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context.SpanId(), "b7ad6b7169203331");
  EXPECT_EQ(context.Traceparent(), kTraceparent);
  // A later version may say more.
  EXPECT_TRUE(
      ParseTraceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").valid());
}

TEST(TraceparentTest, RefusesWhatIsNone) {
  for (const char* text : {
           "",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
       }) {
    EXPECT_FALSE(ParseTraceparent(text).valid()) << text;
  }
}

TEST(SpanTest, IsAChildOfTheCurrentOne) {
  Kept kept;
  const SpanContext parent = ParseTraceparent(kTraceparent);
  {
    const Scope scope(parent);
    Span span(Kind::kClient, "sql list_apps");
    span.Set("db.system", "postgresql");
    span.Fail("UNAVAILABLE");
    EXPECT_EQ(span.context().TraceId(), parent.TraceId());
    EXPECT_NE(span.context().SpanId(), parent.SpanId());
  }
  EXPECT_FALSE(Current().valid());
  ASSERT_EQ(kept.spans.size(), 1U);
  EXPECT_EQ(kept.spans[0].parent_id, parent.span_id);
  EXPECT_EQ(kept.spans[0].name, "sql list_apps");
  EXPECT_EQ(kept.spans[0].error, "UNAVAILABLE");
  EXPECT_LE(kept.spans[0].start, kept.spans[0].end);
}

TEST(SpanTest, StandsForItsParentWhereNothingIsSampled) {
  Kept kept;
  SpanContext parent = ParseTraceparent(kTraceparent);
  parent.sampled = false;
  {
    const Span span(Kind::kClient, "sql list_apps", parent);
    EXPECT_EQ(span.context().Traceparent(), parent.Traceparent());
  }
  { const Span nowhere(Kind::kClient, "sql list_apps"); }
  EXPECT_TRUE(kept.spans.empty());
}

TEST(NewTraceTest, IsSampledAtTheRatio) {
  {
    const Kept kept(0.25);
    int sampled = 0;
    for (int i = 0; i < 4000; ++i) sampled += NewTrace().sampled ? 1 : 0;
    EXPECT_NEAR(sampled, 1000, 200);
  }
  // Without a sink none is.
  EXPECT_FALSE(NewTrace().sampled);
}

}  // namespace
}  // namespace datong::trace
