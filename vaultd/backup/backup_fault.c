/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_fault.h"

#include <assert.h>
#include <stddef.h>

static const struct {
    const char *name;
    const char *text;
} faults[] = {
    [BACKUP_SOUND] = {"sound", "it is sound"},
    [BACKUP_NOT_ONE] = {"not_a_backup", "it is no backup of a Contact Vault"},
    [BACKUP_OTHER_VERSION] = {"other_version", "it was made by a newer version of this program"},
    [BACKUP_HEADER_ALTERED] = {"header_altered", "its header is damaged or was altered"},
    [BACKUP_WRONG_KEY] = {"wrong_key", "it is sealed to other recipients than this key's"},
    [BACKUP_WRONG_PART] = {"wrong_part",
                           "contents and keyring of the backup are taken for each other"},
    [BACKUP_CHUNK_ALTERED] = {"chunk_altered",
                              "it is damaged, was altered, or put together from pieces"},
    [BACKUP_TRUNCATED] = {"truncated", "its end is missing"},
    [BACKUP_TRAILING] = {"trailing", "there is something behind its end"},
    [BACKUP_FRAME_WRONG] = {"frame_wrong", "it is not laid out as this program writes it"},
    [BACKUP_MANIFEST_WRONG] = {"manifest_wrong", "it does not hold what its manifest says"},
    [BACKUP_NOT_SIGNED] = {"not_signed", "it was not signed by this vault"},
    [BACKUP_OTHER_KEYRING] = {"other_keyring", "the keyring beside it is another backup's"},
    [BACKUP_UNREADABLE] = {"unreadable", "it cannot be read"},
    [BACKUP_NO_MEMORY] = {"no_memory", "there is not enough memory"},
};

const char *
backup_fault_name(enum backup_fault fault)
{
    assert((size_t)fault < sizeof faults / sizeof *faults);
    return faults[fault].name;
}

const char *
backup_fault_text(enum backup_fault fault)
{
    assert((size_t)fault < sizeof faults / sizeof *faults);
    return faults[fault].text;
}
