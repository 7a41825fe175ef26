// GrowingIO's collect JSON.
#include "services/ingest/core/gio_v3.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  ingest::Body body;
  body.bytes = std::string(fuzz::Text(data, size));
  body.content_type = "application/json";
  const ingest::DecodedBody decoded = ingest::GioV3Dialect().Decode(std::move(body));
  for (const ingest::DecodedEvent& event : decoded.events) {
    // Views stay inside the text that they were cut from.
    fuzz::Require(event.raw.empty() || (event.raw.data() >= decoded.text.data() &&
                                        event.raw.data() + event.raw.size() <=
                                            decoded.text.data() + decoded.text.size()));
  }
  fuzz::Require(decoded.events.size() <= ingest::kMaxEventsPerRequest);
  return 0;
}
