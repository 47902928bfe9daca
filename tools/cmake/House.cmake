# SPDX-License-Identifier: Apache-2.0
# One INTERFACE target carries the house's flags; one IMPORTED target stands for each library.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb)
pkg_search_module(msgpack REQUIRED IMPORTED_TARGET msgpack msgpack-c)
# Debian 13's .pc says that its headers lie in "include", which is nowhere; they lie where all others do.
if(NOT IS_ABSOLUTE "${msgpack_INCLUDE_DIRS}")
  set_property(TARGET PkgConfig::msgpack PROPERTY INTERFACE_INCLUDE_DIRECTORIES)
endif()
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(psl REQUIRED IMPORTED_TARGET libpsl)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(qrencode REQUIRED IMPORTED_TARGET libqrencode)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(oath REQUIRED IMPORTED_TARGET liboath)
find_library(UNISTRING_LIBRARY unistring REQUIRED)
find_library(NNG_LIBRARY nng REQUIRED)

add_library(house INTERFACE)
target_link_libraries(house INTERFACE Threads::Threads)
target_compile_definitions(house INTERFACE _GNU_SOURCE CONTACT_VAULT_RELEASE="${PROJECT_VERSION}")
target_compile_options(house INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
  -Werror -fvisibility=hidden -fstack-protector-strong -fno-strict-aliasing)
target_link_options(house INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # assert stays on in a release: a broken invariant stops the daemon, it does not go on with it.
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
  target_compile_options(house INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-clash-protection
    $<$<C_COMPILER_ID:GNU>:-fcf-protection>)
endif()
if(CONTACT_VAULT_SANITIZE)
  add_compile_options(-fsanitize=${CONTACT_VAULT_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CONTACT_VAULT_SANITIZE})
endif()
if(CONTACT_VAULT_FAILPOINTS)
  target_compile_definitions(house INTERFACE CONTACT_VAULT_FAILPOINTS=1)
endif()
if(CONTACT_VAULT_COVERAGE)
  add_compile_options($<$<COMPILE_LANGUAGE:C>:--coverage> $<$<COMPILE_LANGUAGE:C>:-fprofile-update=atomic>)
  add_link_options(--coverage)
endif()
