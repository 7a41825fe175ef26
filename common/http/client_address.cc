#include "common/http/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace datong::http {
namespace {

struct Range {
  uint32_t network;
  int bits;
};

constexpr std::array<Range, 13> kPrivateV4 = {{{0x00000000, 8},
                                               {0x0A000000, 8},
                                               {0x64400000, 10},
                                               {0x7F000000, 8},
                                               {0xA9FE0000, 16},
                                               {0xAC100000, 12},
                                               {0xC0000000, 24},
                                               {0xC0000200, 24},
                                               {0xC0A80000, 16},
                                               {0xC6120000, 15},
                                               {0xC6336400, 24},
                                               {0xCB007100, 24},
                                               {0xE0000000, 3}}};

bool IsPrivateV4(uint32_t address) {
  for (const Range& range : kPrivateV4) {
    if (((address ^ range.network) >> (32 - range.bits)) == 0) return true;
  }
  return false;
}

bool IsPrivateV6(const uint8_t* bytes) {
  constexpr uint8_t kZeros[16] = {};
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  constexpr uint8_t kNat64[12] = {0, 0x64, 0xFF, 0x9B};
  const bool wraps_v4 = std::memcmp(bytes, kMapped, 12) == 0 ||
                        std::memcmp(bytes, kNat64, 12) == 0 || std::memcmp(bytes, kZeros, 12) == 0;
  if (wraps_v4) {
    uint32_t v4;
    std::memcpy(&v4, bytes + 12, 4);
    return IsPrivateV4(ntohl(v4));
  }
  return (bytes[0] & 0xFE) == 0xFC || (bytes[0] == 0xFE && bytes[1] >= 0x80) || bytes[0] == 0xFF;
}

}  // namespace

bool IsPrivateAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return IsPrivateV4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    return IsPrivateV6(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr.s6_addr);
  }
  return true;
}

}  // namespace datong::http
