/* Every sample of format.def: recognised by its content, read whole, and, where its format can be written, the same
 * bytes from the second time on. Run in the folder that holds `tests`. */
#include <stdlib.h>
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
    CHECK(g->computed_most == 0); /* passes may compute as much as all of its constants allow */
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
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command) != 0 || TEST_END();
}
