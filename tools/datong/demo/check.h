#pragma once

#include <string>
#include <vector>

#include "tools/datong/demo/answers.h"
#include "tools/datong/demo/truth.h"

namespace datong::demo {

// Holds the suite's answers against the truth, figure by figure; each difference is a sentence.
// Empty: all is equal.
std::vector<std::string> DifferencesFromTruth(const Answers& answers, const Truth& truth,
                                              const Estate& estate);

}  // namespace datong::demo
