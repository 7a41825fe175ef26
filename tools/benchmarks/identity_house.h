#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/server/process.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "tools/benchmarks/estate.h"

namespace datong::bench {

// identity alone in a process of this program, with one project (number 1), and a stub to it.
class IdentityHouse {
 public:
  static constexpr char kProject[] = "projects/demo";
  static constexpr int kBatch = 1000;  // records of a LinkBatch

  static absl::StatusOr<std::unique_ptr<IdentityHouse>> Make();
  ~IdentityHouse();

  Secret dsn() const { return estate_->dsn(); }

  // Sends the batches, `callers` of them at a time, until `enough` says so, over and over when they
  // do not suffice. Returns records a second. Errors: of a call, and INTERNAL when a batch was not
  // taken whole.
  absl::StatusOr<double> Send(const std::vector<identity::v1::LinkBatchRequest>& batches,
                              int callers, absl::FunctionRef<bool(size_t sent)> enough);
  // Each batch once.
  absl::StatusOr<double> SendOnce(const std::vector<identity::v1::LinkBatchRequest>& batches,
                                  int callers);
  // Milliseconds that one ResolveBatch takes; each identifier must have a person.
  absl::StatusOr<double> TimeResolve(const identity::v1::ResolveBatchRequest& request);

 private:
  IdentityHouse() = default;

  std::unique_ptr<Estate> estate_;
  std::unique_ptr<server::Process> process_;
  std::unique_ptr<identity::v1::IdentityService::Stub> stub_;
};

// The value of an identifier: as unordered as those of the platform are.
std::string OpaqueValue(uint64_t family, uint64_t number);

// People as they come: an account of a mini program, a browser that knows another openid, an
// authorisation that shows both are one (which merges two persons), a login. Four records, each a
// new edge, and five identifiers a person. The steps of one person are in batches of their own, in
// order. `round` keeps the people of one round apart from those of others.
std::vector<identity::v1::LinkBatchRequest> MakePeople(int round, int people);

// The identifiers of the batches, in requests of 1,000.
std::vector<identity::v1::ResolveBatchRequest> AskAbout(
    const std::vector<identity::v1::LinkBatchRequest>& batches);

}  // namespace datong::bench
