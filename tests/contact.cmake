# SPDX-License-Identifier: Apache-2.0
# Phone numbers and e-mail addresses; libphonenumber itself is asked what it thinks of the table.
add_subdirectory(${CMAKE_SOURCE_DIR}/tools/phonetable ${CMAKE_BINARY_DIR}/tools/phonetable)

foreach(part phone email mask leads in_text)
  cmocka_test(unit contact_${part} DEPS contact SOURCES support/contact_probe.c)
endforeach()

# contact.h is C only, so libphonenumber's side meets it through phone_subject.
add_library(phone_subject STATIC support/phone_subject.c)
target_include_directories(phone_subject PUBLIC support)
target_link_libraries(phone_subject PRIVATE house proto vaultd_contact vaultd_base)
add_executable(phone_oracle support/phone_oracle.cc)
target_include_directories(phone_oracle PRIVATE ${CMAKE_SOURCE_DIR}/vaultd/contact)
target_link_libraries(phone_oracle PRIVATE house phone_subject
  ${PHONENUMBER_LIBRARY} ${PROTOBUF_LIBRARY})
# libstdc++ 12 warns of its own <regex> under sanitizers.
target_compile_options(phone_oracle PRIVATE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
set(same_metadata ${CMAKE_CURRENT_SOURCE_DIR}/check/same_metadata.sh
  ${CMAKE_SOURCE_DIR}/vaultd/contact/phone_table.c)
add_test(NAME unit/phone_oracle COMMAND ${same_metadata} $<TARGET_FILE:phone_oracle> 20000)
set_tests_properties(unit/phone_oracle PROPERTIES LABELS unit TIMEOUT 300 SKIP_RETURN_CODE 77)
add_test(NAME nightly/phone_oracle COMMAND ${same_metadata} $<TARGET_FILE:phone_oracle> 1000000)
set_tests_properties(nightly/phone_oracle PROPERTIES LABELS nightly TIMEOUT 900 SKIP_RETURN_CODE 77)

# With clang a fuzzer; with any compiler a test that replays the corpus.
foreach(target phone email in_text)
  add_executable(replay_${target} fuzz/fuzz_${target}.c support/fuzz_replay.c)
  target_link_libraries(replay_${target} PRIVATE house proto vaultd_contact vaultd_base
    ${UNISTRING_LIBRARY})
  add_test(NAME fuzz/${target}
           COMMAND replay_${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${target})
  set_tests_properties(fuzz/${target} PROPERTIES LABELS unit)
  if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    add_executable(fuzz_${target} fuzz/fuzz_${target}.c)
    target_link_libraries(fuzz_${target} PRIVATE house proto vaultd_contact vaultd_base
      ${UNISTRING_LIBRARY})
    target_compile_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()
