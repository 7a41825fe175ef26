#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/call_context.h"
#include "datong/broker/v1/authorization.pb.h"
#include "datong/broker/v1/project.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/broker/core/audit_log.h"
#include "services/broker/core/types.h"

namespace datong::broker {

void SetTime(absl::Time time, google::protobuf::Timestamp* timestamp);
absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

// Who calls, for the audit: views of the call.
Access AccessBy(const rpc::CallContext& call);
// And what he does to the app: views of both.
Access AccessTo(const App& app, absl::string_view action, const rpc::CallContext& call);

void ToProto(const Project& project, v1::Project* message);
void ToProto(const App& app, v1::App* message);
void ToProto(const Authorization& authorization, v1::Authorization* message);

}  // namespace datong::broker
