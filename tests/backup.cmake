# SPDX-License-Identifier: Apache-2.0
# The files of a backup. How they are made: vault.cmake.
cmocka_test(unit backup_file DEPS backup 
  SOURCES support/backup_made.c support/vectors.c LIBS PkgConfig::sodium)
# For scenarios: what is in a backup.
add_executable(backup_look support/backup_look.c)
target_link_libraries(backup_look PRIVATE house proto vaultd_backup vaultd_base PkgConfig::sodium)
