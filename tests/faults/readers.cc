#include "tests/faults/readers.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "common/status/error.h"
#include "datong/broker/v1/token.grpc.pb.h"

namespace datong::faults {

Readers::Readers(Fleet& fleet, ReaderOptions options)
    : fleet_(fleet), options_(std::move(options)) {
  std::string all = "ipv4:";
  for (size_t i = 0; i < fleet_.size(); ++i) {
    absl::StrAppend(&all, i == 0 ? "" : ",", fleet_.replica(i).address());
  }
  int reader = 0;
  for (size_t i = 0; i < fleet_.size(); ++i) {
    const std::string address = options_.any_replica ? all : fleet_.replica(i).address();
    for (int n = 0; n < options_.per_replica; ++n) {
      threads_.emplace_back([this, reader, address] { Run(reader, address); });
      ++reader;
    }
  }
}

Readers::~Readers() { Stop(); }

void Readers::Run(int reader, const std::string& address) {
  using broker::v1::TokenService;
  const std::shared_ptr<grpc::Channel> channel = rpc::CreateChannel(address);
  const auto stub = TokenService::NewStub(channel);
  metrics::Registry registry;
  rpc::Outgoing outgoing(registry);
  const std::vector<std::string>& appids =
      options_.appids.empty() ? fleet_.appids() : options_.appids;
  std::minstd_rand random(static_cast<unsigned>(reader) + 1);
  std::vector<TokenRead> reads;
  while (!stopping_) {
    TokenRead read;
    read.reader = reader;
    read.appid = appids[random() % appids.size()];
    broker::v1::GetTokenRequest request;
    request.set_app(Fleet::AppName(read.appid));
    const int64_t turn = fleet_.clock_turns();
    read.begin = absl::Now();
    read.business_begin = fleet_.simulator().Now();
    const auto answer = outgoing.Call(
        rpc::MakeBackgroundCall("reader", Deadline::After(options_.deadline)),
        "/datong.broker.v1.TokenService/GetToken", *stub, &TokenService::StubInterface::GetToken,
        request, {.longest = options_.deadline, .idempotent = options_.any_replica});
    read.end = absl::Now();
    if (answer.ok()) {
      read.clock_agreed = turn % 2 == 0 && fleet_.clock_turns() == turn;
      read.fingerprint = answer->fingerprint();
      read.expires = absl::FromUnixSeconds(answer->expire_time().seconds());
      reads.push_back(std::move(read));
      ++answered_;
    } else {
      const std::string reason = GetReason(answer.status());
      MutexLock lock(&mutex_);
      ++refusals_[reason.empty() ? absl::StatusCodeToString(answer.status().code()) : reason];
      ++refused_;
      // Where nobody listens, gRPC waits with its next try, and one must not ask without end.
      channel->GetState(/*try_to_connect=*/true);
    }
    absl::SleepFor(options_.pause);
  }
  MutexLock lock(&mutex_);
  reads_.insert(reads_.end(), reads.begin(), reads.end());
}

std::map<std::string, int64_t> Readers::refusals() const {
  MutexLock lock(&mutex_);
  return refusals_;
}

bool Readers::AwaitAnswers(int64_t more) const {
  const int64_t wanted = answered_ + more;
  return Eventually([&] { return answered_ >= wanted; });
}

bool Readers::AwaitRefusals(int64_t more) const {
  const int64_t wanted = refused_ + more;
  return Eventually([&] { return refused_ >= wanted; });
}

std::vector<TokenRead> Readers::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  MutexLock lock(&mutex_);
  return std::exchange(reads_, {});
}

}  // namespace datong::faults
