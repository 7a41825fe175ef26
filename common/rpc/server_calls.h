#pragma once

// How gRPC services are written: a class derived from the generated CallbackService, with one line
// per RPC that names a plain function. Included by rpc/*_grpc_service.cc files only.
//
//   class TokenGrpcService final : public TokenService::CallbackService {
//    public:
//     TokenGrpcService(rpc::Calls& calls, TokenHandlers& handlers) …
//     grpc::ServerUnaryReactor* GetToken(grpc::CallbackServerContext* context,
//         const GetTokenRequest* request, GetTokenResponse* response) override {
//       return calls_.Unary(context, request, response, "/datong.broker.v1.TokenService/GetToken",
//                           [this](const auto& call, const auto& r) { return
//                           handlers_.GetToken(call, r); });
//     }
//   };

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/exec/thread_pool.h"
#include "common/metrics/registry.h"
#include "common/rpc/call_context.h"
#include "common/rpc/gate.h"
#include "common/rpc/method_series.h"

namespace datong::rpc {

struct CallsOptions {
  int threads = 16;
  size_t queue_capacity = 1024;
};

// A call from its first byte on: what metrics and the log need at its end.
struct CallRecord {
  const MethodSeries* series;
  std::chrono::steady_clock::time_point begin;
};

// A stream that is open, as Calls knows it.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // Asks the stream to end with UNAVAILABLE soon. Never blocks.
  virtual void EndSoon() = 0;
};

// Runs the handlers of one server: owns their bounded pool (a full queue answers RESOURCE_EXHAUSTED
// at once), makes the CallContext, asks the gate whether the caller may, counts, logs each failed
// call once, and turns statuses into what the caller may see. An exception that a handler lets out
// becomes INTERNAL. Outlives the grpc::Server whose services use it. Thread-safe.
class Calls {
 public:
  // Without a gate (tests of handlers) everybody is let in as "anonymous".
  Calls(CallsOptions options, metrics::Registry& registry, const Gate* gate = nullptr);
  ~Calls();

