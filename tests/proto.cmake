# SPDX-License-Identifier: Apache-2.0
# proto/, the golden vectors, and the token's text form.
set(golden ${CMAKE_CURRENT_SOURCE_DIR}/support/golden.c)
cmocka_test(unit scan)
cmocka_test(unit message)
cmocka_test(unit protocol)
cmocka_test(unit vectors SOURCES ${golden} LIBS PkgConfig::sodium)
cmocka_test(unit slot SOURCES support/vectors.c LIBS PkgConfig::sodium)
cmocka_test(unit share SOURCES support/vectors.c LIBS share PkgConfig::sodium)
cmocka_test(unit token DEPS vault SOURCES ${golden} LIBS PkgConfig::sodium)

# With clang a fuzzer; with any compiler a test that replays the corpus.
add_executable(replay_message fuzz/fuzz_message.c support/fuzz_replay.c)
target_include_directories(replay_message PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(replay_message PRIVATE house proto)
add_test(NAME fuzz/message
         COMMAND replay_message ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/message)
set_tests_properties(fuzz/message PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  # proto's own files once more, so that the fuzzer sees which way each input took through them.
  file(GLOB proto_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/../proto/*.c)
  add_executable(fuzz_message fuzz/fuzz_message.c ${proto_sources})
  target_include_directories(fuzz_message PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/support)
  get_target_property(proto_options proto INTERFACE_COMPILE_OPTIONS)
  target_link_libraries(fuzz_message PRIVATE house PkgConfig::msgpack)
  target_compile_options(fuzz_message PRIVATE ${proto_options} -fsanitize=fuzzer)
  target_link_options(fuzz_message PRIVATE -fsanitize=fuzzer)
endif()

# What unseals: slots and shares.
add_executable(replay_unseal fuzz/fuzz_unseal.c support/fuzz_replay.c)
target_link_libraries(replay_unseal PRIVATE house proto share)
add_test(NAME fuzz/unseal
         COMMAND replay_unseal ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/unseal)
set_tests_properties(fuzz/unseal PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  set(unseal_sources ${CMAKE_CURRENT_SOURCE_DIR}/../proto/slot.c
    ${CMAKE_CURRENT_SOURCE_DIR}/../proto/share/share.c)
  add_executable(fuzz_unseal fuzz/fuzz_unseal.c ${unseal_sources})
  get_target_property(proto_options proto INTERFACE_COMPILE_OPTIONS)
  get_target_property(share_options share INTERFACE_COMPILE_OPTIONS)
  target_link_libraries(fuzz_unseal PRIVATE house)
  target_compile_options(fuzz_unseal PRIVATE ${proto_options} ${share_options} -fsanitize=fuzzer)
  target_link_options(fuzz_unseal PRIVATE -fsanitize=fuzzer)
endif()
