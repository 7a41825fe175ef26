#include "services/ingest/core/event_id.h"

#include <openssl/evp.h>

#include <string>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "services/ingest/core/clock_rules.h"

namespace datong::ingest {
namespace {

using Digest = std::array<uint8_t, 32>;

// Hashes without copying; one context per thread, since creating one costs more than the hash.
class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new()) {}
  ~Hasher() { EVP_MD_CTX_free(context_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void Begin() { EVP_DigestInit_ex(context_, Algorithm(), nullptr); }
  void Add(absl::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  void Add(int32_t number) {
    const auto n = static_cast<uint32_t>(number);
    const std::array<uint8_t, 4> bytes = {static_cast<uint8_t>(n >> 24),
                                          static_cast<uint8_t>(n >> 16),
                                          static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)};
    EVP_DigestUpdate(context_, bytes.data(), bytes.size());
  }
  Digest End() {
    Digest digest{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_, digest.data(), &size);
    return digest;
  }

 private:
  static const EVP_MD* Algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return algorithm;
  }
  EVP_MD_CTX* context_;
};

Hasher& ThreadHasher() {
  thread_local Hasher hasher;
  return hasher;
}

int64_t FirstEight(const Digest& digest) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | digest[i];
  return static_cast<int64_t>(value);
}

}  // namespace

std::string EventId::ToString() const {
  const std::string hex = BytesToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

EventId MakeEventId(int64_t client_ms, int32_t tenant_id, int32_t source_id,
                    absl::string_view dialect_id) {
  Hasher& hasher = ThreadHasher();
  hasher.Begin();
  hasher.Add(tenant_id);
  hasher.Add(source_id);
  hasher.Add(dialect_id);
  const Digest digest = hasher.End();

  EventId id;
  const int64_t ms = IsPlausibleTime(client_ms) ? client_ms : 0;
  for (size_t i = 0; i < 6; ++i) {
    id.bytes[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  }
  for (size_t i = 6; i < 16; ++i) id.bytes[i] = digest[i - 6];
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0F) | 0x80);  // version 8
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3F) | 0x80);  // variant
  return id;
}

int64_t ContentHash(absl::string_view bytes) {
  Hasher& hasher = ThreadHasher();
  hasher.Begin();
  hasher.Add(bytes);
  return FirstEight(hasher.End());
}

int64_t DeviceKey(int32_t tenant_id, absl::string_view device_id, absl::string_view user_id) {
  Hasher& hasher = ThreadHasher();
  hasher.Begin();
  hasher.Add(tenant_id);
  hasher.Add(device_id.empty() ? "u" : "d");
  hasher.Add(device_id.empty() ? user_id : device_id);
  return FirstEight(hasher.End());
}

uint64_t CacheKey(int32_t tenant_id, absl::string_view kind, const std::vector<std::string>& ids) {
  return absl::HashOf(tenant_id, kind, ids);
}

}  // namespace datong::ingest
