# SPDX-License-Identifier: Apache-2.0
# libcontactvault and vaultctl against a fake vault.
set(client_fixture SOURCES support/fake_vault.c support/client_fixture.c
                   LIBS contactvault PkgConfig::sodium PkgConfig::msgpack)

cmocka_test(unit client ${client_fixture})
cmocka_test(unit client_link ${client_fixture})
cmocka_test(unit client_secrets ${client_fixture})

cmocka_test(unit vaultctl ${client_fixture})
target_compile_definitions(test_vaultctl PRIVATE VAULTCTL="$<TARGET_FILE:vaultctl>")
add_dependencies(test_vaultctl vaultctl contact-vault-region)
