#include "tools/datong/readiness_text.h"

#include <gtest/gtest.h>

namespace datong::tools {
namespace {

broker::v1::CheckReadinessResponse Answer() {
  broker::v1::CheckReadinessResponse answer;
  auto* app = answer.add_apps();
  app->set_app("projects/demo/apps/wxo");
  app->set_display_name("小店");
  app->set_kind(broker::v1::APP_KIND_OFFICIAL_ACCOUNT);
  app->set_result(broker::v1::READINESS_RESULT_FAIL);
  auto* check = app->add_checks();
  check->set_topic(broker::v1::READINESS_TOPIC_CERTIFIED);
  check->set_result(broker::v1::READINESS_RESULT_PASS);
  check->mutable_reason()->set_en("WeChat-verified");
  check->mutable_reason()->set_zh("已完成微信认证");
  check = app->add_checks();
  check->set_topic(broker::v1::READINESS_TOPIC_PERMISSION);
  check->set_result(broker::v1::READINESS_RESULT_FAIL);
  check->mutable_subject()->set_en("users");
  check->mutable_subject()->set_zh("用户资料");
  check->mutable_reason()->set_en("Set 2 is not granted");
  check->mutable_reason()->set_zh("没有权限集 2");
  check->mutable_next_step()->set_en("Authorise again");
  check->mutable_next_step()->set_zh("重新授权");
  check = answer.add_shared_checks();
  check->set_topic(broker::v1::READINESS_TOPIC_SAME_ENTITY);
  check->set_result(broker::v1::READINESS_RESULT_UNKNOWN);
  check->mutable_reason()->set_en("Not known");
  check->mutable_reason()->set_zh("未知");
  answer.set_passed(1);
  answer.set_failed(1);
  answer.set_unknown(1);
  return answer;
}

TEST(ReadinessTextTest, EachCheckIsALineWithItsStepBelow) {
  EXPECT_EQ(ReadinessText(Answer(), /*chinese=*/false),
            "FAIL  小店  wxo  official account\n"
            "  PASS     certified          WeChat-verified\n"
            "  FAIL     permission: users  Set 2 is not granted\n"
            "           → Authorise again\n"
            "\n"
            "All accounts together\n"
            "  UNKNOWN  same entity        Not known\n"
            "\n"
            "Not ready: 1 passed, 1 failed, 1 unknown.\n");
}

TEST(ReadinessTextTest, ChineseColumnsLineUpOnATerminal) {
  EXPECT_EQ(ReadinessText(Answer(), /*chinese=*/true),
            "FAIL  小店  wxo  公众号\n"
            "  PASS     微信认证        已完成微信认证\n"
            "  FAIL     权限：用户资料  没有权限集 2\n"
            "           → 重新授权\n"
            "\n"
            "所有账号一起\n"
            "  UNKNOWN  同一主体        未知\n"
            "\n"
            "未就绪：通过 1 项，未通过 1 项，未知 1 项。\n");
}

TEST(ReadinessTextTest, EveryTopicHasAName) {
  const auto& topics = *broker::v1::ReadinessTopic_descriptor();
  for (int i = 1; i < topics.value_count(); ++i) {
    const auto topic = static_cast<broker::v1::ReadinessTopic>(topics.value(i)->number());
    EXPECT_FALSE(std::isdigit(static_cast<unsigned char>(TopicName(topic, true)[0])));
    EXPECT_FALSE(std::isdigit(static_cast<unsigned char>(TopicName(topic, false)[0])));
  }
}

}  // namespace
}  // namespace datong::tools
