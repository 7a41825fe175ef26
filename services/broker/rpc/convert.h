#pragma once

#include "absl/time/time.h"
#include "datong/broker/v1/authorization.pb.h"
#include "datong/broker/v1/project.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/broker/core/types.h"

namespace datong::broker {

void SetTime(absl::Time time, google::protobuf::Timestamp* timestamp);
absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

void ToProto(const Project& project, v1::Project* message);
void ToProto(const App& app, v1::App* message);
void ToProto(const Authorization& authorization, v1::Authorization* message);

}  // namespace datong::broker
