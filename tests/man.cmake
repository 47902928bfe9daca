# SPDX-License-Identifier: Apache-2.0
# The manual says what the programs are: no page has too much or too little.
add_executable(config_rows support/config_rows.c)
target_link_libraries(config_rows PRIVATE house proto vaultd_host vaultd_base)

# man_test(NAME arguments...) runs check/NAME.sh, which wants the arguments.
function(man_test name)
  add_test(NAME check/${name} COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/check/${name}.sh ${ARGN})
  set_tests_properties(check/${name} PROPERTIES LABELS check TIMEOUT 120 SKIP_RETURN_CODE 77)
endfunction()
man_test(man_lint ${CMAKE_BINARY_DIR})
man_test(man_options $<TARGET_FILE:vaultctl> $<TARGET_FILE:vaultd>)
man_test(man_config $<TARGET_FILE:config_rows>)
man_test(completion $<TARGET_FILE:vaultctl> ${CMAKE_BINARY_DIR})
add_test(NAME check/man_names COMMAND ${CMAKE_CURRENT_LIST_DIR}/check/man_names.py)
set_tests_properties(check/man_names PROPERTIES LABELS check TIMEOUT 120)
