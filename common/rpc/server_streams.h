#pragma once

// The reactors behind Calls::ServerStream and Calls::BidiStream. Included by server_calls.h alone.

#include <grpcpp/alarm.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "common/rpc/server_calls.h"

namespace datong::rpc {

// Takes the messages that one step of a stream wants to send.
template <typename Response>
class Emitter {
 public:
  void Emit(Response message) { messages_.push_back(std::move(message)); }
  // A new message at the end, to be filled in place.
  Response& Add() { return messages_.emplace_back(); }
  // After these messages the stream ends with OK. (Server streams only.)
  void End() { ended_ = true; }
  // How long to wait before the next step when this one emitted nothing; default 250 ms.
  void SetIdleWait(absl::Duration wait) { idle_wait_ = wait; }
  // True when the next message is here already, so that the handler will be called again at once: a
  // handler that overlaps its work may then answer this message later. (Bidirectional streams
  // only.)
  bool more_waiting() const { return more_waiting_; }
  void SetMoreWaiting(bool more) { more_waiting_ = more; }

  std::deque<Response>& messages() { return messages_; }
  bool ended() const { return ended_; }
  absl::Duration idle_wait() const { return idle_wait_; }

 private:
  std::deque<Response> messages_;
  bool ended_ = false;
  bool more_waiting_ = false;
  absl::Duration idle_wait_ = absl::Milliseconds(250);
};

namespace internal {

// How long a stream waits when the pool's queue is full.
inline constexpr absl::Duration kQueueFullWait = absl::Milliseconds(20);
// Messages read ahead of the handler, and written behind it, before the other side has to wait.
inline constexpr size_t kReadAhead = 8;
inline constexpr size_t kWriteBehind = 64;
// Messages handled in one turn before other work of the pool gets its turn.
inline constexpr int kMessagesPerTurn = 8;

// Steps, writes and waits follow one another, so their state needs no lock; what ends the stream
// from outside (`stop_`) and the alarm that it wakes do.
template <typename Response, typename Request, typename Next>
class ServerStreamReactor final : public grpc::ServerWriteReactor<Response>, public OpenStream {
 public:
  ServerStreamReactor(Calls& calls, CallRecord record, CallContext call, const Request& request,
                      Next next)
      : calls_(calls),
        record_(record),
        call_(std::move(call)),
        deadline_(call_.deadline),
        request_(request),
        next_(std::move(next)) {
    calls_.Add(*this);
    record_.series->received->Increment();
    Pump();
  }

  void EndSoon() override { Stop(Calls::Draining()); }
  void OnCancel() override { Stop(absl::CancelledError("The caller went away.")); }
  void OnDone() override {
    calls_.Remove(*this);
    delete this;
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Close(absl::CancelledError("The caller went away."));
    record_.series->sent->Increment();
    messages_.pop_front();
    Write();
  }

 private:
  void Pump() {
    if (const auto stop = stopped(); stop.has_value()) return Close(*stop);
    if (!calls_.TrySchedule([this] { Step(); })) Sleep(kQueueFullWait);
  }

  void Step() {
    call_.deadline = deadline_.AtMost(kDefaultDeadline);
    Emitter<Response> out;
    const trace::Scope scope(trace::ParseTraceparent(call_.traceparent));
    absl::Status status = calls_.Admit(call_, request_);
    if (status.ok()) status = Calls::Guard([&] { return next_(call_, out); });
    messages_ = std::move(out.messages());
    idle_wait_ = messages_.empty() ? out.idle_wait() : absl::ZeroDuration();
    if (!status.ok() || out.ended()) final_ = status;
    Write();
  }

  void Write() {
    if (!messages_.empty()) return this->StartWrite(&messages_.front());
    if (final_.has_value()) return Close(*final_);
    if (idle_wait_ > absl::ZeroDuration()) return Sleep(idle_wait_);
    Pump();
  }

  void Sleep(absl::Duration wait) {
    {
      MutexLock lock(&mutex_);
      if (!stop_.has_value()) {
        alarm_ = std::make_unique<grpc::Alarm>();
        alarm_->Set(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(wait),
                    [this](bool) { Pump(); });
        return;
      }
    }
    Close(*stopped());
  }

  void Stop(absl::Status why) {
    MutexLock lock(&mutex_);
    if (!stop_.has_value()) stop_ = std::move(why);
    if (alarm_ != nullptr) alarm_->Cancel();
  }

  std::optional<absl::Status> stopped() {
    MutexLock lock(&mutex_);
    return stop_;
  }

  void Close(const absl::Status& status) { this->Finish(calls_.End(record_, call_, status)); }

  Calls& calls_;
  const CallRecord record_;
  CallContext call_;
  const Deadline deadline_;
  const Request request_;
  Next next_;
  std::deque<Response> messages_;
  absl::Duration idle_wait_;
  std::optional<absl::Status> final_;

