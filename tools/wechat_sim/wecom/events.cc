#include "tools/wechat_sim/wecom/events.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tools/wechat_sim/wecom/push.h"

namespace datong::wechat_sim::wecom {
namespace {

// How one receiver sees ids.
struct Eyes {
  std::string corpid;
  std::function<std::string(const std::string&)> userid, external, chat;
};
using Fields = std::function<void(const Eyes&, PushXml&)>;

Eyes OwnEyes(World& world, const Corp& corp) {
  return {corp.spec.corpid, [](const std::string& userid) { return userid; },
          [&](const std::string& person) {
            return world.wecom.ids.External(CorpView(corp.spec.corpid), person,
                                            IsWechatUser(corp, person));
          },
          [&](const std::string& chat) {
            return ChatId(CorpView(corp.spec.corpid), corp.spec.corpid, chat);
          }};
}

Eyes EyesOf(World& world, const Corp& corp, const Install& install, int64_t now) {
  Estate& estate = world.wecom;
  return {estate.SeenCorpid(install),
          [&](const std::string& userid) { return estate.SeenUserid(install, userid); },
          [&](const std::string& person) {
            return estate.ids.External(estate.ExternalView(install), person,
                                       IsWechatUser(corp, person));
          },
          [&, now](const std::string& chat) {
            return ChatId(estate.ChatView(install, now), corp.spec.corpid, chat);
          }};
}

PushJob Job(const Callback& callback, const std::string& label, const std::string& receive_id,
            const std::string& agent_id, const PushXml& xml) {
  PushJob job;
  job.label = label;
  job.callback = callback;
  job.is_wecom = true;
  job.receive_id = receive_id;
  job.to = receive_id;
  job.agent_id = agent_id;
  job.xml = absl::StrCat("<xml>", xml.elements(), "</xml>");
  return job;
}

PushXml OwnEnvelope(const Eyes& eyes, const std::string& event, int64_t at) {
  PushXml xml;
  xml.Text("ToUserName", eyes.corpid)
      .Text("FromUserName", "sys")
      .Raw("CreateTime", absl::StrCat(at))
      .Text("MsgType", "event")
      .Text("Event", event);
  return xml;
}

void Publish(World& world, const Corp& corp, const std::string& event, const std::string& userid,
             int64_t at, int copies, const Fields& fields) {
  std::vector<PushJob> jobs;
  const std::string& corpid = corp.spec.corpid;
  for (const auto& [agentid, agent] : corp.agents) {
    if (agent.callback.url.empty() || !agent.sees_customers || !Holds(agent.scope, userid)) {
      continue;
    }
    const Eyes eyes = OwnEyes(world, corp);
    PushXml xml = OwnEnvelope(eyes, event, at);
    fields(eyes, xml);
    jobs.push_back(Job(agent.callback, event, corpid, absl::StrCat(agentid), xml));
    jobs.back().appid = corpid;
  }
  for (const auto& [key, install] : world.wecom.installs.installs()) {
    const SuiteSpec& suite = world.wecom.suites.at(install.suite_id).spec;
    if (install.corpid != corpid || !install.is_standing || install.is_disabled ||
        !suite.sees_customers || !Holds(install.scope, userid)) {
      continue;
    }
    const Eyes eyes = EyesOf(world, corp, install, at);
    Callback callback = suite.callback;
    if (suite.is_agency()) {
      callback.url = absl::StrReplaceAll(suite.data_url, {{"$CORPID$", eyes.corpid}});
      PushXml xml = OwnEnvelope(eyes, event, at);
      fields(eyes, xml);
      jobs.push_back(Job(callback, event, eyes.corpid, absl::StrCat(install.agentid), xml));
    } else {
      PushXml xml;
      xml.Text("SuiteId", suite.suite_id)
          .Text("AuthCorpId", eyes.corpid)
          .Text("InfoType", event)
          .Raw("TimeStamp", absl::StrCat(at));
      fields(eyes, xml);
      jobs.push_back(Job(callback, event, suite.suite_id, "", xml));
    }
    jobs.back().appid = suite.suite_id;
    if (callback.url.empty()) jobs.pop_back();
  }
  for (int i = 0; i < copies; ++i) {
    world.outbox.insert(world.outbox.end(), jobs.begin(), jobs.end());
  }
}

}  // namespace

void PushContactEvent(World& world, const Corp& corp, const ContactEvent& event, int64_t at,
                      int copies) {
  Publish(world, corp, "change_external_contact", event.userid, at, copies,
          [&](const Eyes& eyes, PushXml& xml) {
            xml.Text("ChangeType", event.change_type)
                .TextIf("FailReason", event.fail_reason)
                .Text("UserID", eyes.userid(event.userid))
                .Text("ExternalUserID", eyes.external(event.person))
                .TextIf("State", event.state)
                .TextIf("WelcomeCode", event.welcome_code)
                .TextIf("Source", event.source);
          });
}

void PushGroupEvent(World& world, const Corp& corp, const Group& group, const GroupEvent& event,
                    int64_t at, int copies) {
  Publish(world, corp, "change_external_chat", group.spec.owner, at, copies,
          [&](const Eyes& eyes, PushXml& xml) {
            xml.Text("ChatId", eyes.chat(group.spec.chat)).Text("ChangeType", event.change_type);
            if (event.change_type != "update") return;
            PushXml members;
            for (const GroupMemberSpec& member : event.members) {
              members.Raw("Item", member.userid.empty() ? eyes.external(member.person)
                                                        : eyes.userid(member.userid));
            }
            xml.Text("UpdateDetail", event.update_detail)
                .Raw("JoinScene", absl::StrCat(event.join_scene))
                .Raw("QuitScene", absl::StrCat(event.quit_scene))
                .Raw("MemChangeCnt", absl::StrCat(event.members.size()))
                .Raw("MemChangeList", members.elements())
                .Text("LastMemVer", event.last_version)
                .Text("CurMemVer", MemberVersion(group));
          });
}

}  // namespace datong::wechat_sim::wecom
