/* The declarations of a graph, but for nodes. */
#include <string.h>

#include "format/nn/read.h"

static int read_end_of_line(struct nn_reader *r, struct error *err)
{
    struct nn_span word;

    if (!nn_word(&r->line, &word))
        return 0;
    return error_set(err, "unexpected '%.*s' at the end of the line", nn_shown(word), word.at);
}

/* ---- declarations ---- */

/* The next word as a name, not empty, in r->key; the message says whose it lacks. */
static const char *read_name(struct nn_reader *r, const char *what, struct error *err)
{
    struct nn_span word;
    const char *name;

    if (!nn_word(&r->line, &word)) {
        error_set(err, "%s needs a name", what);
        return NULL;
    }
    name = nn_name(word, &r->key, err);
    if (!name || *name)
        return name;
    error_set(err, "%s cannot have an empty name", what);
    return NULL;
}

static int read_graph_name(struct nn_reader *r, struct graph *g, struct error *err)
{
    const char *name = read_name(r, "a graph line", err);

    if (!name)
        return -1;
    if (g->parent || *g->name)
        return error_set(err, "a second name for the graph");
    name = arena_strdup(&g->arena, name, err);
    if (!name)
        return -1;
    g->name = name;
    return 0;
}

static int read_property(struct nn_reader *r, struct graph *g, struct error *err)
{
    struct nn_span word, value;
    struct str bytes;
    const char *key;

    if (g->parent)
        return error_set(err, "a property within a subgraph");
    if (!nn_word(&r->line, &word))
        return error_set(err, "a property needs a key");
    key = nn_name(word, &r->key, err);
    if (!key)
        return -1;
    if (graph_property(g, key))
        return error_set(err, "property '%s' is there twice", key);
    value = nn_skip(r->line, r->line.n > 0);
    r->line.n = 0;
    if (nn_unescape(value, &r->bytes, &bytes, err) != 0)
        return -1;
    return graph_set_property(g, key, bytes.data, bytes.size, err);
}

static int read_input(struct nn_reader *r, struct graph *g, struct error *err)
{
    const char *name = read_name(r, "an input", err);
    struct value *v = name ? graph_add_value(g, name, err) : NULL;
    struct nn_span dtype, shape;

    if (!v)
        return -1;
    if (!nn_word(&r->line, &dtype) || !nn_word(&r->line, &shape))
        return error_set(err, "input '%s' lacks its type and shape", v->name);
    if (nn_read_type(r, dtype, shape, &v->type, err) != 0)
        return -1;
    return graph_add_input(g, v, err);
}

/* The type that was declared for an input stays: its shape may be symbolic. */
static int set_default(struct value *v, struct tensor *t, struct error *err)
{
    struct type type = v->type;
    char text[200];
    bool fits = type.kind == TYPE_TENSOR && type.dtype == t->dtype && type.rank == t->rank && !v->constant;

    for (int i = 0; fits && i < t->rank; i++)
        fits = type.dims[i] < 0 || type.dims[i] == t->dims[i];
    if (!fits) {
        tensor_unref(t);
        return error_set(err, "input '%s' is %s%s", v->name, type_text(v->graph, &type, text, sizeof text),
                         v->constant ? ", and has a constant already" : ", which the constant is not");
    }
    if (graph_make_constant(v, t, err) != 0)
        return -1;
    v->type = type;
    return 0;
}

static int read_constant(struct nn_reader *r, struct graph *g, struct error *err)
{
    const char *name = read_name(r, "a constant", err);
    struct value *v = name ? graph_find_local(g, name) : NULL;
    struct tensor *t;

    if (!name || (!v && !(v = graph_add_value(g, name, err))))
        return -1;
    if (v->producer || (v->constant && !v->is_input))
        return error_set(err, "two values are named '%s'", name);
    t = nn_read_constant(r, err);
    if (!t)
        return -1;
    return v->is_input ? set_default(v, t, err) : graph_make_constant(v, t, err);
}

static int read_output(struct nn_reader *r, struct graph *g, struct error *err)
{
    const char *name = read_name(r, "an output", err);
    struct value *v = name ? graph_find_local(g, name) : NULL;

    if (v)
        return graph_add_output(g, v, err);
    return name ? error_set(err, "output '%s' is declared nowhere above", name) : -1;
}

/* Files of the first design; nothing was ever computed with it. */
static int refuse_quant(struct nn_reader *r, struct graph *g, struct error *err)
{
    (void)r;
    (void)g;
    return error_set(err, "a 'quant' line is no longer read: want QuantizeLinear and DequantizeLinear nodes");
}

/* ---- bodies ---- */

static int keep_line(struct nn_reader *r, struct nn_span line, struct error *err)
{
    while (line.n && line.at[line.n - 1] == ' ')
        line.n--;
    text_add(&r->kept, "\n", r->kept.size > 0);
    text_add(&r->kept, line.at, line.n);
    return r->kept.failed ? error_memory(err) : 0;
}

static int read_declaration(struct nn_reader *r, struct graph *g, struct nn_span word, struct error *err)
{
    static const struct {
        const char *word;
        int (*read)(struct nn_reader *r, struct graph *g, struct error *err);
    } table[] = {
        {"node", nn_read_node},   {"constant", read_constant}, {"input", read_input},      {"output", read_output},
        {"quant", refuse_quant},    {"property", read_property}, {"graph", read_graph_name},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (nn_is(word, table[i].word))
            return table[i].read(r, g, err) == 0 ? read_end_of_line(r, err) : -1;
    return error_set(err, "'%.*s' is no declaration that version 1 knows", nn_shown(word), word.at);
}

/* The rest of "end ATTRIBUTE". */
static int read_end(struct nn_reader *r, const char *attribute, struct error *err)
{
    const char *name = read_name(r, "an end line", err);

    if (!name)
        return -1;
    if (strcmp(name, attribute) != 0)
        return error_set(err, "end of '%s' within the block of '%s'", name, attribute);
    return read_end_of_line(r, err);
}

int nn_read_body(struct nn_reader *r, struct graph *g, const char *attribute, struct error *err)
{
    while (nn_next_line(r)) {
        struct nn_span whole = r->line, word;

        if (!nn_word(&r->line, &word))
            return error_set(err, "an empty line");
        if (attribute && nn_is(word, "end"))
            return read_end(r, attribute, err);
        if ((nn_begins(word, "x-") ? keep_line(r, whole, err) : read_declaration(r, g, word, err)) != 0)
            return -1;
    }
    return attribute ? error_set(err, "the header ends within the block of '%s'", attribute) : 0;
}
