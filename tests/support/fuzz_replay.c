/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzer's main where there is no libFuzzer: runs it on the files of each folder named, once. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_BYTES = 1024 };

static int
replay_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    char *data = NULL;
    size_t capacity = 0, size = 0;
    FILE *memory = open_memstream(&data, &capacity);
    int byte;

    if (stream == NULL || memory == NULL) {
        return 1;
    }
    while ((byte = getc(stream)) != EOF) {
        (void)putc(byte, memory);
    }
    (void)fclose(stream);
    size = (size_t)ftell(memory);
    (void)fclose(memory);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    free(data);
    return 0;
}

static int
replay_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    unsigned files = 0;
    int result = 0;

    if (entries == NULL) {
        return 1;
    }
    while ((entry = readdir(entries)) != NULL) {
        char path[PATH_BYTES];
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        result |= replay_file(path);
        files++;
    }
    closedir(entries);
    printf("%s: %u files\n", folder, files);
    return files > 0 ? result : 1;
}

int
main(int argc, char **argv)
{
    int result = argc > 1 ? 0 : 1;

    for (int i = 1; i < argc; i++) {
        result |= replay_folder(argv[i]);
    }
    return result;
}
