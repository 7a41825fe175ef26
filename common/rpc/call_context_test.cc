#include "common/rpc/call_context.h"

#include <gtest/gtest.h>

namespace datong::rpc {
namespace {

TEST(CallContextTest, WhatTheCallerSaysIsKept) {
  const CallContext call =
      MakeCallContext("/a/B",
                      {.request_id = "f81d4fae-7dec",
                       .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                       .tracestate = "a=1",
                       .authorization = "Bearer x"},
                      Deadline::After(absl::Seconds(1)));
  EXPECT_EQ(call.request_id, "f81d4fae-7dec");
  EXPECT_EQ(call.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_FALSE(call.begins_trace);
  EXPECT_EQ(call.tracestate, "a=1");
  EXPECT_EQ(call.authorization, "Bearer x");
}

TEST(CallContextTest, WhatIsMissingOrMalformedIsMade) {
  for (const char* bad : {"", "00-short", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}) {
    const CallContext call = MakeCallContext(
        "/a/B",
        {.request_id = "line\nbreak", .traceparent = bad, .tracestate = "a=1", .authorization = {}},
        Deadline::After(absl::Seconds(1)));
    EXPECT_EQ(call.request_id.size(), 32u);
    EXPECT_EQ(call.traceparent.size(), 55u);
    EXPECT_NE(call.traceparent, bad);
    EXPECT_EQ(call.tracestate, "");
  }
}

TEST(CallContextTest, BytesThatNoHeaderMayHoldAreNotPassedOn) {
  const CallContext call =
      MakeCallContext("/a",
                      {.request_id = "r",
                       .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                       .tracestate = "a=\xff",
                       .authorization = "Bearer \xff\xc3"},
                      Deadline::After(absl::Seconds(1)));
  EXPECT_EQ(call.tracestate, "");
  EXPECT_EQ(call.authorization, "malformed");
}

}  // namespace
}  // namespace datong::rpc
