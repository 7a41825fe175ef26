#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "datong/identity/v1/identity.pb.h"
#include "datong/identity/v1/privacy.pb.h"
#include "datong/identity/v1/profile.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/privacy_store.h"
#include "services/identity/core/profile_store.h"

namespace datong::identity {

absl::Time FromProto(const google::protobuf::Timestamp& time);
void ToProto(absl::Time time, google::protobuf::Timestamp* out);

Evidence FromProto(const v1::Evidence& evidence);
void ToProto(const std::string& project, const PersonView& person, v1::Person* out);
void ToProto(const RefusalView& refusal, v1::Refusal* out);
void ToProto(const std::string& project, const ChangeView& change, v1::Change* out);

void ToProto(const ConsentEntry& consent, v1::Consent* out);
void ToProto(const ConsentChangeView& change, v1::ConsentChange* out);
// Times that are not given are `now`. Errors: INVALID_ARGUMENT/CONSENT_INVALID.
absl::StatusOr<ConsentEntry> FromProto(const v1::Consent& consent, absl::Time now);
// Errors: INVALID_ARGUMENT/ATTRIBUTE_INVALID.
absl::StatusOr<AttributeEntry> FromProto(const v1::Attribute& attribute, absl::Time now);
void ToProto(const AttributeEntry& attribute, v1::Attribute* out);
// Errors: INVALID_ARGUMENT/RECORD_INVALID.
absl::StatusOr<BusinessRecord> RecordOf(const v1::BusinessRecord& record, absl::Time now);

}  // namespace datong::identity
