#include "tools/benchmarks/figure.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace datong::bench {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string FormatTable(const std::vector<Figure>& figures) {
  std::string table =
      absl::StrFormat("%-44s %12s %12s  %-6s %s\n", "figure", "value", "bar", "", "measured");
  for (const Figure& figure : figures) {
    std::string bar;
    std::string verdict;
    if (figure.bar.has_value()) {
      bar = absl::StrFormat("%s %.2f", figure.at_least ? ">=" : "<=", *figure.bar);
      verdict = figure.Passes() ? "pass" : "FAIL";
    }
    absl::StrAppend(&table, absl::StrFormat("%-44s %12s %12s  %-6s %s\n", figure.name,
                                            absl::StrFormat("%.2f %s", figure.value, figure.unit),
                                            bar, verdict, figure.measured));
  }
  return table;
}

std::string FormatJson(const std::vector<Figure>& figures) {
  nlohmann::json list = nlohmann::json::array();
  for (const Figure& figure : figures) {
    nlohmann::json entry = {{"name", figure.name},
                            {"value", figure.value},
                            {"unit", figure.unit},
                            {"measured", figure.measured}};
    if (figure.bar.has_value()) {
      entry["bar"] = *figure.bar;
      entry["rule"] = figure.at_least ? "at_least" : "at_most";
      entry["pass"] = figure.Passes();
    }
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

}  // namespace datong::bench
