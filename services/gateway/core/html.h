#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace datong::gateway {

// The text with &, <, >, " and ' as entities: safe between tags and in quoted attributes.
std::string EscapeHtml(absl::string_view text);

// A whole page around `body`, which is HTML; `title` is text.
std::string HtmlPage(absl::string_view title, absl::string_view body);

}  // namespace datong::gateway