  Mutex mutex_;
  std::optional<absl::Status> stop_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

// Reads, the handler and writes overlap; every change of state happens under the mutex, and so does
// the start of every operation, since none may start after Finish. (gRPC never calls back on the
// thread that starts an operation of a stream.)
template <typename Request, typename Response, typename OnMessage>
class BidiStreamReactor final : public grpc::ServerBidiReactor<Request, Response>,
                                public OpenStream {
 public:
  BidiStreamReactor(Calls& calls, CallRecord record, CallContext call, OnMessage on_message)
      : calls_(calls),
        record_(record),
        call_(std::move(call)),
        deadline_(call_.deadline),
        on_message_(std::move(on_message)) {
    calls_.Add(*this);
    MutexLock lock(&mutex_);
    ReadMore();
  }

  void EndSoon() override { Stop(Calls::Draining()); }
  void OnCancel() override { Stop(absl::CancelledError("The caller went away.")); }
  void OnDone() override {
    calls_.Remove(*this);
    delete this;
  }

  void OnReadDone(bool ok) override {
    MutexLock lock(&mutex_);
    reading_ = false;
    if (ok) {
      record_.series->received->Increment();
      inbox_.push_back(std::move(incoming_));
      incoming_ = Request();
      ReadMore();
      Work();
    } else {
      no_more_ = true;
      MaybeClose();
    }
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (ok) {
      record_.series->sent->Increment();
      outbox_.pop_front();
    } else {
      outbox_.clear();
      if (!final_.has_value()) final_ = absl::CancelledError("The caller went away.");
    }
    WriteMore();
    Work();
    MaybeClose();
  }

 private:
  void ReadMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (closed_ || reading_ || no_more_ || final_.has_value() || inbox_.size() >= kReadAhead) {
      return;
    }
    reading_ = true;
    this->StartRead(&incoming_);
  }

  void WriteMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (closed_ || writing_ || outbox_.empty()) return;
    writing_ = true;
    this->StartWrite(&outbox_.front());
  }

  bool HasWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !inbox_.empty() && !final_.has_value() && outbox_.size() < kWriteBehind;
  }

  // Gets a turn on the pool if there is something to do.
  void Work() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (running_ || !HasWork()) return;
    running_ = true;
    Schedule();
  }

  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (calls_.TrySchedule([this] { Run(); })) return;
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(kQueueFullWait),
                [this](bool) {
                  MutexLock lock(&mutex_);
                  if (final_.has_value()) {
                    running_ = false;
                    MaybeClose();
                  } else {
                    Schedule();
                  }
                });
  }

  void Run() {
    for (int handled = 0;; ++handled) {
      Request message;
      bool more_waiting = false;
      {
        MutexLock lock(&mutex_);
        if (!HasWork()) {
          running_ = false;
          MaybeClose();
          return;
        }
        if (handled == kMessagesPerTurn) return Schedule();
        message = std::move(inbox_.front());
        inbox_.pop_front();
        more_waiting = !inbox_.empty();
        ReadMore();
      }
      call_.deadline = deadline_.AtMost(kDefaultDeadline);
      Emitter<Response> out;
      out.SetMoreWaiting(more_waiting);
      const trace::Scope scope(trace::ParseTraceparent(call_.traceparent));
      absl::Status status = calls_.Admit(call_, message);
      if (status.ok()) status = Calls::Guard([&] { return on_message_(call_, message, out); });
      MutexLock lock(&mutex_);
      for (Response& response : out.messages()) outbox_.push_back(std::move(response));
      if (!status.ok() && !final_.has_value()) final_ = status;
      WriteMore();
    }
  }

  void Stop(const absl::Status& why) {
    MutexLock lock(&mutex_);
    if (!final_.has_value()) final_ = why;
    MaybeClose();
  }

  void MaybeClose() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (closed_ || running_ || writing_ || !outbox_.empty()) return;
    if (!final_.has_value() && no_more_ && inbox_.empty()) final_ = absl::OkStatus();
    if (!final_.has_value()) return;
    closed_ = true;
    this->Finish(calls_.End(record_, call_, *final_));
  }

  Calls& calls_;
  const CallRecord record_;
  CallContext call_;  // used by Run, and at the end
  const Deadline deadline_;
  OnMessage on_message_;

  Mutex mutex_;
  Request incoming_;  // belongs to gRPC while reading_
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool no_more_ ABSL_GUARDED_BY(mutex_) = false;  // the caller has sent its last message
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // a turn on the pool is taken or asked for
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Request> inbox_ ABSL_GUARDED_BY(mutex_);
  std::deque<Response> outbox_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> final_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace internal

template <typename Response, typename Request, typename Next>
grpc::ServerWriteReactor<Response>* Calls::ServerStream(grpc::CallbackServerContext* context,
                                                        const Request* request,
                                                        absl::string_view method, Next next) {
  const CallRecord record = Begin(method, "server_stream");
  return new internal::ServerStreamReactor<Response, Request, Next>(
      *this, record, MakeContext(*context, record.series->method, /*unary=*/false), *request,
      std::move(next));
}

template <typename Request, typename Response, typename OnMessage>
grpc::ServerBidiReactor<Request, Response>* Calls::BidiStream(grpc::CallbackServerContext* context,
                                                              absl::string_view method,
                                                              OnMessage on_message) {
  const CallRecord record = Begin(method, "bidi_stream");
  return new internal::BidiStreamReactor<Request, Response, OnMessage>(
      *this, record, MakeContext(*context, record.series->method, /*unary=*/false),
      std::move(on_message));
}

}  // namespace datong::rpc
