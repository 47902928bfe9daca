# SPDX-License-Identifier: Apache-2.0
# journal and store: what durability stands on.
set(store_support support/store_folder.c support/store_sync.c)
cmocka_test(unit journal DEPS journal LIBS PkgConfig::sodium SOURCES ${store_support})
cmocka_test(contract store DEPS store SOURCES ${store_support} support/store_faulty.c)
cmocka_test(contract store_faulty DEPS store SOURCES ${store_support} support/store_faulty.c)
cmocka_test(contract store_lmdb DEPS store SOURCES ${store_support})
