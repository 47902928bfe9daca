# SPDX-License-Identifier: Apache-2.0
# The files of a backup. How they are made: vault.cmake.
cmocka_test(unit backup_file DEPS backup SOURCES support/backup_made.c LIBS PkgConfig::sodium)
