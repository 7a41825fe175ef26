#include "services/gateway/rpc/api_files.h"

#include "datong/broker/v1/authorization.pb.h"
#include "datong/broker/v1/estate.pb.h"
#include "datong/broker/v1/js_api.pb.h"
#include "datong/broker/v1/login.pb.h"
#include "datong/broker/v1/project.pb.h"
#include "datong/broker/v1/push.pb.h"
#include "datong/broker/v1/readiness.pb.h"
#include "datong/broker/v1/token.pb.h"
#include "datong/broker/v1/wecom.pb.h"
#include "datong/datacube/v1/statistics.pb.h"
#include "datong/identity/v1/decisions.pb.h"
#include "datong/identity/v1/identity.pb.h"
#include "datong/identity/v1/integrity.pb.h"
#include "datong/identity/v1/policy.pb.h"
#include "datong/identity/v1/privacy.pb.h"
#include "datong/identity/v1/profile.pb.h"
#include "datong/identity/v1/relation.pb.h"
#include "datong/ingest/v1/event.pb.h"
#include "datong/ingest/v1/quarantine.pb.h"
#include "datong/ingest/v1/source.pb.h"
#include "datong/insight/v1/insight.pb.h"

namespace datong::gateway {

std::vector<const google::protobuf::FileDescriptor*> ApiFiles() {
  return {
      broker::v1::CreateProjectRequest::descriptor()->file(),
      broker::v1::AuthorizationLink::descriptor()->file(),
      broker::v1::GetTokenRequest::descriptor()->file(),
      broker::v1::ReceivePushRequest::descriptor()->file(),
      broker::v1::ImportAuthorizationsRequest::descriptor()->file(),
      broker::v1::SignJsApiRequest::descriptor()->file(),
      broker::v1::LoginWebRequest::descriptor()->file(),
      broker::v1::CheckReadinessRequest::descriptor()->file(),
      broker::v1::BeginInstallRequest::descriptor()->file(),
      ingest::v1::Source::descriptor()->file(),
      ingest::v1::AppendEventsRequest::descriptor()->file(),
      ingest::v1::ListQuarantinedEventsRequest::descriptor()->file(),
      identity::v1::ResolveRequest::descriptor()->file(),
      identity::v1::GetProfileRequest::descriptor()->file(),
      identity::v1::ExportPersonRequest::descriptor()->file(),
      identity::v1::ExplainRequest::descriptor()->file(),
      identity::v1::GetIntegrityRequest::descriptor()->file(),
      identity::v1::GetPolicyRequest::descriptor()->file(),
      identity::v1::ListRelationsRequest::descriptor()->file(),
      datacube::v1::QueryStatisticsRequest::descriptor()->file(),
      insight::v1::QueryTrafficRequest::descriptor()->file(),
  };
}

}  // namespace datong::gateway
