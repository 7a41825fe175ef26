#include "services/broker/core/wecom_errors.h"

#include <optional>

#include "common/wechat/wecom_error_codes.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

using wechat::ErrorClass;

absl::Status ExplainWecom(const App& app, const std::string& api, const absl::Status& cause) {
  if (cause.ok()) return cause;
  const int64_t errcode = ErrcodeOf(cause);
  if (errcode == 84061) return ContactUnknown();
  if (errcode == 40096) return ExternalUseridInvalid();
  switch (ErrorClassOf(cause)) {
    case ErrorClass::kLoginAgain:
      return LoginCodeInvalid();
    case ErrorClass::kPermission:
      return ContactPermissionMissing(app.name(), wechat::ExplainWecomErrorCode(errcode).hint);
    case ErrorClass::kRateLimited:
    case ErrorClass::kQuota:
      return WithRetryDelay(ApiRateLimited(app.name(), api), absl::Minutes(1));
    case ErrorClass::kTransient:
      return PlatformUnreachable(app.name());
    case ErrorClass::kConfiguration:
      return AppBadConfig(app.name(), ErrmsgOf(cause));
    case ErrorClass::kRevoked:
      return AppRevoked(app.name());
    default:
      break;
  }
  if (const auto info = GetErrorInfo(cause); info && info->domain == kErrorDomain) return cause;
  return errcode == 0 ? PlatformUnreachable(app.name()) : cause;
}

}  // namespace datong::broker
