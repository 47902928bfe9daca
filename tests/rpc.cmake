# SPDX-License-Identifier: Apache-2.0
# rpc, against a double of dispatch that is linked in front of the real one.
set(echo ${CMAKE_CURRENT_SOURCE_DIR}/support/dispatch_echo.c)
cmocka_test(unit sp DEPS rpc dispatch SOURCES ${echo})
set(rpc_support ${echo} ${CMAKE_CURRENT_SOURCE_DIR}/support/raw_client.c
  ${CMAKE_CURRENT_SOURCE_DIR}/support/rpc_fixture.c)
foreach(name rpc rpc_limits rpc_connections rpc_strangers)
  cmocka_test(unit ${name} DEPS rpc dispatch SOURCES ${rpc_support} LIBS ${NNG_LIBRARY})
endforeach()

# With clang a fuzzer; with any compiler a test that replays the corpus.
add_executable(replay_sp fuzz/fuzz_sp.c support/fuzz_replay.c ${echo})
target_include_directories(replay_sp PRIVATE support)
target_link_libraries(replay_sp PRIVATE house proto vaultd_rpc vaultd_dispatch vaultd_base)
add_test(NAME fuzz/sp COMMAND replay_sp ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/sp)
set_tests_properties(fuzz/sp PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_executable(fuzz_sp fuzz/fuzz_sp.c ${CMAKE_SOURCE_DIR}/vaultd/rpc/sp.c)
  target_include_directories(fuzz_sp PRIVATE ${CMAKE_SOURCE_DIR}/vaultd/rpc)
  target_link_libraries(fuzz_sp PRIVATE house proto)
  target_compile_options(fuzz_sp PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_sp PRIVATE -fsanitize=fuzzer)
endif()

# The yardstick of rpc: nng's own echo, ours with the same double, and one load for both.
set(bench ${CMAKE_SOURCE_DIR}/tools/bench)
add_executable(bench_echo_server EXCLUDE_FROM_ALL ${bench}/echo_server.c)
target_link_libraries(bench_echo_server PRIVATE house ${NNG_LIBRARY})
add_executable(bench_echo_load EXCLUDE_FROM_ALL ${bench}/echo_load.c)
target_link_libraries(bench_echo_load PRIVATE house ${NNG_LIBRARY})
add_executable(bench_rpc_server EXCLUDE_FROM_ALL ${bench}/rpc_server.c ${echo})
target_include_directories(bench_rpc_server PRIVATE support)
target_link_libraries(bench_rpc_server PRIVATE house proto vaultd_rpc vaultd_dispatch vaultd_base)
