/* Files made by hand in a folder of the test's own, for formats whose networks are several files. */
#ifndef TESTS_UNIT_FORMAT_FORMAT_FOLDER_H
#define TESTS_UNIT_FORMAT_FORMAT_FOLDER_H

#include <stdio.h>

static char folder[] = "/tmp/test_format_XXXXXX"; /* for mkdtemp() */

static void put_file(const char *name, const void *data, size_t size)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    fwrite(data, 1, size, f);
    fclose(f);
}

#endif
