#include "services/broker/core/platform_client.h"

#include "absl/strings/numbers.h"
#include "common/status/error.h"
#include "common/wechat/wecom_error_codes.h"

namespace datong::broker {
namespace {

std::string MetadataOf(const absl::Status& status, const std::string& key) {
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  if (!info.has_value()) return "";
  const auto found = info->metadata.find(key);
  return found == info->metadata.end() ? "" : found->second;
}

}  // namespace

int64_t ErrcodeOf(const absl::Status& status) {
  int64_t code = 0;
  return absl::SimpleAtoi(MetadataOf(status, "errcode"), &code) ? code : 0;
}

std::string ErrmsgOf(const absl::Status& status) { return MetadataOf(status, "errmsg"); }

wechat::ErrorClass ErrorClassOf(const absl::Status& status) {
  return wechat::ErrorClassOfStatus(status);
}

wechat::ErrorClass ErrorClassOf(const ApiCall& call, const ApiAnswer& answer) {
  return (IsWecom(call.kind) ? wechat::ExplainWecomErrorCode(answer.errcode)
                             : wechat::ExplainErrorCode(answer.errcode))
      .error_class;
}

}  // namespace datong::broker
