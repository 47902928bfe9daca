# SPDX-License-Identifier: Apache-2.0
# Scenarios with the real daemon, the real command line and real sockets; each in a folder of its own.
add_executable(storm support/storm.c)
target_link_libraries(storm PRIVATE house contactvault)

# e2e(NAME [NIGHTLY] [ALONE] [SCRIPT file] [TIMEOUT s] [ARGUMENTS ...])
# ALONE: it measures or loads the machine so much that it must not share it.
function(e2e name)
  cmake_parse_arguments(E "NIGHTLY;ALONE" "SCRIPT;TIMEOUT" "ARGUMENTS" ${ARGN})
  if(NOT E_SCRIPT)
    set(E_SCRIPT ${name})
  endif()
  if(NOT E_TIMEOUT)
    set(E_TIMEOUT 180)
  endif()
  add_test(NAME e2e/${name}
    COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${E_SCRIPT}.sh ${E_ARGUMENTS})
  set(labels e2e)
  if(E_NIGHTLY)
    set(labels nightly)
  endif()
  set_tests_properties(e2e/${name} PROPERTIES
    LABELS ${labels} TIMEOUT ${E_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT VAULT_BUILD=${CMAKE_BINARY_DIR})
  if(E_ALONE)
    set_tests_properties(e2e/${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

e2e(00_leakfind)
e2e(01_tokenize_mask_reveal)
e2e(02_refusals)
e2e(03_seal_restart)
e2e(04_kill ALONE)
e2e(05_no_plaintext)
e2e(06_data_directory)
e2e(07_disk_full)
e2e(08_audit)
e2e(09_durable)
e2e(10_group_commit ALONE)
e2e(11_hostile_bytes TIMEOUT 300)
e2e(12_command_line)
e2e(13_readme_example)
e2e(04_kill_200 NIGHTLY ALONE SCRIPT 04_kill ARGUMENTS 200 TIMEOUT 3600)
