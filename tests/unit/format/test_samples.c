/* Every sample of format.def: recognised by its content, read whole, and, where its format can be written, the same
 * bytes from the second time on. Run in the folder that holds `tests`. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/format.h"
#include "op/op.h"
#include "../../test.h"

static struct error err;
static char scratch[] = "/tmp/test_samples_XXXXXX";

static const struct {
    const char *format, *samples;
} rows[] = {
#define FORMAT(name, samples) {#name, samples},
#include "format/format.def"
#undef FORMAT
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Calls try() with the path of each sample of a format. */
static void each(const struct format *f, const char *samples, void (*try)(const struct format *f, const char *path))
{
    char copy[4096], path[300], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", samples);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        snprintf(path, sizeof(path), "tests/models/%.*s", (int)strcspn(name, ","), name);
        CHECK_MSG(access(path, R_OK) == 0, "%s of format %s is not there", path, f->name);
        try(f, path);
    }
}

static void each_of_all(void (*try)(const struct format *f, const char *path))
{
    for (size_t i = 0; i < ROWS; i++)
        each(format_by_name(rows[i].format), rows[i].samples, try);
}

/* ---- the tests ---- */

static void samples_there_are(void)
{
    for (size_t i = 0; i < ROWS; i++)
        CHECK_MSG(rows[i].samples[0], "format %s has no samples", rows[i].format);
}

/* No other format is as sure of it. */
static void recognise(const struct format *f, const char *path)
{
    struct source source;
    size_t count;
    const struct format *const *table = format_table(&count);
    CHECK_MSG(source_open(&source, path, &err) == 0, "%s", err.text);
    int sure = f->sniff(&source);
    CHECK_MSG(sure > 0, "%s is not recognised by its own format", path);
    for (size_t i = 0; i < count; i++)
        if (table[i] != f && table[i]->sniff)
            CHECK_MSG(table[i]->sniff(&source) < sure, "%s is recognised as %s too", path, table[i]->name);
    source_release(&source);
}

static void samples_are_recognised(void)
{
    each_of_all(recognise);
}

static void read_one(const struct format *f, const char *path)
{
    struct graph *g = format_read(path, NULL, &err);
    (void)f;
    CHECK_MSG(g != NULL, "%s", err.text);
    if (!g)
        return;
    CHECK_MSG(graph_check(g, &err) == 0, "%s: %s", path, err.text);
    CHECK_MSG(op_infer_graph(g, &err) == 0, "%s: %s", path, err.text);
    CHECK(g->input_count + g->output_count > 0);
    graph_free(g);
}

static void samples_are_read(void)
{
    each_of_all(read_one);
}

/* Writes the model at `from` to `to`; false when its format cannot carry it. */
static bool rewrite(const struct format *f, const char *from, const char *to)
{
    struct graph *g = format_read(from, f, &err);
    bool fine = g && op_infer_graph(g, &err) == 0 && format_write(g, to, f, NULL, &err) == 0;
    CHECK_MSG(g != NULL, "%s", err.text);
    graph_free(g);
    return fine;
}

static bool same_bytes(const char *a, const char *b)
{
    struct blob *x = file_read(a, NULL), *y = file_read(b, NULL);
    bool same = x && y && x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
    blob_unref(x);
    blob_unref(y);
    return same;
}

static void stay_the_same(const struct format *f, const char *path)
{
    char suffix[32], name[3][100];
    if (!f->write)
        return;
    snprintf(suffix, sizeof(suffix), "%.*s", (int)strcspn(f->suffixes, " "), f->suffixes);
    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof(name[i]), "%s/%d%s", scratch, i, suffix);
    bool wrote = rewrite(f, path, name[0]);
    bool says_why = strstr(err.text, "cannot carry"); /* a format may be read in more than it is written in */
    CHECK_MSG(wrote || says_why, "%s: %s", path, err.text);
    /* An operator that is written as several gets their names when it is read again: then the third time counts. */
    if (wrote && rewrite(f, name[0], name[1]))
        CHECK_MSG(same_bytes(name[0], name[1]) || (rewrite(f, name[1], name[2]) && same_bytes(name[1], name[2])),
                  "%s: each time other bytes are written than before", path);
}

static void round_trips_are_stable(void)
{
    each_of_all(stay_the_same);
}

/* ---- any format to any other that can be written ---- */

