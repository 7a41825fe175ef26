#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/datong/demo/answers.h"
#include "tools/datong/demo/truth.h"
#include "tools/datong/dev_stack.h"

namespace datong::demo {

// A whole performance: a stack with the story told on it, what it answers, and how that differs
// from the truth.
struct Performance {
  std::unique_ptr<tools::DevStack> stack;  // still running
  Experience experience;
  Answers answers;
  std::vector<std::string> differences;
  std::string report;
};

// `where`: its folder and its programs count, the story knows the rest. Errors: those of the stack,
// the story and the questions.
absl::StatusOr<Performance> Perform(const EstateOptions& options,
                                    const tools::DevStackOptions& where,
                                    const std::function<void(const std::string&)>& progress);

}  // namespace datong::demo