  // `handler`: absl::StatusOr<Response>(const CallContext&, const Request&), or, to fill the
  // response in place, absl::Status(const CallContext&, const Request&, Response&). Runs on the
  // pool and may block.
  template <typename Request, typename Response, typename Handler>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const Request* request,
                                  Response* response, absl::string_view method, Handler handler) {
    return UnaryQuick(
        context, request, response, method,
        [](const CallContext&, const Request&, Response&) { return std::optional<absl::Status>(); },
        std::move(handler));
  }

  // The same on the reactor's own thread: only for handlers that never block.
  template <typename Request, typename Response, typename Handler>
  grpc::ServerUnaryReactor* UnaryInline(grpc::CallbackServerContext* context,
                                        const Request* request, Response* response,
                                        absl::string_view method, Handler handler) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const CallRecord record = Begin(method, "unary");
    record.series->received->Increment();
    CallContext call = MakeContext(*context, record.series->method, /*unary=*/true);
    absl::Status status = Admit(call, *request);
    if (status.ok()) status = Answer(call, *request, *response, handler);
    reactor->Finish(End(record, call, status));
    return reactor;
  }

  // A handler that tries the quick way inline and falls back to the pool: `quick` returns
  // std::optional<absl::Status> (nullopt: needs the pool) and must never block.
  template <typename Request, typename Response, typename Quick, typename Handler>
  grpc::ServerUnaryReactor* UnaryQuick(grpc::CallbackServerContext* context, const Request* request,
                                       Response* response, absl::string_view method, Quick quick,
                                       Handler handler) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const CallRecord record = Begin(method, "unary");
    record.series->received->Increment();
    CallContext call = MakeContext(*context, record.series->method, /*unary=*/true);
    const std::optional<absl::Status> admitted = AdmitAtOnce(call, *request);
    if (admitted.has_value()) {
      if (!admitted->ok()) {
        reactor->Finish(End(record, call, *admitted));
        return reactor;
      }
      if (std::optional<absl::Status> status = quick(call, *request, *response)) {
        reactor->Finish(End(record, call, *status));
        return reactor;
      }
    }
    const bool taken = pool_.TrySchedule([this, context, request, response, reactor, record, call,
                                          is_admitted = admitted.has_value(),
                                          handler = std::move(handler)]() mutable {
      absl::Status status = TooLate(*context, call);
      if (status.ok() && !is_admitted) status = Admit(call, *request);
      if (status.ok()) status = Answer(call, *request, *response, handler);
      reactor->Finish(End(record, call, status));
    });
    if (!taken) reactor->Finish(End(record, call, QueueFull()));
    return reactor;
  }

  // A stream of responses (a feed) to `request`. `next`: absl::Status(const CallContext&,
  // Emitter<Response>&) is called on the pool again and again, each time after what it emitted
  // before was written; when it emitted nothing it is called again after the emitter's idle wait,
  // and holds no thread meanwhile. It keeps its cursor in itself (a mutable lambda) and each time
  // has at most 10 s. The stream ends with its error, or with OK after Emitter::End. `request` must
  // not be used in `next`: copy it. Whether the caller may still read is asked before each step.
  template <typename Response, typename Request, typename Next>
  grpc::ServerWriteReactor<Response>* ServerStream(grpc::CallbackServerContext* context,
                                                   const Request* request, absl::string_view method,
                                                   Next next);

  // Messages both ways. `on_message`: absl::Status(const CallContext&, Request&,
  // Emitter<Response>&) is called on the pool for one message after the other, in order; what it
  // emits is written in order while the next message is handled. A slow reader or handler slows the
  // sender down. The stream ends with the handler's error, or with OK after the caller's last
  // message.
  template <typename Request, typename Response, typename OnMessage>
  grpc::ServerBidiReactor<Request, Response>* BidiStream(grpc::CallbackServerContext* context,
                                                         absl::string_view method,
                                                         OnMessage on_message);

  // Open streams end with UNAVAILABLE, and new ones at once.
  void EndStreams();
  // Queued and running handlers end; nothing new is taken. Call after grpc::Server::Shutdown.
  void Drain() { pool_.Drain(); }

  MethodSeriesMap& series() { return series_; }

  // The parts that the templates are made of.
  CallRecord Begin(absl::string_view method, const char* type);
  CallContext MakeContext(const grpc::CallbackServerContext& context, const std::string& method,
                          bool unary);
  grpc::Status End(const CallRecord& record, const CallContext& call, const absl::Status& status);
  // Whether the caller may do this, which names him; may block. AdmitAtOnce never does, and answers
  // nullopt where it would have to.
  absl::Status Admit(CallContext& call, const google::protobuf::Message& request) const;
  std::optional<absl::Status> AdmitAtOnce(CallContext& call,
                                          const google::protobuf::Message& request) const;
  bool TrySchedule(std::function<void()> work) { return pool_.TrySchedule(std::move(work)); }
  void Add(OpenStream& stream);
  void Remove(OpenStream& stream);
  static absl::Status QueueFull();
  static absl::Status Draining();
  static absl::Status FromException(const std::exception* thrown);

  template <typename Function>
  static absl::Status Guard(Function function) {
    try {
      return function();
    } catch (const std::exception& thrown) {
      return FromException(&thrown);
    } catch (...) {
      return FromException(nullptr);
    }
  }

 private:
  template <typename Request, typename Response, typename Handler>
  static absl::Status Answer(const CallContext& call, const Request& request, Response& response,
                             Handler& handler) {
    const trace::Scope scope(trace::ParseTraceparent(call.traceparent));
    return Guard([&]() -> absl::Status {
      if constexpr (std::is_invocable_v<Handler&, const CallContext&, const Request&, Response&>) {
        return handler(call, request, response);
      } else {
        absl::StatusOr<Response> result = handler(call, request);
        if (!result.ok()) return std::move(result).status();
        response = *std::move(result);
        return absl::OkStatus();
      }
    });
  }
  static absl::Status TooLate(const grpc::CallbackServerContext& context, const CallContext& call);

  const Gate* const gate_;
  ThreadPool pool_;
  MethodSeriesMap series_;
  metrics::Counter& without_deadline_;
  Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<OpenStream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::rpc

#include "common/rpc/server_streams.h"
