#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

// What a corp granted by installing a suite.
struct WecomGrant {
  std::string corpid;
  std::string corp_name;
  Secret permanent_code;
  std::string state;  // of the install page
};

// What get_auth_info tells of a corp.
struct WecomAuthInfo {
  std::string corp_name;
  std::string corp_full_name;
  bool verified = false;
  int32_t subject_type = 0;
  int64_t agentid = 0;
  int32_t privilege_level = 0;
  bool is_agency_built = false;
};

// WeCom's install page.
struct WecomInstallPage {
  std::string suite;
  std::string pre_auth_code;
  std::string redirect_url;
  std::string state;
};

// WeCom's page of web authorisation; `id` is a corpid or a suite_id.
struct WecomLoginPage {
  std::string id;
  std::string redirect_url;
  std::string state;
  int64_t agentid = 0;
  bool private_info = false;
};

// Credentials and the install flow, as the broker asks qyapi.weixin.qq.com for them. Thread-safe;
// blocks on the network until the deadline, and at most 10 s. Errors of all: UNAVAILABLE or
// DEADLINE_EXCEEDED when there was no answer that can be read; for an errcode, those of
// wechat::WecomErrorCodeStatus.
class WecomPlatform {
 public:
  virtual ~WecomPlatform() = default;

  // Addresses of pages; they ask nobody.
  virtual std::string InstallPageUrl(const WecomInstallPage& page) = 0;
  virtual std::string LoginPageUrl(const WecomLoginPage& page) = 0;

  // Of a self-built app; of an agency-built one with the permanent code as its secret.
  virtual absl::StatusOr<FetchedToken> FetchCorpToken(const std::string& corpid,
                                                      const Secret& secret, Deadline deadline) = 0;
  virtual absl::StatusOr<FetchedToken> FetchSuiteToken(const std::string& suite,
                                                       const Secret& secret, const Secret& ticket,
                                                       Deadline deadline) = 0;
  virtual absl::StatusOr<FetchedToken> FetchProviderToken(const std::string& corpid,
                                                          const Secret& secret,
                                                          Deadline deadline) = 0;
  virtual absl::StatusOr<FetchedToken> FetchAuthorizedCorpToken(const Secret& suite_token,
                                                                const std::string& corpid,
                                                                const Secret& permanent_code,
                                                                Deadline deadline) = 0;

  virtual absl::StatusOr<PreAuthCode> GetPreAuthCode(const Secret& suite_token,
                                                     Deadline deadline) = 0;
  virtual absl::Status SetSessionInfo(const Secret& suite_token, const std::string& pre_auth_code,
                                      bool test, Deadline deadline) = 0;
  virtual absl::StatusOr<WecomGrant> GetPermanentCode(const Secret& suite_token,
                                                      const std::string& auth_code,
                                                      Deadline deadline) = 0;
  virtual absl::StatusOr<WecomAuthInfo> GetAuthInfo(const Secret& suite_token,
                                                    const std::string& corpid,
                                                    const Secret& permanent_code,
                                                    Deadline deadline) = 0;
};

// Who came through a web authorisation.
struct WecomVisitor {
  std::string userid;
  std::string corpid;       // through a suite
  std::string open_userid;  // through a suite
  std::string openid;
  std::string external_userid;
  Secret user_ticket;  // of a member who was asked for private details
};

// What auth/getuserdetail tells of a member who let it.
struct WecomStaffDetails {
  std::string gender;  // "0" not known, "1" male, "2" female
  std::string avatar;
  std::string qr_code;
  std::string mobile;
  std::string email;
  std::string biz_mail;
  std::string address;
};

// A member of staff in a mini program.
struct WecomStaff {
  std::string corpid;
  std::string userid;
  std::string open_userid;
  Secret session_key;
};

struct WecomFollower {
  std::string userid;
  absl::Time created;
  int32_t add_way = 0;
  std::string state;
};

struct WecomContact {
  std::string external_userid;
  std::string name;
  bool is_wechat_user = false;
  std::string unionid;
  std::vector<WecomFollower> followers;
};

struct WecomContactPage {
  std::vector<WecomContact> contacts;  // one per contact and member
  std::string next_cursor;             // empty at the end
};

struct WecomGroupMember {
  std::string userid;  // external_userid of those from outside
  bool is_external = false;
  std::string unionid;
  absl::Time joined;
  int32_t join_scene = 0;
};

