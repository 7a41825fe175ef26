#pragma once

#include <string>

#include "tools/datong/demo/answers.h"
#include "tools/datong/demo/story.h"

namespace datong::demo {

// The story's end, for a person to read. Every figure stands in `answers`, which the public RPCs
// gave; `experience` adds what the demo did and saw on the way.
std::string Report(const Answers& answers, const Experience& experience, const Estate& estate);

}  // namespace datong::demo
