# SPDX-License-Identifier: Apache-2.0
# What the pages for people say is so: where links lead, which commands there are.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME check/links
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/check/links.py)
add_test(NAME check/documented_commands
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/check/documented_commands.py
    ${CMAKE_SOURCE_DIR} $<TARGET_FILE:vaultctl> $<TARGET_FILE:vaultd>)
set_tests_properties(check/links check/documented_commands PROPERTIES LABELS check TIMEOUT 120)
