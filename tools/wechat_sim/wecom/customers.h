#pragma once

#include <string>
#include <vector>

#include "tools/wechat_sim/wecom/call.h"

// Who of the world is whose customer, and by which unionid.
namespace datong::wechat_sim::wecom {

// The unionid that a developer binding (an app of this world) gives a corp of a person; "" unless
// the app is verified, of the same legal entity and bound to an Open Platform account. `told`
// stands in where no user of that account's apps is known.
std::string BoundUnionid(World& world, const Corp& corp, const std::string& developer_appid,
                         const std::string& person, const std::string& told);
// … as the customer-contact calls tell it: to self-built apps, and legacy agency-built ones.
std::string ContactUnionid(Call& call, const std::string& person, const std::string& told);

// The person whose openid and unionid these are, both of one app; "" when they do not agree.
std::string PersonOfUser(World& world, const std::string& openid, const std::string& unionid,
                         const App** app);

// The relations that calls know of, of members in the visible range.
std::vector<const FollowSpec*> FollowsOf(const Estate& estate, const ContactSpec& contact,
                                         const std::vector<std::string>& scope, int64_t now);
bool IsContact(const Estate& estate, const Corp& corp, const std::string& person,
               const std::vector<std::string>& scope, int64_t now);
bool IsInGroup(const Group& group, const std::string& person);
// A contact, in a customer group whose owner is in the range, or lately in the customer service.
bool IsCustomer(const Estate& estate, const Corp& corp, const std::string& person,
                const std::vector<std::string>& scope, int64_t now);

}  // namespace datong::wechat_sim::wecom
