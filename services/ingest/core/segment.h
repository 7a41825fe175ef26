#pragma once

#include "services/ingest/core/dialect.h"

namespace datong::ingest {

// Segment's HTTP tracking calls, which RudderStack's SDKs speak too: {"batch": [call…]} or one
// call.
class SegmentDialect final : public Dialect {
 public:
  const char* name() const override { return "segment"; }
  int16_t number() const override { return 2; }
  DecodedBody Decode(Body body) const override;
};

}  // namespace datong::ingest
