/* SPDX-License-Identifier: Apache-2.0 */
/* backup_fault.h: what is wrong with a backup; each leads to something else that a person does. */
#ifndef CONTACT_VAULT_BACKUP_FAULT_H
#define CONTACT_VAULT_BACKUP_FAULT_H

enum backup_fault {
    BACKUP_SOUND = 0,
    BACKUP_NOT_ONE,        /* no backup at all */
    BACKUP_OTHER_VERSION,  /* of a newer program */
    BACKUP_HEADER_ALTERED, /* damaged, or exchanged on purpose */
    BACKUP_WRONG_KEY,      /* sealed to other recipients */
    BACKUP_WRONG_PART,     /* the keyring where the contents were wanted, or the other way round */
    BACKUP_CHUNK_ALTERED,  /* or out of order, or of another file */
    BACKUP_TRUNCATED,
    BACKUP_TRAILING,       /* bytes behind its end */
    BACKUP_FRAME_WRONG,    /* opens, but is not laid out as this version writes it */
    BACKUP_MANIFEST_WRONG, /* what stands inside is not what the manifest says */
    BACKUP_NOT_SIGNED,     /* not by this vault: somebody else made it */
    BACKUP_OTHER_KEYRING,  /* the keyring is another backup's */
    BACKUP_UNREADABLE,     /* the disk said no */
    BACKUP_NO_MEMORY,
};

/* "wrong_key": for vectors and JSON. */
const char *backup_fault_name(enum backup_fault fault);
/* A sentence without a full stop, for a person. */
const char *backup_fault_text(enum backup_fault fault);

#endif
