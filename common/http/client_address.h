#pragma once

#include <sys/socket.h>

namespace datong::http {

// True for loopback, private, link-local, multicast, reserved and unspecified addresses, also when
// an IPv6 address only wraps such an IPv4 one: what a public host name must not lead to.
bool IsPrivateAddress(const sockaddr& address);

}  // namespace datong::http
