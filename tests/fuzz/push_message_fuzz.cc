// The XML and JSON of WeChat's pushes.
#include "common/wechat/message.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  const absl::string_view body = fuzz::Text(data, size);
  wechat::ExtractEncrypt(body).IgnoreError();
  const absl::StatusOr<wechat::Message> message = wechat::ParseMessage(body);
  if (!message.ok()) return 0;
  message->Text("FromUserName");
  message->Number("CreateTime");
  message->Find("ScanCodeInfo/ScanType");
  // What we write, we read.
  fuzz::Require(wechat::ParseMessage(message->ToJson(), {.bytes = 16U << 20U}).ok());
  return 0;
}
