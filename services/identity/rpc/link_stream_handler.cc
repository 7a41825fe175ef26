#include "services/identity/rpc/link_stream_handler.h"

#include <algorithm>
#include <utility>

#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {
namespace {

constexpr size_t kMostAtOnce = 1000;  // records in a transaction

}  // namespace

absl::Status LinkStreamHandler::OnMessage(const rpc::CallContext& call,
                                          const v1::LinkStreamRequest& request, bool more_waiting,
                                          std::deque<v1::LinkStreamResponse>* acks) {
  const auto count = static_cast<size_t>(request.evidence_size());
  if (count < 1 || count > kMostAtOnce) return BatchTooLarge(count, kMostAtOnce);
  const bool other_project =
      !request.project().empty() && project_.has_value() && request.project() != project_->name;
  if (other_project || records_.size() + count > kMostAtOnce) {
    DATONG_RETURN_IF_ERROR(Commit(call.deadline, acks));
  }
  if (!project_.has_value() || other_project) {
    DATONG_ASSIGN_OR_RETURN(project_, store_.FindProject(request.project(), call.deadline));
  }
  for (const v1::Evidence& evidence : request.evidence()) records_.push_back(FromProto(evidence));
  batch_ends_.push_back(records_.size());
  return more_waiting ? absl::OkStatus() : Commit(call.deadline, acks);
}

absl::Status LinkStreamHandler::Commit(Deadline deadline,
                                       std::deque<v1::LinkStreamResponse>* acks) {
  if (records_.empty()) return absl::OkStatus();
  DATONG_ASSIGN_OR_RETURN(const Linker::Result linked,
                          linker_.Link(*project_, std::move(records_), deadline));
  records_.clear();
  std::vector<v1::LinkStreamResponse*> answers;
  for (size_t i = 0; i < batch_ends_.size(); ++i) {
    v1::LinkStreamResponse& ack = acks->emplace_back();
    ack.set_acknowledged(++acknowledged_);
    ack.set_version(linked.version);
    answers.push_back(&ack);
  }
  for (const Linker::Rejected& rejected : linked.rejected) {
    const auto batch = static_cast<size_t>(
        std::upper_bound(batch_ends_.begin(), batch_ends_.end(), rejected.index) -
        batch_ends_.begin());
    const size_t begin = batch == 0 ? 0 : batch_ends_[batch - 1];
    auto* out = answers[batch]->add_rejected();
    out->set_index(static_cast<int32_t>(rejected.index - begin));
    out->set_reason(rejected.reason);
  }
  batch_ends_.clear();
  return absl::OkStatus();
}

}  // namespace datong::identity
