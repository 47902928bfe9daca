# SPDX-License-Identifier: Apache-2.0
# Keyring, unseal, audit and access.
cmocka_test(unit keyring DEPS keyring LIBS PkgConfig::sodium
  SOURCES support/folder.c support/vectors.c)
cmocka_test(unit unseal DEPS keyring LIBS PkgConfig::sodium SOURCES support/folder.c)
