#pragma once

#include <string>
#include <utility>
#include <vector>

namespace datong::demo {

// One fact shown to the suite.
struct CaseStep {
  int day = 0;       // of the story
  std::string kind;  // of evidence; "sdk" is an SDK's claim, sent through the collector
  std::vector<std::string> ids;
  bool snapshot = false;
};

// A constructed person or two, with what must come of them, written down by hand.
struct Case {
  const char* title;
  const char* lesson;
  std::vector<CaseStep> steps;
  std::vector<std::vector<std::string>> persons;                          // identifiers of each
  std::vector<std::pair<std::vector<std::string>, std::string>> refused;  // ids and reason
};

const std::vector<Case>& ConstructedCases();

}  // namespace datong::demo
