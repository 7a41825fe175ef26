#include "tools/datong/generic_call.h"

#include <grpcpp/generic/generic_stub.h>

#include <chrono>

#include "common/rpc/status.h"

namespace datong::tools {
namespace {

grpc::ByteBuffer Pack(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

bool Unpack(const grpc::ByteBuffer& buffer, google::protobuf::Message& message) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return false;
  return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

enum Tag : intptr_t { kStarted = 1, kWritten, kRead, kFinished };
void* AsTag(Tag tag) { return reinterpret_cast<void*>(tag); }

}  // namespace

absl::Status MakeCall(const GenericCall& call, google::protobuf::Message& request,
                      google::protobuf::Message& answer) {
  grpc::GenericStub stub(call.channel);
  grpc::ClientContext context;
  if (call.timeout != absl::InfiniteDuration()) {
    context.set_deadline(std::chrono::system_clock::now() +
                         absl::ToChronoMicroseconds(call.timeout));
  }
  grpc::CompletionQueue queue;
  const auto stream = stub.PrepareCall(&context, call.path, &queue);
  stream->StartCall(AsTag(kStarted));

  // What is asked of gRPC and has not come back: at most one write and one read at a time.
  bool writes_done = false;
  bool finishing = false;
  bool ended_by_us = false;
  grpc::ByteBuffer received;
  grpc::Status status;
  const auto write_next = [&] {
    if (writes_done) return;
    request.Clear();
    if (call.next_request(request)) {
      stream->Write(Pack(request), AsTag(kWritten));
    } else {
      writes_done = true;
      stream->WritesDone(AsTag(kWritten));
    }
  };
  const auto finish = [&] {
    if (finishing) return;
    finishing = true;
    stream->Finish(&status, AsTag(kFinished));
  };

  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    switch (static_cast<Tag>(reinterpret_cast<intptr_t>(tag))) {
      case kStarted:
        if (!ok) {
          finish();
          break;
        }
        write_next();
        stream->Read(&received, AsTag(kRead));
        break;
      case kWritten:
        if (ok && !finishing) write_next();
        break;
      case kRead:
        if (ok && Unpack(received, answer) && call.on_answer(answer)) {
          stream->Read(&received, AsTag(kRead));
          break;
        }
        if (ok) {
          ended_by_us = true;
          context.TryCancel();
        }
        finish();
        break;
      case kFinished:
        queue.Shutdown();
        break;
    }
  }
  if (ended_by_us) return absl::OkStatus();
  return rpc::FromGrpcStatus(status);
}

}  // namespace datong::tools
