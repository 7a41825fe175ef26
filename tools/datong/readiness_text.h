#pragma once

#include <string>

#include "datong/broker/v1/readiness.pb.h"

namespace datong::tools {

// What an operator reads: each app with its checks, a line each, and below those that did not pass
// the next step. `chinese`: in Chinese, else in English.
std::string ReadinessText(const broker::v1::CheckReadinessResponse& answer, bool chinese);

// "certified", as tables show a topic.
std::string TopicName(broker::v1::ReadinessTopic topic, bool chinese);

}  // namespace datong::tools