struct WecomGroup {
  std::string name;
  std::string owner;
  absl::Time created;
  std::vector<WecomGroupMember> members;
  std::string member_version;
};

// A user of a mini program or official account; both ids are from the same app.
struct WecomUserIds {
  std::string openid;
  std::string unionid;
};

struct WecomFound {
  std::string corpid;  // through a suite
  std::string external_userid;
};

// What unionid_to_external_userid answers: one of both.
struct WecomConverted {
  std::string external_userid;
  std::string pending_id;
};

struct WecomPendingMatch {
  std::string external_userid;
  std::string pending_id;
};

struct WecomIdPair {
  std::string from;
  std::string to;
};

// Logins, contacts and conversions of ids, as the broker asks qyapi.weixin.qq.com for them. As
// WecomPlatform in threads, time and errors.
class WecomIdPlatform {
 public:
  virtual ~WecomIdPlatform() = default;

  virtual absl::StatusOr<WecomVisitor> GetVisitor(const Secret& token, const std::string& code,
                                                  Deadline deadline) = 0;
  virtual absl::StatusOr<WecomVisitor> GetSuiteVisitor(const Secret& suite_token,
                                                       const std::string& code,
                                                       Deadline deadline) = 0;
  // With the token of the app through which the visitor came.
  virtual absl::StatusOr<WecomStaffDetails> GetStaffDetails(const Secret& token,
                                                            const Secret& user_ticket,
                                                            Deadline deadline) = 0;
  virtual absl::StatusOr<WecomStaff> LogInStaff(const Secret& token, const std::string& js_code,
                                                Deadline deadline) = 0;
  virtual absl::StatusOr<WecomStaff> LogInSuiteStaff(const Secret& suite_token,
                                                     const std::string& js_code,
                                                     Deadline deadline) = 0;

  // The plain pair of an encrypted one, with a token of the member's own corp.
  virtual absl::StatusOr<WecomStaff> TransferSession(const Secret& token, const std::string& userid,
                                                     const Secret& session_key,
                                                     Deadline deadline) = 0;

  // Members with the customer-contact function.
  virtual absl::StatusOr<std::vector<std::string>> ListFollowMembers(const Secret& token,
                                                                     Deadline deadline) = 0;
  // At most 100 members; at most 100 rows a page.
  virtual absl::StatusOr<WecomContactPage> ListContacts(const Secret& token,
                                                        const std::vector<std::string>& members,
                                                        const std::string& cursor,
                                                        Deadline deadline) = 0;
  virtual absl::StatusOr<WecomContact> GetContact(const Secret& token,
                                                  const std::string& external_userid,
                                                  Deadline deadline) = 0;
  virtual absl::StatusOr<WecomGroup> GetGroup(const Secret& token, const std::string& chat_id,
                                              Deadline deadline) = 0;

  virtual absl::StatusOr<WecomConverted> ConvertUnionid(const Secret& token,
                                                        const WecomUserIds& user,
                                                        bool app_of_provider,
                                                        const std::string& mass_call_ticket,
                                                        Deadline deadline) = 0;
  // `corpid` may be empty: in all corps of the suite.
  virtual absl::StatusOr<std::vector<WecomFound>> FindThroughSuite(const Secret& suite_token,
                                                                   const WecomUserIds& user,
                                                                   const std::string& corpid,
                                                                   Deadline deadline) = 0;
  // At most 100. Contacts without pending_id are left out.
  virtual absl::StatusOr<std::vector<WecomPendingMatch>> GetPendingIds(
      const Secret& token, const std::vector<std::string>& external_userids,
      const std::string& chat_id, Deadline deadline) = 0;

  // At most 1,000; `chat_id` may be empty.
  virtual absl::StatusOr<std::vector<WecomIdPair>> GetNewExternalUserids(
      const Secret& token, const std::vector<std::string>& external_userids,
      const std::string& chat_id, Deadline deadline) = 0;
  virtual absl::StatusOr<std::string> ToServiceExternalUserid(const Secret& token,
                                                              const std::string& external_userid,
                                                              Deadline deadline) = 0;
  virtual absl::StatusOr<std::string> FromServiceExternalUserid(const Secret& token,
                                                                const std::string& external_userid,
                                                                int64_t source_agentid,
                                                                Deadline deadline) = 0;
};

}  // namespace datong::broker
