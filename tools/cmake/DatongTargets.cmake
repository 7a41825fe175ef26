# One target per folder, named after it, always linked as datong::<name>; sources are listed.

# For what is compiled more often than it runs long. What is tested is optimised as ever.
function(datong_compile_fast target)
  set_target_properties(${target} PROPERTIES DATONG_TEST ON)
  target_compile_options(${target} PRIVATE -O0)
endfunction()

# Headers that nearly every file reads, compiled once for libraries and once for tests. A file names
# what it uses all the same: clang, which the preset fuzz compiles with, gets none of this.
set(shared_headers <algorithm> <atomic> <cstdint> <functional> <map> <memory> <optional> <set>
    <string> <utility> <vector> <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h>
    <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/strings/str_format.h>
    <absl/strings/string_view.h> <absl/synchronization/mutex.h> <absl/time/time.h>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  file(WRITE "${CMAKE_BINARY_DIR}/empty.cc" "")
  add_library(datong_library_headers STATIC "${CMAKE_BINARY_DIR}/empty.cc")
  target_precompile_headers(datong_library_headers PRIVATE ${shared_headers})
  add_executable(datong_test_headers EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/empty.cc")
  target_precompile_headers(datong_test_headers PRIVATE ${shared_headers} <gmock/gmock.h> <gtest/gtest.h>)
  target_link_libraries(datong_test_headers PRIVATE GTest::gmock GTest::gtest_main)
  datong_compile_fast(datong_test_headers)
  foreach(headers datong_library_headers datong_test_headers)
    target_link_libraries(${headers} PRIVATE datong_options)
    target_compile_options(${headers} PRIVATE -fpch-preprocess)
  endforeach()
endif()

function(datong_precompiled target headers)
  if(TARGET ${headers})
    target_precompile_headers(${target} REUSE_FROM ${headers})
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # as ccache wants it
  endif()
endfunction()

# datong_library(NAME broker_store SRCS a.cc … DEPS datong::x …)
function(datong_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(datong_${ARG_NAME} STATIC ${ARG_SRCS})
    target_link_libraries(datong_${ARG_NAME} PUBLIC ${ARG_DEPS} PRIVATE datong_options)
    target_include_directories(datong_${ARG_NAME} PUBLIC "${CMAKE_SOURCE_DIR}")
    datong_precompiled(datong_${ARG_NAME} datong_library_headers)
  else()
    add_library(datong_${ARG_NAME} INTERFACE)
    target_link_libraries(datong_${ARG_NAME} INTERFACE ${ARG_DEPS})
    target_include_directories(datong_${ARG_NAME} INTERFACE "${CMAKE_SOURCE_DIR}")
  endif()
  add_library(datong::${ARG_NAME} ALIAS datong_${ARG_NAME})
endfunction()

# datong_binary(NAME datong-broker SRCS main.cc DEPS datong::broker_module)
function(datong_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} datong_options)
  target_link_options(${ARG_NAME} PRIVATE -pie)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endfunction()

# datong_test(NAME broker_core_test LABELS postgres SRCS a_test.cc DEPS datong::broker_core)
# One executable, run with the folder of its CMakeLists.txt as working directory.
function(datong_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main datong_options)
  datong_compile_fast(${ARG_NAME})
  datong_precompiled(${ARG_NAME} datong_test_headers)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  # Against what hangs, not against slow machines.
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(DATONG_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

# datong_uses_programs(demo_processes_test): the test starts the services' programs; it finds their folder in DATONG_PROGRAMS.
function(datong_uses_programs target)
  target_compile_definitions(${target} PRIVATE DATONG_PROGRAMS="${CMAKE_BINARY_DIR}/bin")
  foreach(service broker ingest identity datacube insight gateway)
    add_dependencies(${target} datong-${service})
  endforeach()
endfunction()

# datong_proto(NAME broker_proto SRCS datong/broker/v1/token.proto … DEPS datong::options_proto [GRPC])
# Message code, and with GRPC the service stubs too, with paths from proto/.
function(datong_proto)
  cmake_parse_arguments(ARG "GRPC" "NAME" "SRCS;DEPS" ${ARGN})
  set(out "${CMAKE_BINARY_DIR}/gen")
  set(generated)
  foreach(src ${ARG_SRCS})
    string(REPLACE ".proto" "" stem "${src}")
    set(outputs "${out}/${stem}.pb.cc" "${out}/${stem}.pb.h")
    set(plugin)
    if(ARG_GRPC)
      list(APPEND outputs "${out}/${stem}.grpc.pb.cc" "${out}/${stem}.grpc.pb.h")
      set(plugin --grpc_out=generate_mock_code=false:${out}
                 --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    endif()
    add_custom_command(OUTPUT ${outputs}
      COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/proto --cpp_out=${out} ${plugin} ${src}
      DEPENDS "${CMAKE_SOURCE_DIR}/proto/${src}" VERBATIM)
    list(APPEND generated ${outputs})
  endforeach()
  file(MAKE_DIRECTORY "${out}")
  add_library(datong_${ARG_NAME} STATIC ${generated})
  target_compile_options(datong_${ARG_NAME} PRIVATE -w -O1)
  target_include_directories(datong_${ARG_NAME} SYSTEM PUBLIC "${out}")
  target_link_libraries(datong_${ARG_NAME} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(datong_${ARG_NAME} PUBLIC gRPC::grpc++)
  endif()
  add_library(datong::${ARG_NAME} ALIAS datong_${ARG_NAME})
endfunction()

# datong_embed_sql(NAME broker_migrations NAMESPACE datong::broker DIR migrations)
# Compiles the folder's NNNN_*.sql into `std::vector<postgres::Migration> Migrations()`, declared in
# "<binary dir>/<NAME>.h", included as "<NAME>.h".
function(datong_embed_sql)
  cmake_parse_arguments(ARG "" "NAME;NAMESPACE;DIR" "" ${ARGN})
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}")
  file(GLOB sqls CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_DIR}/*.sql")
  add_custom_command(OUTPUT "${out}/${ARG_NAME}.cc" "${out}/${ARG_NAME}.h"
    COMMAND python3 "${CMAKE_SOURCE_DIR}/tools/cmake/embed_sql.py" "${out}" "${ARG_NAME}"
            "${ARG_NAMESPACE}" ${sqls}
    DEPENDS ${sqls} "${CMAKE_SOURCE_DIR}/tools/cmake/embed_sql.py" VERBATIM)
  add_library(datong_${ARG_NAME} STATIC "${out}/${ARG_NAME}.cc" "${out}/${ARG_NAME}.h")
  target_include_directories(datong_${ARG_NAME} PUBLIC "${out}")
  target_link_libraries(datong_${ARG_NAME} PUBLIC datong::postgres)
  add_library(datong::${ARG_NAME} ALIAS datong_${ARG_NAME})
endfunction()

# datong_embed_pages(NAME gateway_runbooks NAMESPACE datong::gateway FUNCTION RunbookPages PATTERN glob)
# Compiles the files into `const std::map<std::string, std::string>& FUNCTION()`, by name without ending, declared in "<NAME>.h".
function(datong_embed_pages)
  cmake_parse_arguments(ARG "" "NAME;NAMESPACE;FUNCTION;PATTERN" "" ${ARGN})
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}")
  file(GLOB pages CONFIGURE_DEPENDS "${ARG_PATTERN}")
  add_custom_command(OUTPUT "${out}/${ARG_NAME}.cc" "${out}/${ARG_NAME}.h"
    COMMAND python3 "${CMAKE_SOURCE_DIR}/tools/cmake/embed_pages.py" "${out}" "${ARG_NAME}"
            "${ARG_NAMESPACE}" "${ARG_FUNCTION}" ${pages}
    DEPENDS ${pages} "${CMAKE_SOURCE_DIR}/tools/cmake/embed_pages.py" VERBATIM)
  add_library(datong_${ARG_NAME} STATIC "${out}/${ARG_NAME}.cc" "${out}/${ARG_NAME}.h")
  target_include_directories(datong_${ARG_NAME} PUBLIC "${out}")
  add_library(datong::${ARG_NAME} ALIAS datong_${ARG_NAME})
endfunction()
