/* The declarations of a graph, in the order in which a reader needs them. */
#include <stdlib.h>
#include <string.h>

#include "format/nn/write.h"
#include "op/utf8.h"

void nn_writer_release(struct nn_writer *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->items[i].owned);
    free(w->items);
}

static void begin_line(struct nn_writer *w, const char *word, int depth)
{
    for (int i = 0; i < depth; i++)
        text_puts(w->out, "  ");
    text_puts(w->out, word);
}

static int end_line(struct nn_writer *w, size_t start, struct error *err)
{
    if (w->out->size - start > NN_LINE_MAX)
        return error_set(err, "a line of %zu bytes; at most %zu can be written: '%.60s…'", w->out->size - start,
                         NN_LINE_MAX, w->out->data + start);
    text_add(w->out, "\n", 1);
    return 0;
}

static void put_word(struct nn_writer *w, const char *name)
{
    text_add(w->out, " ", 1);
    nn_put_name(w->out, name, NULL);
}

/* ---- properties ---- */

static bool is_header_text(const char *at, size_t n)
{
    size_t size;

    for (size_t i = 0; i < n; i += size)
        if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f || utf8_read(at + i, n - i, &size) > UTF8_MAX)
            return false;
    return true;
}

/* Whether a property holds lines that were kept, such as a header may have. */
static bool is_kept_lines(const struct property *p)
{
    const char *at = p->value.data, *end = at + p->value.size;

    if (strcmp(p->key, NN_UNKNOWN_LINES) != 0)
        return false;
    while (at) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);

        if (n < 2 || memcmp(at, "x-", 2) != 0 || at[n - 1] == ' ' || !is_header_text(at, n))
            return false;
        at = newline ? newline + 1 : NULL;
    }
    return true;
}

/* Blanks may stand inside of the value, but not at its ends, where they are easily lost. */
static void put_property_value(struct text *out, const struct str *s)
{
    size_t first = 0;

    text_add(out, " ", s->size > 0);
    for (size_t i = 0; i <= s->size; i++) {
        if (i < s->size && s->data[i] != ' ')
            continue;
        nn_put_bytes(out, s->data + first, i - first, NULL);
        if (i < s->size)
            text_puts(out, i == 0 || i == s->size - 1 ? "%20" : " ");
        first = i + 1;
    }
}

static int write_property(struct nn_writer *w, const struct property *p, struct error *err)
{
    size_t start = w->out->size;

    if (is_kept_lines(p)) {
        text_add(w->out, p->value.data, p->value.size);
    } else {
        begin_line(w, "property", 0);
        put_word(w, p->key);
        put_property_value(w->out, &p->value);
    }
    return end_line(w, start, err);
}

/* ---- values ---- */

static void put_value(struct nn_writer *w, const struct value *v)
{
    put_word(w, v->name);
    text_add(w->out, " ", 1);
    nn_put_type(w->out, v->graph, &v->type, ' ');
}

static int write_constant(struct nn_writer *w, const struct value *v, int depth, struct error *err)
{
    size_t start = w->out->size;

    begin_line(w, "constant", depth);
    put_word(w, v->name);
    return nn_put_constant(w, v->graph, v->constant, err) != 0 ? -1 : end_line(w, start, err);
}

/* The constant of an input, which serves when nothing is fed, follows at once. */
static int write_input(struct nn_writer *w, const struct value *v, int depth, struct error *err)
{
    size_t start = w->out->size;

    begin_line(w, "input", depth);
    put_value(w, v);
    if (end_line(w, start, err) != 0)
        return -1;
    return v->constant ? write_constant(w, v, depth, err) : 0;
}

