#include "services/identity/rpc/refusals.h"

#include <string>
#include <vector>

#include "common/status/macros.h"
#include "services/identity/core/person_id.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {

absl::Status WriteRefusals(GraphStore& graph, const Project& project,
                           absl::Span<const RefusalView> refusals,
                           google::protobuf::RepeatedPtrField<v1::Refusal>& out,
                           Deadline deadline) {
  if (refusals.empty()) return absl::OkStatus();
  std::vector<std::string> ids;
  for (const RefusalView& view : refusals) {
    ids.insert(ids.end(), view.refusal.ids.begin(), view.refusal.ids.end());
  }
  DATONG_ASSIGN_OR_RETURN(const std::vector<uint32_t> persons,
                          graph.FindPersons(project, ids, nullptr, deadline));
  auto person = persons.begin();
  for (const RefusalView& view : refusals) {
    v1::Refusal* refusal = out.Add();
    ToProto(view, refusal);
    for (size_t i = 0; i < view.refusal.ids.size(); ++i, ++person) {
      refusal->add_persons(*person == 0 ? "" : PersonName(project.name, *person));
    }
  }
  return absl::OkStatus();
}

}  // namespace datong::identity
