/* fuzz [-m MUTATIONS] [-t TRUNCATIONS] [-s SEED] [-k FOLDER] MODEL…
 * fuzz -H                the hostile files instead
 * A MODEL may be a photo, or settings of photos, too, by its suffix.
 * A MODEL of two files is FIRST,SECOND, the latter named as it stands beside the former: each is broken in turn.
 * Gives broken variants of model files to the library, in child processes, and reports each that ends one, takes over
 * SECONDS or a gibibyte, or is handled wrongly; such files are kept in FOLDER. Ends with "N passed, N failed". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

/* Two seconds are the library's bound. The sanitizers take several times that, on a machine that is slow. */
#ifdef __SANITIZE_ADDRESS__
#define SECONDS 10

/* Freed memory that the sanitizer holds back counts for the process, but the library did not keep it. Whole stacks of
 * each allocation would take a fifth of the time. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=16:allocator_may_return_null=1:malloc_context_size=6";
}
#else
#define SECONDS 2
#endif
#define MEMORY ((size_t)1 << 30)
#define BATCH  200 /* variants a child */

/* Written by the child, read by the parent. */
struct progress {
    size_t at;        /* the variant being tried */
    char fault[2048]; /* what is wrong with it, found by the child itself */
};

/* What is tried: variants of a file, or the hostile files. */
struct work {
    struct variants variants; /* original.data NULL: hostile files */
    const char *name, *keep;
    char model[600]; /* what attempt() is given: path, or with the whole one of two files */
    size_t count, failed;
    char path[64], scratch[64];
    struct progress *progress;
};

/* ---- a child ---- */

static size_t memory_peak(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    size_t kilobytes = 0;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %zu", &kilobytes) == 1)
            break;
    if (f)
        fclose(f);
    return kilobytes << 10;
}

static void memory_peak_reset(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "5", 1) != 1)
            errno = 0;
        close(fd);
    }
}

static void time_limit(int seconds)
{
    struct itimerval busy = {.it_value.tv_sec = seconds},
                     idle = {.it_value.tv_sec = seconds * 100}; /* a busy machine */

    setitimer(ITIMER_PROF, &busy, NULL); /* processor time: other processes do not count */
    setitimer(ITIMER_REAL, &idle, NULL);
}

static void save(const char *path, const struct bytes *b)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    for (size_t done = 0; fd >= 0 && done < b->size;) {
        ssize_t n = write(fd, b->data + done, b->size - done);

        if (n <= 0) {
            perror(path);
            _exit(3);
        }
        done += (size_t)n;
    }
    close(fd);
}

static void make(const struct work *w, size_t index, struct bytes *b)
{
    if (!w->variants.original.data) {
        free(b->data);
        *b = hostile_make(index);
        return;
    }
    if (!b->data)
        b->data = malloc(w->variants.original.size * 2 + 64);
    variant_make(&w->variants, index, b);
}

static void child(struct work *w, size_t first, size_t end)
{
    struct bytes b = {0};
    const char *fault;
    size_t peak;

    for (size_t i = first; i < end; i++) {
        w->progress->at = i;
        make(w, i, &b);
        save(w->path, &b);
        memory_peak_reset();
        time_limit(SECONDS);
        fault = attempt_for(w->name)(w->model, w->scratch);
        time_limit(0);
        peak = memory_peak();
        if (!fault && peak <= MEMORY)
            continue;
        if (fault)
            snprintf(w->progress->fault, sizeof w->progress->fault, "%s", fault);
        else
            snprintf(w->progress->fault, sizeof w->progress->fault, "%zu MiB of memory", peak >> 20);
        exit(2);
    }
    w->progress->at = end;
    free(b.data);
    exit(0); /* where a leak is found, with another status */
}

/* ---- the parent ---- */

