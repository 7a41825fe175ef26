#include "tools/datong/generic_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/testing/echo_service.h"
#include "common/rpc/testing/test_server.h"
#include "common/testing/matchers.h"

namespace datong::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class GenericCallTest : public ::testing::Test {
 protected:
  template <typename Request, typename Response>
  absl::Status Call(const std::string& method, const std::vector<std::string>& texts,
                    size_t most_answers = 1000) {
    Request request;
    Response answer;
    size_t sent = 0;
    return MakeCall({.channel = server_.channel(),
                     .path = "/datong.testing.v1.EchoService/" + method,
                     .timeout = absl::Seconds(10),
                     .next_request =
                         [&](google::protobuf::Message& message) {
                           if (sent == texts.size()) return false;
                           static_cast<Request&>(message).set_text(texts[sent++]);
                           return true;
                         },
                     .on_answer =
                         [&](const google::protobuf::Message& message) {
                           answers_.push_back(static_cast<const Response&>(message).text());
                           return answers_.size() < most_answers;
                         }},
                    request, answer);
  }

  rpc::EchoGrpcService* service_ = nullptr;
  rpc::TestServer server_{[this](rpc::Calls& calls) {
    auto service = std::make_unique<rpc::EchoGrpcService>(calls);
    service_ = service.get();
    return service;
  }};
  std::vector<std::string> answers_;
};

TEST_F(GenericCallTest, MakesUnaryCalls) {
  EXPECT_OK((Call<testing::v1::EchoRequest, testing::v1::EchoResponse>("Echo", {"a"})));
  EXPECT_THAT(answers_, ElementsAre("a"));
}

TEST_F(GenericCallTest, EndsAnEndlessStreamWhenEnoughCame) {
  EXPECT_OK((Call<testing::v1::RepeatRequest, testing::v1::RepeatResponse>("Repeat", {"a"}, 3)));
  EXPECT_THAT(answers_, SizeIs(3));
}

TEST_F(GenericCallTest, SendsAndTakesManyMessages) {
  EXPECT_OK((Call<testing::v1::ChatRequest, testing::v1::ChatResponse>("Chat", {"a", "b", "c"})));
  EXPECT_THAT(answers_, ElementsAre("a", "b", "c"));
}

TEST_F(GenericCallTest, ErrorsKeepTheirDetails) {
  service_->echo =
      [](const rpc::CallContext&,
         const testing::v1::EchoRequest&) -> absl::StatusOr<testing::v1::EchoResponse> {
    return MakeError(absl::StatusCode::kNotFound, "No.", {"test", "NOTHING", {}});
  };
  EXPECT_THAT((Call<testing::v1::EchoRequest, testing::v1::EchoResponse>("Echo", {"a"})),
              IsError(absl::StatusCode::kNotFound, "NOTHING"));
}

}  // namespace
}  // namespace datong::tools
