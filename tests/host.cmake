# SPDX-License-Identifier: Apache-2.0
# base/, host/ and what holds for the tree as a whole.
cmocka_test(unit base LIBS PkgConfig::sodium)
cmocka_test(unit vault_time LIBS -Wl,--wrap=clock_gettime)
cmocka_test(unit host DEPS host SOURCES support/folder.c)
cmocka_test(unit config DEPS host SOURCES support/folder.c)
cmocka_test(unit notifier DEPS host SOURCES support/folder.c)
# The line of a public key is written twice, by the client and by the daemon.
cmocka_test(unit public_key_text SOURCES ${PROJECT_SOURCE_DIR}/vaultd/public_key_text.c
            LIBS contactvault_static PkgConfig::sodium)
target_compile_options(test_public_key_text PRIVATE "SHELL:-iquote ${PROJECT_SOURCE_DIR}/vaultd")

# The maintenance thread stands above dispatch, and its test takes dispatch's place.
cmocka_test(unit maintenance SOURCES ${PROJECT_SOURCE_DIR}/vaultd/maintenance.c)
target_compile_options(test_maintenance PRIVATE "SHELL:-iquote ${PROJECT_SOURCE_DIR}/vaultd"
  "SHELL:-iquote ${PROJECT_SOURCE_DIR}/vaultd/dispatch")

# With clang a fuzzer; with any compiler a test that replays the corpus.
add_executable(replay_config fuzz/fuzz_config.c support/fuzz_replay.c)
target_link_libraries(replay_config PRIVATE house proto vaultd_host vaultd_base)
add_test(NAME fuzz/config COMMAND replay_config ${CMAKE_CURRENT_LIST_DIR}/fuzz/corpus/config)
set_tests_properties(fuzz/config PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_executable(fuzz_config fuzz/fuzz_config.c)
  target_link_libraries(fuzz_config PRIVATE house proto vaultd_host vaultd_base)
  target_compile_options(fuzz_config PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_config PRIVATE -fsanitize=fuzzer)
endif()

# Under a sanitizer vaultd leaves seccomp out. So this test is built from the sources, without one.
set(HOUSE_ROOT ${PROJECT_SOURCE_DIR})
add_executable(test_sandbox ${CMAKE_CURRENT_LIST_DIR}/unit/test_sandbox.c
  ${CMAKE_CURRENT_LIST_DIR}/support/folder.c
  ${HOUSE_ROOT}/vaultd/host/sandbox_linux.c ${HOUSE_ROOT}/vaultd/host/sandbox_calls.c
  ${HOUSE_ROOT}/vaultd/host/process.c ${HOUSE_ROOT}/vaultd/host/signals.c
  ${HOUSE_ROOT}/vaultd/host/notify.c
  ${HOUSE_ROOT}/vaultd/base/log.c ${HOUSE_ROOT}/vaultd/base/clock.c
  ${HOUSE_ROOT}/proto/status.c)
target_compile_options(test_sandbox PRIVATE -fno-sanitize=all
  "SHELL:-iquote ${CMAKE_CURRENT_LIST_DIR}/support" "SHELL:-iquote ${HOUSE_ROOT}/vaultd/host"
  "SHELL:-iquote ${HOUSE_ROOT}/vaultd/base" "SHELL:-iquote ${HOUSE_ROOT}/proto")
target_link_options(test_sandbox PRIVATE -fno-sanitize=all)
target_link_libraries(test_sandbox PRIVATE house PkgConfig::seccomp PkgConfig::sodium
  PkgConfig::lmdb ${NNG_LIBRARY} cmocka)
add_test(NAME unit/sandbox COMMAND test_sandbox)
set_tests_properties(unit/sandbox PROPERTIES LABELS "unit;sandbox" TIMEOUT 120
  SKIP_RETURN_CODE 77)

# The same as an ordinary user, where root runs the tests.
foreach(name base host config notifier sandbox)
  add_test(NAME unit/${name}_as_nobody COMMAND ${CMAKE_CURRENT_LIST_DIR}/check/as_nobody.sh
    $<TARGET_FILE:test_${name}>)
  set_tests_properties(unit/${name}_as_nobody PROPERTIES LABELS unit TIMEOUT 120
    SKIP_RETURN_CODE 77)
endforeach()

# check_test(NAME arguments...) runs check/NAME.sh on the tree.
function(check_test name script)
  add_test(NAME check/${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/check/${script}.sh ${ARGN})
  set_tests_properties(check/${name} PROPERTIES LABELS check TIMEOUT 120 SKIP_RETURN_CODE 77)
endfunction()
check_test(layers layers)
check_test(layers_planted layers_planted)
check_test(design_files design_files)
check_test(promises promises)
check_test(include_arrows include_arrows ${CMAKE_C_COMPILER}
  ${CMAKE_BINARY_DIR}/compile_commands.json)
check_test(log_pointer_gcc must_not_compile gcc)
check_test(log_pointer_clang must_not_compile clang-14)
