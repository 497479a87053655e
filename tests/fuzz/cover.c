/* Coverage-guided fuzzing, by clang's libFuzzer: all that the programs do with a model, on bytes that the fuzzer makes
 * from samples by what code they reach. With NN_FUZZ_SECOND set the bytes are two files, the first one's length in four
 * bytes before them. NN_FUZZ_SECONDS is the processor time after which it ends: on a busy machine the clock says
 * nothing. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Processor time of one input: two seconds, and the sanitizers with the coverage take several times that. */
#define SECONDS 10

static char first[64], second[64], scratch[64], model[160];
static double end;

static void remove_files(void)
{
    unlink(first);
    unlink(second);
    unlink(scratch);
}

static void start(void)
{
    attempt_path(first, sizeof first, "model");
    attempt_path(second, sizeof second, "second");
    attempt_path(scratch, sizeof scratch, "scratch");
    snprintf(model, sizeof model, getenv("NN_FUZZ_SECOND") ? "%s,%s" : "%s", first, second);
    const char *seconds = getenv("NN_FUZZ_SECONDS");
    end = seconds ? atof(seconds) : 1e30;
    atexit(remove_files);
}

static double busy(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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
    double began = busy();
    const char *fault = attempt_for(kind ? kind : "")(model, scratch);
    double now = busy();
    if (fault || now - began > SECONDS) {
        fprintf(stderr, "%s\n", fault ? fault : "ERROR: too slow");
        abort();
    }
    if (now > end) {
        remove_files();
        raise(SIGUSR1); /* the fuzzer sums up and ends */
    }
    return 0;
}
