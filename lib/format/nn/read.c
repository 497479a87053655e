/* Reading: the header's frame, and what must hold before and after its declarations. */
#define _GNU_SOURCE /* memmem */
#include "format/nn/read.h"

#include <string.h>

#include "op/op.h"
#include "op/utf8.h"

/* ---- lines ---- */

bool nn_next_line(struct nn_reader *r)
{
    size_t n = nn_find(r->rest, '\n');

    if (!r->rest.n)
        return false;
    r->line = (struct nn_span){r->rest.at, n};
    r->rest = nn_skip(r->rest, n + (n < r->rest.n));
    r->number++;
    while (r->line.n && *r->line.at == ' ')
        r->line = nn_skip(r->line, 1);
    return true;
}

/* ---- the frame ---- */

/* Where the line that ends the header begins; what lies before it holds all declarations. */
static int find_frame(struct nn_reader *r, struct error *err)
{
    const char *file = r->blob->data, *line = memmem(file, r->blob->size, "\ndata ", 6), *end;
    struct nn_span word;
    uint64_t size;

    if (!line || !(end = memchr(line + 1, '\n', r->blob->size - (size_t)(line + 1 - file))))
        return error_set(err, "the line 'data …' that ends the header is not there: the file is cut short");
    r->start = (size_t)(end + 1 - file);
    r->rest = (struct nn_span){line + 6, (size_t)(end - line - 6)};
    if (!nn_word(&r->rest, &word) || !text_to_u64(word.at, word.n, &size) || nn_word(&r->rest, &word) ||
        r->start % NN_ALIGN != 0)
        return error_set(err, "the line 'data' that ends the header at byte %zu wants one number, and blanks to a "
                              "multiple of %d bytes: was the file changed on its way, or by an editor?",
                         r->start, NN_ALIGN);
    if (size != r->blob->size - r->start)
        return error_set(err, "%zu bytes of data, where the header announces %llu: the file is %s",
                         r->blob->size - r->start, (unsigned long long)size,
                         size > r->blob->size - r->start ? "cut short" : "longer than it should be");
    r->data = (size_t)size;
    r->rest = (struct nn_span){file, (size_t)(line + 1 - file)};
    return 0;
}

static int check_line(struct nn_span line, struct error *err)
{
    size_t size;

    if (line.n > NN_LINE_MAX)
        return error_set(err, "%zu bytes, at most %zu can be", line.n, NN_LINE_MAX);
    for (size_t i = 0; i < line.n; i += size) {
        unsigned char c = (unsigned char)line.at[i];

        size = 1;
        if (c >= 0x80 && utf8_read(line.at + i, line.n - i, &size) > UTF8_MAX)
            return error_set(err, "byte 0x%02x is not UTF-8", c);
        if (c == '\r')
            return error_set(err, "a carriage return: line ends were changed, which destroys the data too");
        if (c < 0x20 || c == 0x7f)
            return error_set(err, "control byte 0x%02x, want it as %%%02X", c, c);
    }
    return 0;
}

static int check_lines(struct nn_reader *r, struct error *err)
{
    struct nn_span rest = r->rest;

    while (nn_next_line(r))
        if (check_line(r->line, err) != 0)
            return -1;
    r->rest = rest;
    r->number = 0;
    return 0;
}

static int read_first_line(struct nn_reader *r, struct error *err)
{
    nn_next_line(r);
    if (nn_is(r->line, NN_FIRST_LINE))
        return 0;
    return error_set(err, "'%.*s', want '%s': %s", nn_shown(r->line), r->line.at, NN_FIRST_LINE,
                     nn_begins(r->line, "nn ") ? "another version of the format" : "not an .nn file");
}

static int add_kept_lines(struct nn_reader *r, struct error *err)
{
    const struct str *before = graph_property(r->root, NN_UNKNOWN_LINES);
    struct text all;
    int result;

    if (!r->kept.size)
        return 0;
    if (!before)
        return graph_set_property(r->root, NN_UNKNOWN_LINES, r->kept.data, r->kept.size, err);
    text_init(&all);
    text_add(&all, before->data, before->size);
    text_add(&all, "\n", 1);
    text_add(&all, r->kept.data, r->kept.size);
    result = all.failed ? error_memory(err)
                        : graph_set_property(r->root, NN_UNKNOWN_LINES, all.data, all.size, err);
    text_release(&all);
    return result;
}

static int read_header(struct nn_reader *r, struct error *err)
{
    if (check_lines(r, err) != 0 || read_first_line(r, err) != 0 || nn_read_body(r, r->root, NULL, err) != 0)
        return error_prefix(err, "line %zu", r->number);
    if (r->used != r->data)
        return error_set(err, "%zu bytes of data belong to no declaration", r->data - r->used);
    if (add_kept_lines(r, err) != 0)
        return -1;
    op_resolve(r->root);
    return graph_check(r->root, err);
}

struct graph *nn_read_blob(struct blob *blob, struct error *err)
{
    struct nn_reader r = {.blob = blob, .root = graph_new(err)};

    if (r.root && (find_frame(&r, err) != 0 || read_header(&r, err) != 0)) {
        graph_free(r.root);
        r.root = NULL;
    }
    text_release(&r.key);
    text_release(&r.bytes);
    text_release(&r.kept);
    return r.root;
}
