// Small texts that clients give us: identifiers, page tokens, sealed values.
#include "common/crypto/envelope.h"
#include "common/identifier/identifier.h"
#include "common/rpc/paging.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  const absl::string_view text = fuzz::Text(data, size);

  const absl::StatusOr<Identifier> identifier = Identifier::Parse(text);
  if (identifier.ok()) {
    const absl::StatusOr<Identifier> again = Identifier::Parse(identifier->ToString());
    fuzz::Require(again.ok() && *again == *identifier);
  }

  rpc::ReadPageToken(text, "filter").IgnoreError();
  const absl::StatusOr<std::string> key = rpc::ReadPageToken(rpc::MakePageToken(text, "f"), "f");
  fuzz::Require(key.ok() && *key == text);
  fuzz::Require(text.empty() || !rpc::ReadPageToken(rpc::MakePageToken(text, "f"), "g").ok());

  static const auto& envelope =
      *new crypto::Envelope(crypto::KeyRing("k1", {{"k1", Secret(std::string(32, 'k'))}}));
  fuzz::Require(!envelope.Open(text, {}).ok());
  crypto::Envelope::KeyIdOf(text);
  return 0;
}
