#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/call_context.h"
#include "datong/identity/v1/identity.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/linker.h"

namespace datong::identity {

// One stream of batches: those that wait together are linked in one transaction, and answered in
// order. Used by one thread at a time. `store` and `linker` must outlive it.
class LinkStreamHandler {
 public:
  LinkStreamHandler(GraphStore& store, Linker& linker) : store_(store), linker_(linker) {}

  // Takes one message and adds to `acks` what has been committed. Without `more_waiting` that is
  // everything. Errors: as the proto says.
  absl::Status OnMessage(const rpc::CallContext& call, const v1::LinkStreamRequest& request,
                         bool more_waiting, std::deque<v1::LinkStreamResponse>* acks);

 private:
  absl::Status Commit(Deadline deadline, std::deque<v1::LinkStreamResponse>* acks);

  GraphStore& store_;
  Linker& linker_;
  std::optional<Project> project_;
  std::vector<Evidence> records_;   // not committed yet
  std::vector<size_t> batch_ends_;  // behind each batch of them
  int64_t acknowledged_ = 0;
};

}  // namespace datong::identity
