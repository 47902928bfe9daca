# SPDX-License-Identifier: Apache-2.0
# The vault as a whole, without a socket: dispatch and everything below it.
set(whole dispatch backup access vault audit store keyring journal contact)
# With the part of vaultctl that makes an exit code of a status.
set(exit_codes ${CMAKE_CURRENT_SOURCE_DIR}/../tools/vaultctl)
cmocka_test(unit matrix DEPS ${whole} TIMEOUT 300
  SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c support/cast.c
          ${exit_codes}/exit_code.c
  LIBS contactvault PkgConfig::jansson PkgConfig::sodium -Wl,--wrap=clock_gettime)
target_include_directories(test_matrix PRIVATE ${exit_codes})
foreach(name matrix_people matrix_approvals)
  cmocka_test(unit ${name} DEPS ${whole}
    SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c support/cast.c
    LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
endforeach()
foreach(name matrix_states matrix_budgets matrix_roles)
  cmocka_test(unit ${name} DEPS ${whole}
    SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c support/cast.c
            support/stage.c
    LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
endforeach()
cmocka_test(unit totp DEPS access)
cmocka_test(unit session DEPS access LIBS PkgConfig::sodium)
cmocka_test(unit logins DEPS access)
cmocka_test(unit people DEPS ${whole}
  SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit offboard DEPS ${whole} SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit dispatch DEPS ${whole} SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit reason DEPS ${whole} SOURCES support/fixture.c support/people.c support/log_reader.c
  LIBS PkgConfig::sodium)
cmocka_test(unit lists DEPS ${whole} TIMEOUT 300 SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit vault DEPS ${whole} SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit rotate DEPS ${whole}
  SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c
  LIBS share PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit compact DEPS ${whole} SOURCES support/fixture.c support/people.c support/log_reader.c
  LIBS PkgConfig::sodium)
cmocka_test(unit backup DEPS ${whole}
  SOURCES support/fixture.c support/people.c support/backup_made.c support/still_clock.c support/log_reader.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit shred_acts DEPS ${whole}
  SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit approvals DEPS ${whole}
  SOURCES support/fixture.c support/people.c support/still_clock.c support/log_reader.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit at_once NIGHTLY DEPS ${whole} SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit gate DEPS ${whole} SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit unlogged DEPS ${whole} SOURCES support/fixture.c support/people.c support/folder.c LIBS PkgConfig::sodium)
set_tests_properties(unit/gate unit/unlogged PROPERTIES SKIP_RETURN_CODE 77)
cmocka_test(unit clock DEPS ${whole} SOURCES support/fixture.c support/people.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit crash DEPS ${whole} SOURCES support/fixture.c support/people.c support/store_faulty.c
  LIBS PkgConfig::sodium)
cmocka_test(unit misuse DEPS ${whole} SOURCES support/fixture.c support/people.c LIBS PkgConfig::sodium)
cmocka_test(unit privacy DEPS ${whole} SOURCES support/fixture.c support/people.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit put_back DEPS ${whole} SOURCES support/fixture.c support/people.c support/store_faulty.c
  LIBS PkgConfig::sodium)

# The vault by itself, without dispatch above it.
set(alone vault store keyring contact)
set(alone_support support/vault_alone.c support/vault_rows.c support/folder.c support/vectors.c
  support/store_faulty.c)
foreach(name record erase retention vault_log rekey vault_check)
  cmocka_test(unit ${name} DEPS ${alone} SOURCES ${alone_support} LIBS PkgConfig::sodium)
endforeach()
cmocka_test(unit shred DEPS ${alone} SOURCES ${alone_support} support/still_clock.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime)
cmocka_test(unit spend DEPS ${whole} SOURCES support/fixture.c support/people.c support/store_faulty.c
  LIBS PkgConfig::sodium -Wl,--wrap=clock_gettime,--wrap=vault_lookup)
cmocka_test(unit restore DEPS restore ${whole} SOURCES support/fixture.c support/people.c support/backup_made.c
  LIBS PkgConfig::sodium)

# Whole requests to a whole vault. With clang a fuzzer; with any compiler a test that replays the
# corpus.
list(TRANSFORM whole PREPEND vaultd_ OUTPUT_VARIABLE whole_libraries)
set(fuzzers replay_dispatch)
add_executable(replay_dispatch fuzz/fuzz_dispatch.c support/fuzz_replay.c support/fixture.c support/people.c)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  list(APPEND fuzzers fuzz_dispatch)
  add_executable(fuzz_dispatch fuzz/fuzz_dispatch.c support/fixture.c support/people.c)
  target_compile_options(fuzz_dispatch PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_dispatch PRIVATE -fsanitize=fuzzer)
endif()
foreach(fuzzer ${fuzzers})
  target_include_directories(${fuzzer} PRIVATE support)
  target_link_libraries(${fuzzer} PRIVATE house proto ${whole_libraries} vaultd_base PkgConfig::sodium)
endforeach()
add_test(NAME fuzz/dispatch COMMAND replay_dispatch ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/dispatch)
set_tests_properties(fuzz/dispatch PROPERTIES LABELS unit ENVIRONMENT TMPDIR=${unit_folder})
