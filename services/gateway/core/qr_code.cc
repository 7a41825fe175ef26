#include "services/gateway/core/qr_code.h"

#include <qrencode.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace datong::gateway {

std::string QrCodeSvg(const std::string& text, int pixels) {
  constexpr int kQuietZone = 4;
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), &QRcode_free);
  if (code == nullptr) return "";
  const int size = code->width + 2 * kQuietZone;
  std::string path;
  for (int y = 0; y < code->width; ++y) {
    for (int x = 0; x < code->width; ++x) {
      if ((code->data[y * code->width + x] & 1) == 0) continue;
      int run = 1;
      while (x + run < code->width && (code->data[y * code->width + x + run] & 1) != 0) ++run;
      absl::StrAppend(&path, "M", x + kQuietZone, " ", y + kQuietZone, "h", run, "v1h-", run, "z");
      x += run;
    }
  }
  return absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", pixels, "\" height=\"",
                      pixels, "\" viewBox=\"0 0 ", size, " ", size,
                      "\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR\">"
                      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><path d=\"",
                      path, "\" fill=\"#000\"/></svg>");
}

}  // namespace datong::gateway