static void write_as_all(const struct format *f, const char *path)
{
    size_t count;
    const struct format *const *table = format_table(&count);
    struct graph *g = format_read(path, f, &err);
    if (!g || op_infer_graph(g, &err) != 0) {
        graph_free(g);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char to[100];
        snprintf(to, sizeof(to), "%s/to.%s", scratch, table[i]->name);
        err.text[0] = '\0';
        if (table[i]->write && format_write(g, to, table[i], NULL, &err) != 0) /* it may be unable to, but says why */
            CHECK_MSG(err.text[0] && !strchr(err.text, '\n'), "%s as %s: no message", path, table[i]->name);
        CHECK_MSG(graph_check(g, &err) == 0, "%s: writing %s changed the graph: %s", path, table[i]->name, err.text);
    }
    graph_free(g);
}

static void writers_leave_graphs_alone(void)
{
    each_of_all(write_as_all);
}

/* ---- a full disk ---- */

/* Writes "old" into each file of the folder, or checks that this is all they hold; how many there are. */
static int each_file(const char *path, bool fill, long *largest)
{
    DIR *dir = opendir(path);
    char name[400];
    struct stat st;
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(name, sizeof(name), "%s/%.100s", path, e->d_name);
        if (stat(name, &st) != 0 || S_ISDIR(st.st_mode))
            continue;
        count++;
        if (largest && st.st_size > *largest)
            *largest = (long)st.st_size;
        FILE *f = fopen(name, fill ? "w" : "r");
        char text[8] = "";
        CHECK_MSG(f && (fill ? fputs("old", f) >= 0 : fgets(text, sizeof(text), f) && strcmp(text, "old") == 0),
                  "%s: no longer what it was", name);
        if (f)
            fclose(f);
    }
    if (dir)
        closedir(dir);
    return count;
}

static int write_limited(const struct graph *g, const char *to, const struct format *f, const char *options, long limit)
{
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = (rlim_t)limit;
    setrlimit(RLIMIT_FSIZE, &small);
    int status = format_write(g, to, f, options, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    return status;
}

/* The files that a whole run makes stay as they were, all of them, wherever the disk is full. */
static void fill_disk(const struct graph *g, const struct format *f, const char *options)
{
    char folder[100], to[200], command[200];
    long largest = 0;
    snprintf(folder, sizeof(folder), "%s/full", scratch);
    snprintf(to, sizeof(to), "%s/net%.*s", folder, (int)strcspn(f->suffixes, " "), f->suffixes);
    mkdir(folder, 0777);
    bool wrote = format_write(g, to, f, options, &err) == 0;
    CHECK_MSG(wrote, "%s", err.text);
    int files = each_file(folder, true, &largest);
    for (int part = 0; wrote && part < 4; part++) {
        err.text[0] = '\0';
        CHECK_MSG(write_limited(g, to, f, options, largest * part / 4) != 0 && err.text[0],
                  "%s, %s: written into %ld bytes of %ld", f->name, options ? options : "", largest * part / 4,
                  largest);
        CHECK_MSG(each_file(folder, false, NULL) == files, "%s: files are left over, or gone", f->name);
    }
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    CHECK(system(command) == 0);
}

static void fill_disks(const struct format *f, const char *path)
{
    static const struct {
        const char *format, *options;
    } ways[] = {{"nn", NULL}, {"onnx", NULL}, {"tflite", NULL}, {"mnn", NULL}, {"ncnn", NULL}, {"ncnn", "fp16"}};
    struct graph *g = format_read(path, f, &err);
    CHECK_MSG(g && op_infer_graph(g, &err) == 0, "%s", err.text);
    for (size_t i = 0; g && i < sizeof(ways) / sizeof(ways[0]); i++)
        fill_disk(g, format_by_name(ways[i].format), ways[i].options);
    graph_free(g);
}

static void a_full_disk_leaves_the_old_files(void)
{
    signal(SIGXFSZ, SIG_IGN);
    fill_disks(format_by_name("onnx"), "tests/models/tiny/mlp.onnx");
}

int main(void)
{
    char command[100];
    if (!mkdtemp(scratch))
        return 1;
    RUN(samples_there_are);
    RUN(samples_are_recognised);
    RUN(samples_are_read);
    RUN(round_trips_are_stable);
    RUN(writers_leave_graphs_alone);
    RUN(a_full_disk_leaves_the_old_files);
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command) != 0 || TEST_END();
}
