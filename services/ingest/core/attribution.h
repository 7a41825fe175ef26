#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/ingest/core/event_row.h"
#include "services/ingest/core/source.h"

namespace datong::ingest {

// `kind:scope:value` with the value trimmed, or "" when scope or value is empty.
std::string MakeIdentifier(absl::string_view kind, absl::string_view scope,
                           absl::string_view value);

// Gives an SDK's event its node and its evidence. The node is the device (or the openid, where the
// source says that devices are named by it); the login where the source's logins are authenticated,
// or where there is no device. What else the event claims becomes evidence of class 4, never the
// node. A trusted source's events belong to the login they name, and its pairs are tenant.login.
// `other_devices`: see DecodedEvent. Sets flags scope_unknown and domain_mismatch.
void AttributeSdkEvent(const Source& source, const std::vector<std::string>& other_devices,
                       EventRow* row);

// Gives a trusted sender's event the node of `identifier`, and its evidence. Pushes prove nothing
// but that the identifier exists: what they show is told by the broker.
void AttributeNamedEvent(const Source& source, const std::string& identifier,
                         const std::vector<std::string>& others, EventRow* row);

}  // namespace datong::ingest
