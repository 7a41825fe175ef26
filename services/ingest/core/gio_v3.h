#pragma once

#include "services/ingest/core/dialect.h"

namespace datong::ingest {

// GrowingIO's v3 JSON, as its mini-program SDK 4.x and its web SDK 4.x send it: an array of events,
// or one. Bodies in a codec that is not undone here (LZ, snappy, XOR, protobuf) are refused whole,
// so that they can be replayed when it is.
class GioV3Dialect final : public Dialect {
 public:
  const char* name() const override { return "gio.v3"; }
  int16_t number() const override { return 1; }
  DecodedBody Decode(Body body) const override;
};

}  // namespace datong::ingest
