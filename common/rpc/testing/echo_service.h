#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/rpc/server_calls.h"
#include "datong/testing/v1/echo.grpc.pb.h"

namespace datong::rpc {

// EchoService with handlers that a test sets.
class EchoGrpcService final : public testing::v1::EchoService::CallbackService {
 public:
  using EchoHandler = std::function<absl::StatusOr<testing::v1::EchoResponse>(
      const CallContext&, const testing::v1::EchoRequest&)>;
  using RepeatStep =
      std::function<absl::Status(const CallContext&, Emitter<testing::v1::RepeatResponse>&)>;
  using ChatHandler = std::function<absl::Status(const CallContext&, testing::v1::ChatRequest&,
                                                 Emitter<testing::v1::ChatResponse>&)>;

  explicit EchoGrpcService(Calls& calls) : calls_(calls) {}

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context,
                                 const testing::v1::EchoRequest* request,
                                 testing::v1::EchoResponse* response) override {
    constexpr char kMethod[] = "/datong.testing.v1.EchoService/Echo";
    if (quick) return calls_.UnaryQuick(context, request, response, kMethod, quick, echo);
    if (is_inline) return calls_.UnaryInline(context, request, response, kMethod, echo);
    return calls_.Unary(context, request, response, kMethod, echo);
  }
  grpc::ServerWriteReactor<testing::v1::RepeatResponse>* Repeat(
      grpc::CallbackServerContext* context, const testing::v1::RepeatRequest* request) override {
    return calls_.ServerStream<testing::v1::RepeatResponse>(
        context, request, "/datong.testing.v1.EchoService/Repeat", repeat(*request));
  }
  grpc::ServerBidiReactor<testing::v1::ChatRequest, testing::v1::ChatResponse>* Chat(
      grpc::CallbackServerContext* context) override {
    return calls_.BidiStream<testing::v1::ChatRequest, testing::v1::ChatResponse>(
        context, "/datong.testing.v1.EchoService/Chat", chat);
  }

  bool is_inline = false;
  // When set, tried first, on the reactor's own thread.
  std::function<std::optional<absl::Status>(const CallContext&, const testing::v1::EchoRequest&,
                                            testing::v1::EchoResponse&)>
      quick = nullptr;
  EchoHandler echo = [](const CallContext&, const testing::v1::EchoRequest& request) {
    testing::v1::EchoResponse response;
    response.set_text(request.text());
    return response;
  };
  std::function<RepeatStep(testing::v1::RepeatRequest)> repeat =
      [](const testing::v1::RepeatRequest& request) -> RepeatStep {
    return [request, index = 0](const CallContext&,
                                Emitter<testing::v1::RepeatResponse>& out) mutable {
      if (request.count() > 0 && index == request.count()) {
        out.End();
        return absl::OkStatus();
      }
      testing::v1::RepeatResponse& response = out.Add();
      response.set_text(request.text());
      response.set_index(index++);
      return absl::OkStatus();
    };
  };
  ChatHandler chat = [](const CallContext&, testing::v1::ChatRequest& request,
                        Emitter<testing::v1::ChatResponse>& out) {
    out.Add().set_text(request.text());
    return absl::OkStatus();
  };

 private:
  Calls& calls_;
};

}  // namespace datong::rpc
