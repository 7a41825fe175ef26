#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "tools/wechat_sim/wecom/estate.h"

namespace datong::wechat_sim::wecom {

using nlohmann::json;

// Reads a value of the admin API over `value`: fields that are not given keep what they had.
// Errors: INVALID_ARGUMENT, with the field and what is wrong.
absl::Status ReadAgent(const json& in, AgentSpec* value);
absl::Status ReadMember(const json& in, MemberSpec* value);
absl::Status ReadFollow(const json& in, FollowSpec* value);
absl::Status ReadContact(const json& in, ContactSpec* value);
absl::Status ReadGroupMember(const json& in, GroupMemberSpec* value);
absl::Status ReadGroup(const json& in, GroupSpec* value);
absl::Status ReadCorp(const json& in, CorpSpec* value);
absl::Status ReadProvider(const json& in, ProviderSpec* value);
absl::Status ReadSuite(const json& in, SuiteSpec* value);
absl::Status ReadWecomSettings(const json& in, WecomSettings* value);
absl::Status ReadTexts(const json& in, const char* name, std::vector<std::string>* values);

}  // namespace datong::wechat_sim::wecom
