# SPDX-License-Identifier: Apache-2.0
# journal and store: what durability stands on.
set(store_support support/store_folder.c support/store_sync.c)
foreach(part journal journal_reserve journal_trim)
  cmocka_test(unit ${part} DEPS journal LIBS PkgConfig::sodium
    SOURCES ${store_support} support/store_entries.c support/store_disk.c)
endforeach()
cmocka_test(contract store DEPS store SOURCES ${store_support} support/store_faulty.c)
cmocka_test(contract store_load DEPS store SOURCES ${store_support} support/store_faulty.c)
cmocka_test(contract store_faulty DEPS store SOURCES ${store_support} support/store_faulty.c)
cmocka_test(contract store_reserve TIMEOUT 300 DEPS store
  SOURCES ${store_support} support/store_disk.c)
cmocka_test(contract store_compact DEPS store
  SOURCES ${store_support} support/store_disk.c support/store_faulty.c)
cmocka_test(contract store_lmdb DEPS store SOURCES ${store_support})

# With clang a fuzzer; with any compiler a test that replays the corpus.
add_executable(replay_journal fuzz/fuzz_journal.c support/fuzz_replay.c support/store_folder.c)
target_include_directories(replay_journal PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/support)
target_link_libraries(replay_journal PRIVATE house proto vaultd_journal vaultd_base)
add_test(NAME fuzz/journal
         COMMAND replay_journal ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/journal)
set_tests_properties(fuzz/journal PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  add_executable(fuzz_journal fuzz/fuzz_journal.c support/store_folder.c)
  target_include_directories(fuzz_journal PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/support)
  target_link_libraries(fuzz_journal PRIVATE house proto vaultd_journal vaultd_base)
  target_compile_options(fuzz_journal PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_journal PRIVATE -fsanitize=fuzzer)
endif()
