/* Whatever fails while a model is written, of the calls that make its files: what stood there before stays, all of it,
 * and nothing is left over. Run in the folder that holds `tests`. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "format/format.h"
#include "format/onnx/onnx.h"
#include "op/op.h"
#include "../../test.h"

static struct error err;
static char scratch[] = "/tmp/test_full_disk_XXXXXX", folder[100];

/* ---- calls that fail ---- */

static int until = -1; /* so many of them go well before one fails; -1: all */
static enum call { OPEN, WRITE, CLOSE, LINK, RENAME, CALLS } failed;
static int failures[CALLS]; /* of all tests */

static bool fails(enum call call)
{
    if (until < 0 || until-- > 0)
        return false;
    failed = call;
    failures[call]++;
    errno = ENOSPC;
    return true;
}

/* These take the place of libc's, in the library too. */
int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (flags & O_CREAT && fails(OPEN))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return fails(WRITE) ? -1 : syscall(SYS_write, fd, data, size);
}

int close(int fd)
{
    int status = (int)syscall(SYS_close, fd);
    return fails(CLOSE) ? -1 : status;
}

int link(const char *from, const char *to)
{
    return fails(LINK) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- what lies in the folder ---- */

/* How many files there are; *old: how many of them hold "old" and nothing else. */
static int count_files(int *old)
{
    DIR *dir = opendir(folder);
    char name[400], text[8];
    int count = 0;
    *old = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_type == DT_DIR)
            continue;
        snprintf(name, sizeof name, "%s/%.255s", folder, e->d_name);
        FILE *f = fopen(name, "r");
        size_t n = f ? fread(text, 1, sizeof text, f) : 0;
        *old += n == 3 && memcmp(text, "old", 3) == 0;
        count++;
        if (f)
            fclose(f);
    }
    if (dir)
        closedir(dir);
    return count;
}

static void age_files(void)
{
    char command[300];
    snprintf(command, sizeof command, "for f in %s/*; do printf old > $f; done", folder);
    CHECK(system(command) == 0);
}

static void clear_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", folder, folder);
    CHECK(system(command) == 0);
}

/* ---- the tests ---- */

struct way {
    const char *format, *options;
    int files;
    int (*write)(const struct graph *, struct target *, struct error *); /* instead of the format's; or NULL */
};

/* As a model beyond 2 GiB is written. */
static int write_apart(const struct graph *g, struct target *target, struct error *error)
{
    return onnx_write(g, target, 0, error);
}

/* Writes while call number `at` fails. False: so many calls there are not. A file system without links is no fault. */
static bool write_failing(const struct graph *g, const struct way *w, int at, bool over)
{
    static const char *const names[] = {"open", "write", "close", "link", "rename"};
    struct format f = *format_by_name(w->format);
    char to[200];
    int old, files;
    f.write = w->write ? w->write : f.write;
    snprintf(to, sizeof to, "%s/net%.*s", folder, (int)strcspn(f.suffixes, " "), f.suffixes);
    err.text[0] = '\0';
    until = at;
    int status = format_write(g, to, &f, w->options, &err);
    bool all_went_well = until >= 0, may = all_went_well || failed == LINK;
    until = -1;
    files = count_files(&old);
    CHECK_MSG((status == 0) == may && (may || *err.text), "%s %s: call %d (%s) fails: status %d, '%s'", w->format,
              w->options ? w->options : "", at, names[failed], status, err.text);
    int want_old = status != 0 && over ? w->files : 0, want = status == 0 ? w->files : want_old;
    CHECK_MSG(files == want && old == want_old, "%s: call %d (%s) fails: %d files, %d of them old; want %d, %d",
              w->format, at, names[failed], files, old, want, want_old);
    return !all_went_well;
}

/* Over files that are there, and where there are none. */
static void fail_everywhere(const struct graph *g, const struct way *w)
{
    for (int over = 0; over < 2; over++)
        for (int at = 0, more = 1; more; at++) {
            clear_folder();
            if (over)
                write_failing(g, w, 1 << 20, false);
            if (over)
                age_files();
            more = write_failing(g, w, at, over);
            CHECK(more || at >= 4 * w->files);
        }
}

static void old_files_stay(void)
{
    static const struct way ways[] = {
        {"nn", NULL, 1, NULL},          {"onnx", NULL, 1, NULL},     {"onnx", "opset=13", 1, NULL},
        {"onnx", NULL, 2, write_apart}, {"tflite", NULL, 1, NULL},   {"tflite", "fp16", 1, NULL},
        {"mnn", NULL, 1, NULL},         {"mnn", "int8", 1, NULL},    {"ncnn", NULL, 2, NULL},
        {"ncnn", "fp16", 2, NULL},      {"openvino", NULL, 2, NULL}, {"openvino", "fp16", 2, NULL}};
    struct graph *g = format_read("tests/models/tiny/mlp.onnx", format_by_name("onnx"), &err);
    CHECK_MSG(g && op_infer_graph(g, &err) == 0, "%s", err.text);
    for (size_t i = 0; g && i < sizeof ways / sizeof *ways; i++)
        fail_everywhere(g, &ways[i]);
    graph_free(g);
    for (int i = 0; i < CALLS; i++)
        CHECK_MSG(failures[i] > 0, "call %d never failed", i);
}

/* Every format that can be written is in the list above. */
static void all_writers_are_tried(void)
{
    size_t count, writers = 0;
    const struct format *const *table = format_table(&count);
    for (size_t i = 0; i < count; i++)
        writers += table[i]->write != NULL;
    CHECK_MSG(writers == 6, "%zu formats can be written", writers);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(scratch))
        return 1;
    snprintf(folder, sizeof folder, "%s/full", scratch);
    RUN(old_files_stay);
    RUN(all_writers_are_tried);
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command) != 0 || TEST_END();
}
