# The Debian 12 packages that the project builds on, found once for every folder.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(DATONG_CCACHE ccache)
if(DATONG_CCACHE)
  # Paths below the checkout count as relative, so that two checkouts share what they compile, but
  # for what reads headers compiled beforehand.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${DATONG_CCACHE})
endif()
find_program(DATONG_MOLD mold)
if(DATONG_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(gRPC REQUIRED CONFIG)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(pugixml REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)

option(DATONG_FUZZ "Build the fuzz targets of tests/fuzz" OFF)
set(DATONG_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
add_library(datong_options INTERFACE)
target_compile_options(datong_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Werror -fstack-protector-strong -pthread
  # GCC 12 reports them where std::string is inlined, and nothing is wrong.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow>
  $<$<AND:$<CONFIG:Release>,$<NOT:$<BOOL:$<TARGET_PROPERTY:DATONG_TEST>>>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
target_include_directories(datong_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_link_options(datong_options INTERFACE -Wl,-z,relro,-z,now)
if(DATONG_SANITIZE)
  add_compile_options(-fsanitize=${DATONG_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${DATONG_SANITIZE})
  if(DATONG_SANITIZE STREQUAL "thread")
    # Locks that it sees, in place of Debian's Abseil.
    include_directories(BEFORE "${CMAKE_SOURCE_DIR}/tools/cmake/tsan")
  endif()
endif()
