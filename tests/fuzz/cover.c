/* Coverage-guided fuzzing, by clang's libFuzzer: all that the programs do with a model, on bytes that the fuzzer makes
 * from samples by what code they reach. With NN_FUZZ_SECOND set the bytes are two files, the first one's length in four
 * bytes before them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char first[64], second[64], scratch[64], model[160];

static void remove_files(void)
{
    unlink(first);
    unlink(second);
    unlink(scratch);
}

static void start(void)
{
    snprintf(first, sizeof first, "/tmp/cover.%ld.model", (long)getpid());
    snprintf(second, sizeof second, "/tmp/cover.%ld.second", (long)getpid());
    snprintf(scratch, sizeof scratch, "/tmp/cover.%ld.scratch", (long)getpid());
    snprintf(model, sizeof model, getenv("NN_FUZZ_SECOND") ? "%s,%s" : "%s", first, second);
    atexit(remove_files);
}

static void save(const char *path, const uint8_t *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size)
        abort();
    fclose(f);
}

/* The length of the first file; the whole where there is one only. */
static size_t first_size(const uint8_t *data, size_t size)
{
    uint32_t n;
    memcpy(&n, data, sizeof n);
    return n < size - sizeof n ? n : size - sizeof n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*first)
        start();
    if (!strchr(model, ',')) {
        save(first, data, size);
    } else if (size < 4) {
        return 0;
    } else {
        size_t n = first_size(data, size);
        save(first, data + 4, n);
        save(second, data + 4 + n, size - 4 - n);
    }
    const char *kind = getenv("NN_FUZZ_KIND"); /* "x.jpg": photos */
    const char *fault = attempt_for(kind ? kind : "")(model, scratch);
    if (fault) {
        fprintf(stderr, "%s\n", fault);
        abort();
    }
    return 0;
}
