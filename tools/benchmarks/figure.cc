#include "tools/benchmarks/figure.h"

#include <algorithm>
#include <nlohmann/json.hpp>

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
    absl::StrAppend(
        &table,
        absl::StrFormat("%-44s %12s %12s  %-6s %s\n", figure.name,
                        absl::StrFormat("%.2f %s", figure.value, figure.unit),
                        absl::StrFormat("%s %.2f", figure.at_least ? ">=" : "<=", figure.bar),
                        figure.Passes() ? "pass" : "FAIL", figure.measured));
  }
  return table;
}

std::string FormatJson(const std::vector<Figure>& figures) {
  nlohmann::json list = nlohmann::json::array();
  for (const Figure& figure : figures) {
    list.push_back({{"name", figure.name},
                    {"value", figure.value},
                    {"unit", figure.unit},
                    {"bar", figure.bar},
                    {"rule", figure.at_least ? "at_least" : "at_most"},
                    {"pass", figure.Passes()},
                    {"measured", figure.measured}});
  }
  return list.dump(2) + "\n";
}

}  // namespace datong::bench
