#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace datong::gateway {

// A QR code of the text as an SVG element of `pixels` by `pixels`, with its quiet zone; "" when the
// text is too long for one.
std::string QrCodeSvg(const std::string& text, int pixels);

}  // namespace datong::gateway
