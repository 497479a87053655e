/* The public API: a model as text, and what differs between two. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "format/nn/nn.h"

/* The text as the caller's; NULL with a message when it failed. */
static char *finish(struct text *t, int status, struct error *err)
{
    if (status == 0 && t->failed)
        status = error_memory(err);
    if (status == 0)
        return t->data ? t->data : mem_calloc(1, 1, err);
    text_release(t);
    return NULL;
}

char *model_text(const struct model *m, struct model_error *err)
{
    struct text t;
    text_init(&t);
    return finish(&t, nn_write_header(m->graph, &t, model_inner(err)), model_inner(err));
}

/* ---- differences ---- */

struct line {
    const char *at;
    size_t size;
    uint64_t hash;
    size_t next; /* in its bucket, plus 1 */
    bool matched;
};

/* The lines of a text, findable by content. */
struct lines {
    char *text;
    struct line *line;
    size_t *bucket; /* first line, plus 1; mask + 1 of them */
    size_t count, cap, mask;
};

static int split(struct lines *l, struct error *err)
{
    for (const char *at = l->text, *end; *at; at = end + (*end == '\n')) {
        end = strchr(at, '\n');
        end = end ? end : at + strlen(at);
        if (mem_grow(&l->line, &l->cap, l->count + 1, sizeof *l->line, err) < 0)
            return -1;
        l->line[l->count++] = (struct line){.at = at, .size = (size_t)(end - at),
                                            .hash = hash_bytes(at, (size_t)(end - at))};
    }
    return 0;
}

static int lines_init(struct lines *l, const struct model *m, struct error *err)
{
    *l = (struct lines){.text = model_text(m, (struct model_error *)err)};
    if (!l->text || split(l, err) < 0)
        return -1;
    for (l->mask = 15; l->mask < l->count; l->mask = l->mask * 2 + 1)
        ;
    l->bucket = mem_calloc(l->mask + 1, sizeof *l->bucket, err);
    if (!l->bucket)
        return -1;
    for (size_t i = l->count; i-- > 0;) { /* so that the first line comes first in its bucket */
        size_t *b = &l->bucket[l->line[i].hash & l->mask];
        l->line[i].next = *b;
        *b = i + 1;
    }
    return 0;
}

static void lines_release(struct lines *l)
{
    free(l->text);
    free(l->line);
    free(l->bucket);
}

/* Marks an equal line, not yet marked, of `in`; false when there is none. */
static bool match(struct lines *in, const struct line *wanted)
{
    for (size_t i = in->bucket[wanted->hash & in->mask]; i; i = in->line[i - 1].next) {
        struct line *l = &in->line[i - 1];
        if (l->matched || l->hash != wanted->hash || l->size != wanted->size || memcmp(l->at, wanted->at, l->size) != 0)
            continue;
        return l->matched = true;
    }
    return false;
}

static void add_unmatched(struct text *t, const struct lines *l, char sign)
{
    for (size_t i = 0; i < l->count; i++)
        if (!l->line[i].matched)
            text_printf(t, "%c %.*s\n", sign, (int)l->line[i].size, l->line[i].at);
}

static void add_constant(struct text *t, const struct value *a, const struct value *b)
{
    struct model_difference d;
    char dims[200];
    if (tensor_equal(a->constant, b->constant) || a->constant->dtype != b->constant->dtype ||
        model_tensor_compare(model_outer_tensor(a->constant), model_outer_tensor(b->constant), &d, NULL) < 0)
        return;
    text_printf(t, "~ constant %s %s %s: %lld of %lld elements, largest difference %.4g, rms %.4g\n", a->name,
                dtype_info(a->constant->dtype)->name,
                model_dims_text(a->constant->rank, a->constant->dims, dims, sizeof dims), (long long)d.differing,
                (long long)a->constant->count, d.largest, d.rms);
}

static void add_constants(struct text *t, const struct graph *a, const struct graph *b)
{
    for (size_t i = 0; i < a->value_count; i++) {
        const struct value *v = a->values[i], *other = v && v->constant ? graph_find_local(b, v->name) : NULL;
        if (other && other->constant)
            add_constant(t, v, other);
    }
}

static void compare(struct text *t, const struct model *a, const struct model *b, struct lines *x, struct lines *y)
{
    for (size_t i = 0; i < x->count; i++)
        x->line[i].matched = match(y, &x->line[i]);
    add_unmatched(t, x, '-');
    add_unmatched(t, y, '+');
    add_constants(t, a->graph, b->graph);
    if (t->size == 0 && strcmp(x->text, y->text) != 0)
        text_puts(t, "~ the order of declarations\n");
}

char *model_diff(const struct model *a, const struct model *b, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct lines x = {0}, y = {0};
    struct text t;
    text_init(&t);
    int status = lines_init(&x, a, err);
    if (status == 0)
        status = lines_init(&y, b, err);
    if (status == 0)
        compare(&t, a, b, &x, &y);
    lines_release(&x);
    lines_release(&y);
    return finish(&t, status, err);
}
