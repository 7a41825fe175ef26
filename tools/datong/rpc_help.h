#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/datong/catalogue.h"
#include "tools/datong/request_flags.h"

namespace datong::tools {

// The help of one RPC's sub-command, from the comments of its definition.
class RpcHelp final : public CLI::Formatter {
 public:
  explicit RpcHelp(const Rpc& rpc) : rpc_(rpc) {}
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;

 private:
  const Rpc rpc_;
};

// The text in lines of at most `width` columns, each behind `indent` blanks, each with its break.
std::string Wrap(const std::string& text, size_t indent, size_t width = 100);

}  // namespace datong::tools
