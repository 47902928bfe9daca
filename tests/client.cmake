# SPDX-License-Identifier: Apache-2.0
# libcontactvault and vaultctl against a fake vault.
set(client_fixture SOURCES support/fake_vault.c support/client_fixture.c support/nng_forgets.c
                   LIBS contactvault PkgConfig::sodium PkgConfig::msgpack)

cmocka_test(unit client ${client_fixture})
cmocka_test(unit client_link ${client_fixture})
cmocka_test(unit client_secrets ${client_fixture})
cmocka_test(unit client_start ${client_fixture})
cmocka_test(unit client_threads ${client_fixture})
cmocka_test(unit client_fork ${client_fixture})
cmocka_test(unit client_advice ${client_fixture})
cmocka_test(unit client_person ${client_fixture})

set(vaultctl_folder ${CMAKE_CURRENT_SOURCE_DIR}/../tools/vaultctl)
set(vaultctl_fixture ${client_fixture})
list(INSERT vaultctl_fixture 1 support/shell.c)
foreach(name vaultctl vaultctl_person)
  cmocka_test(unit ${name} TIMEOUT 600 ${vaultctl_fixture})
  target_compile_definitions(test_${name} PRIVATE VAULTCTL="$<TARGET_FILE:vaultctl>")
  target_include_directories(test_${name} PRIVATE ${vaultctl_folder})
  add_dependencies(test_${name} vaultctl contact-vault-region)
endforeach()

add_test(NAME check/exports COMMAND ${CMAKE_CURRENT_LIST_DIR}/check/exports.sh
  $<TARGET_FILE:contactvault> ${CMAKE_C_COMPILER})
set_tests_properties(check/exports PROPERTIES LABELS check TIMEOUT 120)

# How people write a time, and what is shown of what they write.
cmocka_test(unit terms SOURCES ${vaultctl_folder}/terms.c ${vaultctl_folder}/escape.c
            LIBS contactvault)
target_include_directories(test_terms PRIVATE ${vaultctl_folder})

# Whose folders lead to the installed vault. Root makes them another user's.
cmocka_test(unit place SOURCES support/folder.c ${vaultctl_folder}/place.c)
target_include_directories(test_place PRIVATE ${vaultctl_folder})
set_tests_properties(unit/place PROPERTIES SKIP_RETURN_CODE 77)

cmocka_test(unit terminal SOURCES ${vaultctl_folder}/terminal.c ${vaultctl_folder}/table.c
            ${vaultctl_folder}/progress.c ${vaultctl_folder}/escape.c LIBS ${UNISTRING_LIBRARY})
target_include_directories(test_terminal PRIVATE ${vaultctl_folder})

# What audit report adds up, and its cells for a spreadsheet.
cmocka_test(unit report SOURCES ${vaultctl_folder}/report/activity.c
            ${vaultctl_folder}/report/contact_set.c ${vaultctl_folder}/report/sightings.c
            ${vaultctl_folder}/report/cells.c
            ${vaultctl_folder}/import/csv.c ${vaultctl_folder}/escape.c LIBS contactvault)
target_include_directories(test_report PRIVATE ${vaultctl_folder} ${vaultctl_folder}/import
                           ${vaultctl_folder}/report)

# A person's key file, her session's, and what her phone is given.
cmocka_test(unit identity_file SOURCES support/folder.c LIBS contactvault_static PkgConfig::sodium)
target_include_directories(test_identity_file PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/../client)
cmocka_test(unit session_file SOURCES support/folder.c ${vaultctl_folder}/session_file.c
            ${vaultctl_folder}/number.c LIBS contactvault PkgConfig::sodium PkgConfig::jansson)
target_include_directories(test_session_file PRIVATE ${vaultctl_folder})
cmocka_test(unit otpauth SOURCES ${vaultctl_folder}/otpauth.c ${vaultctl_folder}/qr.c
            LIBS contactvault PkgConfig::qrencode)
target_include_directories(test_otpauth PRIVATE ${vaultctl_folder})

# How a backup's files get their names.
cmocka_test(unit backup_files SOURCES ${vaultctl_folder}/backup_files.c ${vaultctl_folder}/folder.c
            LIBS contactvault PkgConfig::jansson -Wl,--wrap=link)
target_include_directories(test_backup_files BEFORE PRIVATE ${vaultctl_folder})

# What import reads; with clang a fuzzer, with any compiler a test that replays the corpus.
cmocka_test(unit csv SOURCES ${vaultctl_folder}/import/csv.c)
target_include_directories(test_csv PRIVATE ${vaultctl_folder}/import)
add_executable(replay_csv fuzz/fuzz_csv.c support/fuzz_replay.c ${vaultctl_folder}/import/csv.c)
target_include_directories(replay_csv PRIVATE ${vaultctl_folder}/import)
target_link_libraries(replay_csv PRIVATE house)
add_test(NAME fuzz/csv COMMAND replay_csv ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/csv)
set_tests_properties(fuzz/csv PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_executable(fuzz_csv fuzz/fuzz_csv.c ${vaultctl_folder}/import/csv.c)
  target_include_directories(fuzz_csv PRIVATE ${vaultctl_folder}/import)
  target_link_libraries(fuzz_csv PRIVATE house)
  target_compile_options(fuzz_csv PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_csv PRIVATE -fsanitize=fuzzer)
endif()

# The decoder by itself, against the golden replies and against a fuzzer.
set(client_inside LIBS contactvault_static PkgConfig::sodium)
cmocka_test(unit client_reply ${client_inside})
target_include_directories(test_client_reply PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/../client)

add_executable(replay_reply fuzz/fuzz_reply.c support/fuzz_replay.c)
target_include_directories(replay_reply PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/../client)
target_link_libraries(replay_reply PRIVATE house proto contactvault_static)
add_test(NAME fuzz/reply COMMAND replay_reply ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/reply)
set_tests_properties(fuzz/reply PROPERTIES LABELS unit)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  # The files under test once more, so that the fuzzer sees which way each input took through them.
  file(GLOB reply_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/../proto/*.c
       ${CMAKE_CURRENT_SOURCE_DIR}/../client/*.c)
  add_executable(fuzz_reply fuzz/fuzz_reply.c ${reply_sources})
  target_include_directories(fuzz_reply PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/../client)
  get_target_property(reply_options proto INTERFACE_COMPILE_OPTIONS)
  target_link_libraries(fuzz_reply PRIVATE house PkgConfig::msgpack PkgConfig::sodium
                        ${NNG_LIBRARY})
  target_compile_options(fuzz_reply PRIVATE ${reply_options} -fsanitize=fuzzer)
  target_link_options(fuzz_reply PRIVATE -fsanitize=fuzzer)
endif()
