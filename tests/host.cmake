# SPDX-License-Identifier: Apache-2.0
cmocka_test(unit base LIBS PkgConfig::sodium)
cmocka_test(unit host DEPS host SOURCES support/folder.c)
