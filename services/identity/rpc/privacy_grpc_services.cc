#include "services/identity/rpc/privacy_grpc_services.h"

namespace datong::identity {

grpc::ServerUnaryReactor* PrivacyGrpcService::ExportPerson(grpc::CallbackServerContext* context,
                                                           const v1::ExportPersonRequest* request,
                                                           v1::ExportPersonResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.PrivacyService/ExportPerson",
      [this](const auto& call, const auto& r) { return handlers_.ExportPerson(call, r); });
}

grpc::ServerUnaryReactor* PrivacyGrpcService::ListErasures(grpc::CallbackServerContext* context,
                                                           const v1::ListErasuresRequest* request,
                                                           v1::ListErasuresResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.PrivacyService/ListErasures",
      [this](const auto& call, const auto& r) { return handlers_.ListErasures(call, r); });
}

grpc::ServerUnaryReactor* RecordGrpcService::PutRecord(grpc::CallbackServerContext* context,
                                                       const v1::PutRecordRequest* request,
                                                       v1::PutRecordResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.RecordService/PutRecord",
      [this](const auto& call, const auto& r) { return handlers_.PutRecord(call, r); });
}

grpc::ServerUnaryReactor* RecordGrpcService::ListRecords(grpc::CallbackServerContext* context,
                                                         const v1::ListRecordsRequest* request,
                                                         v1::ListRecordsResponse* response) {
  return calls_.Unary(
      context, request, response, "/datong.identity.v1.RecordService/ListRecords",
      [this](const auto& call, const auto& r) { return handlers_.ListRecords(call, r); });
}

}  // namespace datong::identity
