# SPDX-License-Identifier: Apache-2.0
# Backups: the files they are, and how they are made.
cmocka_test(unit backup_file DEPS backup SOURCES support/backup_made.c LIBS PkgConfig::sodium)
