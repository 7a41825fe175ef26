#pragma once

#include <optional>
#include <string>
#include <vector>

namespace datong::bench {

// One figure beside its bar; without one it is only reported.
struct Figure {
  std::string name;
  double value = 0;
  std::string unit;  // "×", "s", "MiB"
  std::optional<double> bar;
  bool at_least = true;  // else at most
  std::string measured;  // what the value was made of, in words

  bool Passes() const { return !bar.has_value() || (at_least ? value >= *bar : value <= *bar); }
};

// The middle one; of an even number the upper middle one. Empty gives 0.
double Median(std::vector<double> values);

// A table for people, or a JSON array for programs.
std::string FormatTable(const std::vector<Figure>& figures);
std::string FormatJson(const std::vector<Figure>& figures);

}  // namespace datong::bench
