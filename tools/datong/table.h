#pragma once

#include <string>
#include <vector>

namespace datong::tools {

// A table for people: columns as wide as their widest cell, numbers to the right. Chinese
// characters count as two columns wide, as terminals show them.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  // Rows, without the header.
  size_t size() const { return rows_.size() - 1; }
  // Each line begins with `indent` and ends with a line break.
  std::string ToString(const std::string& indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Columns that the text takes on a terminal.
int DisplayWidth(const std::string& text);

}  // namespace datong::tools
