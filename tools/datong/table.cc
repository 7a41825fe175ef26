#include "tools/datong/table.h"

#include <algorithm>

namespace datong::tools {
namespace {

bool IsNumber(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,%+-×–") == std::string::npos &&
         cell.find_first_of("0123456789") != std::string::npos &&
         std::count(cell.begin(), cell.end(), '-') <= 1;
}

}  // namespace

int DisplayWidth(const std::string& text) {
  int width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;
    // CJK lies in the three-byte range from U+1100; of it U+2000 to U+2E7F are narrow signs.
    width += byte >= 0xE3 ? 2 : 1;
  }
  return width;
}

std::string Table::ToString(const std::string& indent) const {
  std::vector<int> widths;
  std::vector<bool> numeric;
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t column = 0; column < rows_[r].size(); ++column) {
      if (widths.size() <= column) {
        widths.push_back(0);
        numeric.push_back(true);
      }
      const std::string& cell = rows_[r][column];
      widths[column] = std::max(widths[column], DisplayWidth(cell));
      if (r > 0 && !cell.empty() && !IsNumber(cell)) numeric[column] = false;
    }
  }
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line = indent;
    for (size_t column = 0; column < rows_[r].size(); ++column) {
      const std::string& cell = rows_[r][column];
      const std::string padding(static_cast<size_t>(widths[column] - DisplayWidth(cell)), ' ');
      if (column > 0) line += "  ";
      line += numeric[column] ? padding + cell : cell + padding;
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    if (r > 0) continue;
    std::string rule = indent;
    for (size_t column = 0; column < widths.size(); ++column) {
      if (column > 0) rule += "  ";
      for (int i = 0; i < widths[column]; ++i) rule += "─";
    }
    text += rule + "\n";
  }
  return text;
}

}  // namespace datong::tools
