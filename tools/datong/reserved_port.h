#pragma once

namespace datong::tools {

// A free TCP port of 127.0.0.1 that nobody is given by chance while this lives: bound, but not
// listened on, so that a server that reuses addresses can take it. For addresses that have to be
// known before anything listens.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  // 0 when this machine has none left.
  int port() const { return port_; }

 private:
  const int socket_;
  int port_ = 0;
};

}  // namespace datong::tools