static size_t memory_now(pid_t pid)
{
    char path[64];
    size_t pages = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    f = fopen(path, "re");
    if (f && fscanf(f, "%*s %zu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Waits for a child; ends it when it takes far too much. */
static int wait_for(pid_t pid)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (memory_now(pid) > MEMORY + MEMORY / 2)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
    return status;
}

static void report(struct work *w, size_t index, int status)
{
    struct bytes b = {0};
    char path[4096], what[100];

    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM))
        snprintf(what, sizeof what, "over %d s", SECONDS);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        snprintf(what, sizeof what, "over %zu MiB of memory", MEMORY >> 20);
    else if (WIFSIGNALED(status))
        snprintf(what, sizeof what, "signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(what, sizeof what, "ended with status %d", WEXITSTATUS(status));
    printf("%s, %s %zu: %s", w->name, w->variants.original.data ? "variant" : "file", index,
           *w->progress->fault ? w->progress->fault : what);
    if (!w->variants.original.data)
        printf(" (%s)", hostile_name(index));
    if (w->keep) {
        const char *slash = strrchr(w->name, '/');

        make(w, index, &b);
        snprintf(path, sizeof path, "%s/%zu-%s", w->keep, index, slash ? slash + 1 : w->name);
        save(path, &b);
        printf(": %s", path);
        free(b.data);
    }
    printf("\n");
    w->failed++;
}

/* Tries variants first to end - 1. When only the end of a child fails (a leak), halves find which one it was. */
static void try_range(struct work *w, size_t first, size_t end)
{
    while (first < end) {
        pid_t pid;
        int status;

        *w->progress = (struct progress){.at = first};
        fflush(stdout);
        pid = fork();
        if (pid == 0)
            child(w, first, end);
        status = wait_for(pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return;
        if (w->progress->at == end && end - first > 1) {
            try_range(w, first, first + (end - first) / 2);
            try_range(w, first + (end - first) / 2, end);
            return;
        }
        report(w, w->progress->at == end ? first : w->progress->at, status);
        first = w->progress->at + (w->progress->at < end);
    }
}

static int read_original(const char *path, struct bytes *b)
{
    FILE *f = fopen(path, "rbe");
    struct stat s;

    if (!f || fstat(fileno(f), &s) != 0 || !(b->data = malloc((size_t)s.st_size + 1)) ||
        (b->size = fread(b->data, 1, (size_t)s.st_size, f)) != (size_t)s.st_size) {
        perror(path);
        return -1;
    }
    return fclose(f);
}

static void try_all(struct work *w, size_t *passed, size_t *failed)
{
    for (size_t i = 0; i < w->count; i += BATCH)
        try_range(w, i, i + BATCH < w->count ? i + BATCH : w->count);
    *failed += w->failed;
    *passed += w->count - w->failed;
}

/* Breaks one file; `before` and `behind` are what stands around its name where the model is two. */
static int try_file(struct work w, const char *path, const char *before, const char *behind, size_t truncations,
                    size_t *passed, size_t *failed)
{
    w.name = path;
    snprintf(w.model, sizeof w.model, "%s%s%s", before, w.path, behind);
    if (read_original(path, &w.variants.original) != 0)
        return -1;
    w.variants.truncations =
        truncations == SIZE_MAX ? (w.variants.original.size <= 65536 ? w.variants.original.size : 1000) : truncations;
    w.count = w.variants.truncations + w.variants.mutations;
    try_all(&w, passed, failed);
    free(w.variants.original.data);
    return 0;
}

static int try_model(const struct work *w, const char *model, size_t truncations, size_t *passed, size_t *failed)
{
    char first[200], second[400], before[201], behind[401];
    const char *comma = strchr(model, ','), *slash = strrchr(model, '/');

    if (!comma)
        return try_file(*w, model, "", "", truncations, passed, failed);
    snprintf(first, sizeof first, "%.*s", (int)(comma - model), model);
    snprintf(second, sizeof second, "%.*s%s", slash ? (int)(slash + 1 - model) : 0, model, comma + 1);
    snprintf(before, sizeof before, "%s,", first);
    snprintf(behind, sizeof behind, ",%s", second);
    int broken = try_file(*w, first, "", behind, truncations, passed, failed);
    return try_file(*w, second, before, "", truncations, passed, failed) | broken;
}

static void try_hostile(struct work w, size_t *passed, size_t *failed)
{
    w.name = "hostile";
    snprintf(w.model, sizeof w.model, "%s", w.path);
    while (*hostile_name(w.count))
        w.count++;
    try_all(&w, passed, failed);
}

int main(int argc, char **argv)
{
    struct work w = {.variants.mutations = 1000, .variants.seed = 1};
    size_t passed = 0, failed = 0, truncations = SIZE_MAX;
    int option, hostile = 0, broken = 0;

    while ((option = getopt(argc, argv, "m:t:s:k:H")) != -1) {
        switch (option) {
        case 'm':
            w.variants.mutations = strtoul(optarg, NULL, 10);
            break;
        case 't':
            truncations = strtoul(optarg, NULL, 10);
            break;
        case 's':
            w.variants.seed = strtoull(optarg, NULL, 10);
            break;
        case 'k':
            w.keep = optarg;
            break;
        case 'H':
            hostile = 1;
            break;
        default:
            return 2;
        }
    }
    attempt_path(w.path, sizeof w.path, "model");
    attempt_path(w.scratch, sizeof w.scratch, "scratch");
    w.progress = mmap(NULL, sizeof *w.progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w.progress == MAP_FAILED) {
        perror("fuzz");
        return 2;
    }
    if (hostile)
        try_hostile(w, &passed, &failed);
    for (; optind < argc; optind++)
        broken |= try_model(&w, argv[optind], truncations, &passed, &failed);
    unlink(w.path);
    unlink(w.scratch);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || broken;
}
