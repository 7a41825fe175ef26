#include "tools/benchmarks/identity_house.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "services/identity/module.h"

namespace datong::bench {
namespace {

using identity::v1::IdentityService;
using identity::v1::LinkBatchRequest;
using identity::v1::LinkBatchResponse;
using identity::v1::ResolveBatchRequest;

constexpr int64_t kFirstSight = 1'772'000'000;

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void Prepare(grpc::ClientContext& context, const Estate& estate) {
  context.AddMetadata("authorization", estate.authorization());
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

}  // namespace

absl::StatusOr<std::unique_ptr<IdentityHouse>> IdentityHouse::Make() {
  std::unique_ptr<IdentityHouse> house(new IdentityHouse());
  const std::vector<server::ModuleDefinition> modules = {identity::kModule};
  DATONG_ASSIGN_OR_RETURN(house->estate_, Estate::Make(modules));
  DATONG_ASSIGN_OR_RETURN(house->process_, house->estate_->StartProcess("identity-bench", modules));
  house->stub_ = IdentityService::NewStub(
      rpc::CreateChannel(absl::StrCat("127.0.0.1:", house->process_->ports().grpc)));
  identity::v1::RegisterProjectRequest project;
  project.set_project(kProject);
  project.set_number(1);
  identity::v1::RegisterProjectResponse known;
  grpc::ClientContext context;
  Prepare(context, *house->estate_);
  const grpc::Status status = house->stub_->RegisterProject(&context, project, &known);
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  return house;
}

IdentityHouse::~IdentityHouse() {
  if (process_ != nullptr) process_->Stop();
}

absl::StatusOr<double> IdentityHouse::Send(const std::vector<LinkBatchRequest>& batches,
                                           int callers,
                                           absl::FunctionRef<bool(size_t sent)> enough) {
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> records = 0;
  Mutex mutex;
  absl::Status failure;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      for (size_t index = next++; !enough(index); index = next++) {
        const LinkBatchRequest& request = batches[index % batches.size()];
        LinkBatchResponse response;
        grpc::ClientContext context;
        Prepare(context, *estate_);
        const grpc::Status status = stub_->LinkBatch(&context, request, &response);
        const bool whole =
            response.recorded_count() + response.known_count() == request.evidence_size();
        if (!status.ok() || !whole) {
          MutexLock lock(&mutex);
          failure.Update(absl::InternalError(
              status.ok() ? "A batch was not taken whole: " + response.ShortDebugString()
                          : "A batch failed: " + status.error_message()));
          return;
        }
        records += request.evidence_size();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = SecondsSince(begin);
  if (!failure.ok()) return failure;
  return static_cast<double>(records) / seconds;
}

absl::StatusOr<double> IdentityHouse::SendOnce(const std::vector<LinkBatchRequest>& batches,
                                               int callers) {
  return Send(batches, callers, [&](size_t sent) { return sent >= batches.size(); });
}

absl::StatusOr<double> IdentityHouse::TimeResolve(const ResolveBatchRequest& request) {
  identity::v1::ResolveBatchResponse response;
  grpc::ClientContext context;
  Prepare(context, *estate_);
  const auto begin = std::chrono::steady_clock::now();
  const grpc::Status status = stub_->ResolveBatch(&context, request, &response);
  const double milliseconds = SecondsSince(begin) * 1000;
  if (!status.ok()) return absl::UnavailableError(status.error_message());
  for (const auto& result : response.results()) {
    if (result.person_index() == 0) return absl::InternalError("An identifier has no person.");
  }
  return milliseconds;
}

std::string OpaqueValue(uint64_t family, uint64_t number) {
  // The finaliser of MurmurHash3, a bijection on 64 bits.
  uint64_t x = family << 40 ^ number;
  x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD;
  x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53;
  return absl::StrCat("o6_bench_", absl::Hex(x ^ x >> 33, absl::kZeroPad16));
}

std::vector<LinkBatchRequest> MakePeople(int round, int people) {
  std::vector<LinkBatchRequest> batches;
  const auto add = [&](const char* kind, int person, int step, std::string first,
                       std::string second) {
    if (batches.empty() || batches.back().evidence_size() == IdentityHouse::kBatch) {
      batches.emplace_back().set_project(IdentityHouse::kProject);
    }
    identity::v1::Evidence& evidence = *batches.back().add_evidence();
    evidence.set_kind(kind);
    evidence.add_ids(std::move(first));
    evidence.add_ids(std::move(second));
    evidence.mutable_observed_time()->set_seconds(kFirstSight + person * 4 + step);
    evidence.set_appid("wx1234567890abcdef");
    evidence.set_request_id(absl::StrCat("request-", round, "-", person, "-", step));
    evidence.set_obtained_by("bench");
  };
  const auto id = [&](const char* kind_and_scope, int person) {
    return absl::StrCat(kind_and_scope, ":",
                        OpaqueValue(static_cast<uint64_t>(round), static_cast<uint64_t>(person)));
  };
  for (int step = 0; step < 4; ++step) {
    for (int i = 0; i < people; ++i) {
      const std::string unionid = id("unionid:op1", i);
      const std::string openid = id("openid:wx1234567890abcdef", i);
      const std::string other = id("openid:wx234567890abcdef1", i);
      if (step == 0) add("mp.code2session", i, step, openid, unionid);
      if (step == 1) add("client.claim", i, step, id("device:web", i), other);
      if (step == 2) add("oauth.userinfo", i, step, other, unionid);
      if (step == 3) add("tenant.login", i, step, id("login:main", i), openid);
    }
  }
  return batches;
}

std::vector<ResolveBatchRequest> AskAbout(const std::vector<LinkBatchRequest>& batches) {
  std::vector<ResolveBatchRequest> requests;
  for (const LinkBatchRequest& batch : batches) {
    for (const identity::v1::Evidence& evidence : batch.evidence()) {
      if (requests.empty() || requests.back().identifiers_size() == IdentityHouse::kBatch) {
        requests.emplace_back().set_project(IdentityHouse::kProject);
      }
      requests.back().add_identifiers(evidence.ids(0));
    }
  }
  return requests;
}

}  // namespace datong::bench
