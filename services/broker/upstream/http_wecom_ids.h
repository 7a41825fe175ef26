#pragma once

#include <string>
#include <vector>

#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/upstream/platform_http.h"

namespace datong::broker {

// WeCom's logins, contacts and conversions over HTTPS. Thread-safe.
class HttpWecomIds : public WecomIdPlatform {
 public:
  // `api_url` is https://qyapi.weixin.qq.com, no slash at the end.
  HttpWecomIds(std::string api_url, http::Client& http, metrics::Registry& registry);

  absl::StatusOr<WecomVisitor> GetVisitor(const Secret& token, const std::string& code,
                                          Deadline deadline) override;
  absl::StatusOr<WecomVisitor> GetSuiteVisitor(const Secret& suite_token, const std::string& code,
                                               Deadline deadline) override;
  absl::StatusOr<WecomStaffDetails> GetStaffDetails(const Secret& token, const Secret& user_ticket,
                                                    Deadline deadline) override;
  absl::StatusOr<WecomStaff> LogInStaff(const Secret& token, const std::string& js_code,
                                        Deadline deadline) override;
  absl::StatusOr<WecomStaff> LogInSuiteStaff(const Secret& suite_token, const std::string& js_code,
                                             Deadline deadline) override;
  absl::StatusOr<WecomStaff> TransferSession(const Secret& token, const std::string& userid,
                                             const Secret& session_key, Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> ListFollowMembers(const Secret& token,
                                                             Deadline deadline) override;
  absl::StatusOr<WecomContactPage> ListContacts(const Secret& token,
                                                const std::vector<std::string>& members,
                                                const std::string& cursor,
                                                Deadline deadline) override;
  absl::StatusOr<WecomContact> GetContact(const Secret& token, const std::string& external_userid,
                                          Deadline deadline) override;
  absl::StatusOr<WecomGroup> GetGroup(const Secret& token, const std::string& chat_id,
                                      Deadline deadline) override;
  absl::StatusOr<WecomConverted> ConvertUnionid(const Secret& token, const WecomUserIds& user,
                                                bool app_of_provider,
                                                const std::string& mass_call_ticket,
                                                Deadline deadline) override;
  absl::StatusOr<std::vector<WecomFound>> FindThroughSuite(const Secret& suite_token,
                                                           const WecomUserIds& user,
                                                           const std::string& corpid,
                                                           Deadline deadline) override;
  absl::StatusOr<std::vector<WecomPendingMatch>> GetPendingIds(
      const Secret& token, const std::vector<std::string>& external_userids,
      const std::string& chat_id, Deadline deadline) override;
  absl::StatusOr<std::vector<WecomIdPair>> GetNewExternalUserids(
      const Secret& token, const std::vector<std::string>& external_userids,
      const std::string& chat_id, Deadline deadline) override;
  absl::StatusOr<std::string> ToServiceExternalUserid(const Secret& token,
                                                      const std::string& external_userid,
                                                      Deadline deadline) override;
  absl::StatusOr<std::string> FromServiceExternalUserid(const Secret& token,
                                                        const std::string& external_userid,
                                                        int64_t source_agentid,
                                                        Deadline deadline) override;

 private:
  PlatformHttp http_;
};

}  // namespace datong::broker
