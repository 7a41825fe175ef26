#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/wechat_sim/world.h"

// Events about customers and groups, to every app that sees the member: self-built ones,
// agency-built ones (data callback) and third-party ones (instruction URL), each with ids of its
// own view.
namespace datong::wechat_sim::wecom {

// A change of one member's relation to one contact.
struct ContactEvent {
  std::string change_type = {};  // add_external_contact, …
  std::string userid = {};
  std::string person = {};
  std::string state = {};
  std::string welcome_code = {};
  std::string source = {};
  std::string fail_reason = {};
};
void PushContactEvent(World& world, const Corp& corp, const ContactEvent& event, int64_t at,
                      int copies);

struct GroupEvent {
  std::string change_type = {};    // create, update, dismiss
  std::string update_detail = {};  // of update: add_member, …
  int64_t join_scene = 0;
  int64_t quit_scene = 0;
  std::vector<GroupMemberSpec> members = {};  // who came or went
  std::string last_version = {};
};
void PushGroupEvent(World& world, const Corp& corp, const Group& group, const GroupEvent& event,
                    int64_t at, int copies);

}  // namespace datong::wechat_sim::wecom
