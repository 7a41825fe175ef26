#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "datong/identity/v1/identity.pb.h"
#include "services/identity/core/graph_store.h"

namespace datong::identity {

// Writes the refusals, with those who hold their identifiers now (R4.4). Errors: those of
// GraphStore::FindPersons.
absl::Status WriteRefusals(GraphStore& graph, const Project& project,
                           absl::Span<const RefusalView> refusals,
                           google::protobuf::RepeatedPtrField<v1::Refusal>& out, Deadline deadline);

}  // namespace datong::identity
