# SPDX-License-Identifier: Apache-2.0
# Keyring, unseal, audit and access.
cmocka_test(unit keyring DEPS keyring LIBS PkgConfig::sodium
  SOURCES support/folder.c support/vectors.c)
cmocka_test(unit unseal DEPS keyring LIBS PkgConfig::sodium SOURCES support/folder.c)
foreach(part audit audit_checkpoint audit_verify audit_retain audit_restored audit_build)
  cmocka_test(unit ${part} TIMEOUT 600 DEPS audit journal keyring LIBS PkgConfig::sodium
    SOURCES support/folder.c support/vectors.c support/audit_fixture.c support/store_sync.c)
endforeach()
cmocka_test(unit audit_kept TIMEOUT 600 DEPS audit journal keyring LIBS PkgConfig::sodium
  SOURCES support/folder.c support/audit_fixture.c support/store_sync.c)
target_link_options(test_audit_kept PRIVATE LINKER:--wrap=log_write LINKER:--wrap=fdatasync)
cmocka_test(unit audit_command DEPS audit journal keyring host LIBS PkgConfig::sodium
  SOURCES support/folder.c support/audit_fixture.c ${PROJECT_SOURCE_DIR}/vaultd/main_verify.c
    ${PROJECT_SOURCE_DIR}/vaultd/public_key_text.c)
target_include_directories(test_audit_command PRIVATE ${PROJECT_SOURCE_DIR}/vaultd)
foreach(name access access_terms)
  cmocka_test(unit ${name} DEPS access store keyring LIBS PkgConfig::sodium
    SOURCES support/folder.c support/rules.c)
  target_link_options(test_${name} PRIVATE
    LINKER:--wrap=clock_vault_ms LINKER:--wrap=store_update_reserved)
endforeach()
foreach(name budget budget_strict budget_threads)
  cmocka_test(unit ${name} DEPS access store keyring LIBS PkgConfig::sodium)
endforeach()
target_link_options(test_budget PRIVATE LINKER:--wrap=log_write LINKER:--wrap=calloc)

# With clang a fuzzer; with any compiler a test that replays the corpus.
foreach(target keyring audit backup)
  add_executable(replay_${target} fuzz/fuzz_${target}.c support/fuzz_replay.c)
  target_link_libraries(replay_${target} PRIVATE house proto vaultd_${target} vaultd_base
    PkgConfig::sodium)
  add_test(NAME fuzz/${target}
           COMMAND replay_${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${target})
  set_tests_properties(fuzz/${target} PROPERTIES LABELS unit)
  if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    add_executable(fuzz_${target} fuzz/fuzz_${target}.c)
    target_link_libraries(fuzz_${target} PRIVATE house proto vaultd_${target} vaultd_base
      PkgConfig::sodium)
    target_compile_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()