static int write_constants(struct nn_writer *w, const struct graph *g, int depth, struct error *err)
{
    for (size_t i = 0; i < g->value_count; i++) {
        const struct value *v = g->values[i];

        if (v && v->constant && !v->is_input && write_constant(w, v, depth, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- attributes ---- */

static void put_list(struct text *out, const struct attr *a)
{
    static const char *const empty[] = {[ATTR_INTS] = "ints", [ATTR_FLOATS] = "floats", [ATTR_STRINGS] = "strings"};

    if (a->n == 0)
        text_puts(out, empty[a->kind]);
    text_add(out, "[", 1);
    for (size_t i = 0; i < a->n; i++) {
        if (i)
            text_add(out, ",", 1);
        if (a->kind == ATTR_INTS)
            nn_put_i64(out, a->ints[i]);
        else if (a->kind == ATTR_FLOATS)
            nn_put_float(out, a->floats[i]);
        else
            nn_put_quoted(out, &a->strings[i]);
    }
    text_add(out, "]", 1);
}

static int put_attr(struct nn_writer *w, const struct graph *g, const struct attr *a, struct error *err)
{
    text_add(w->out, " ", 1);
    nn_put_name(w->out, a->name, "=");
    text_add(w->out, "=", 1);
    switch (a->kind) {
    case ATTR_INT:
        nn_put_i64(w->out, a->i);
        break;
    case ATTR_FLOAT:
        nn_put_float(w->out, a->f);
        break;
    case ATTR_STRING:
        nn_put_quoted(w->out, &a->s);
        break;
    case ATTR_TENSOR:
        return nn_put_literal(w, g, a->tensor, err);
    case ATTR_GRAPH:
        text_puts(w->out, "graph");
        break;
    case ATTR_INTS:
    case ATTR_FLOATS:
    case ATTR_STRINGS:
        put_list(w->out, a);
        break;
    case ATTR_TYPE:
        text_puts(w->out, "type:");
        nn_put_type(w->out, g, a->type, ':');
        break;
    }
    return 0;
}

/* ---- nodes ---- */

static void put_operator(struct text *out, const struct node *n)
{
    if (*n->domain) {
        nn_put_bytes(out, n->domain, strlen(n->domain), "@");
        text_add(out, ".", 1);
    }
    nn_put_bytes(out, n->op, strlen(n->op), ".@");
    if (n->since) {
        text_add(out, "@", 1);
        nn_put_i64(out, n->since);
    }
}

static int write_node_line(struct nn_writer *w, const struct node *n, int depth, struct error *err)
{
    size_t start = w->out->size;

    if (!*n->op)
        return error_set(err, "node '%s' has no operator", n->name);
    begin_line(w, "node", depth);
    put_word(w, n->name);
    text_add(w->out, " ", 1);
    put_operator(w->out, n);
    for (int i = 0; i < n->in_count; i++)
        put_word(w, n->in[i] ? n->in[i]->name : "");
    text_puts(w->out, " ->");
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i])
            put_value(w, n->out[i]);
        else
            text_puts(w->out, " -");
    }
    text_puts(w->out, n->attrs ? " :" : "");
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (put_attr(w, n->graph, a, err) != 0)
            return -1;
    return end_line(w, start, err);
}

static int write_body(struct nn_writer *w, const struct graph *g, int depth, struct error *err);

static int write_block(struct nn_writer *w, const struct attr *a, int depth, struct error *err)
{
    size_t start = w->out->size;

    begin_line(w, "begin", depth);
    put_word(w, a->name);
    if (*a->graph->name)
        put_word(w, a->graph->name);
    if (end_line(w, start, err) != 0 || write_body(w, a->graph, depth + 1, err) != 0)
        return -1;
    start = w->out->size;
    begin_line(w, "end", depth);
    put_word(w, a->name);
    return end_line(w, start, err);
}

static int write_node(struct nn_writer *w, const struct node *n, int depth, struct error *err)
{
    if (write_node_line(w, n, depth, err) != 0)
        return -1;
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH && write_block(w, a, depth, err) != 0)
            return -1;
    return 0;
}

/* ---- graphs ---- */

/* A graph's subgraphs nest at most GRAPH_MAX_DEPTH deep, and so does this. */
static int write_body(struct nn_writer *w, const struct graph *g, int depth, struct error *err)
{
    for (size_t i = 0; i < g->input_count; i++)
        if (write_input(w, g->inputs[i], depth, err) != 0)
            return -1;
    if (write_constants(w, g, depth, err) != 0)
        return -1;
    for (const struct node *n = g->first; n; n = n->next)
        if (write_node(w, n, depth, err) != 0)
            return -1;
    for (size_t i = 0; i < g->output_count; i++) {
        size_t start = w->out->size;

        begin_line(w, "output", depth);
        put_word(w, g->outputs[i]->name);
        if (end_line(w, start, err) != 0)
            return -1;
    }
    return 0;
}

int nn_write_graph(struct nn_writer *w, const struct graph *root, struct error *err)
{
    size_t start;

    text_puts(w->out, NN_FIRST_LINE "\n");
    if (*root->name) {
        start = w->out->size;
        begin_line(w, "graph", 0);
        put_word(w, root->name);
        if (end_line(w, start, err) != 0)
            return -1;
    }
    for (const struct property *p = root->properties; p; p = p->next)
        if (write_property(w, p, err) != 0)
            return -1;
    if (write_body(w, root, 0, err) != 0)
        return -1;
    return w->out->failed ? error_memory(err) : 0;
}
