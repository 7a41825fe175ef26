#pragma once

#include "common/rpc/server_calls.h"
#include "datong/identity/v1/privacy.grpc.pb.h"
#include "services/identity/rpc/privacy_handlers.h"

namespace datong::identity {

class PrivacyGrpcService final : public v1::PrivacyService::CallbackService {
 public:
  PrivacyGrpcService(rpc::Calls& calls, PrivacyHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* ExportPerson(grpc::CallbackServerContext* context,
                                         const v1::ExportPersonRequest* request,
                                         v1::ExportPersonResponse* response) override;
  grpc::ServerUnaryReactor* ListErasures(grpc::CallbackServerContext* context,
                                         const v1::ListErasuresRequest* request,
                                         v1::ListErasuresResponse* response) override;

 private:
  rpc::Calls& calls_;
  PrivacyHandlers& handlers_;
};

class RecordGrpcService final : public v1::RecordService::CallbackService {
 public:
  RecordGrpcService(rpc::Calls& calls, PrivacyHandlers& handlers)
      : calls_(calls), handlers_(handlers) {}
  grpc::ServerUnaryReactor* PutRecord(grpc::CallbackServerContext* context,
                                      const v1::PutRecordRequest* request,
                                      v1::PutRecordResponse* response) override;
  grpc::ServerUnaryReactor* ListRecords(grpc::CallbackServerContext* context,
                                        const v1::ListRecordsRequest* request,
                                        v1::ListRecordsResponse* response) override;

 private:
  rpc::Calls& calls_;
  PrivacyHandlers& handlers_;
};

}  // namespace datong::identity
