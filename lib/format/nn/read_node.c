/* Node lines, and the blocks of their subgraphs. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "format/nn/read.h"
#include "op/op.h"

/* ---- the operator: [DOMAIN.]NAME[@OPSET] ---- */

static int read_since(struct nn_span word, int *since, struct error *err)
{
    int64_t value;

    if (nn_i64(word, &value, err) != 0)
        return -1;
    if (value < 1 || value > INT_MAX)
        return error_set(err, "opset %lld is impossible", (long long)value);
    *since = (int)value;
    return 0;
}

static const char *plain(struct nn_span word, struct text *buffer, struct error *err)
{
    struct str s;

    if (nn_unescape(word, buffer, &s, err) != 0)
        return NULL;
    if (s.size && strlen(s.data) == s.size)
        return s.data;
    error_set(err, "the operator '%.*s' %s", nn_shown(word), word.at, s.size ? "holds a NUL byte" : "is empty");
    return NULL;
}

static struct node *add_node(struct nn_reader *r, struct graph *g, struct nn_span word, struct error *err)
{
    size_t at = nn_find(word, '@'), dot = 0;
    const char *domain = "", *op;
    struct node *n;
    int since = 0;

    if (at < word.n && read_since(nn_skip(word, at + 1), &since, err) != 0)
        return NULL;
    word.n = at;
    for (size_t i = 0; i < word.n; i++)
        if (word.at[i] == '.')
            dot = i + 1;
    if (dot && !(domain = plain((struct nn_span){word.at, dot - 1}, &r->key, err)))
        return NULL;
    op = plain(nn_skip(word, dot), &r->bytes, err);
    n = op ? graph_add_node(g, domain, op, NULL, err) : NULL;
    if (!n)
        return NULL;
    n->since = since;
    n->def = op_find(n->domain, n->op);
    return n;
}

/* ---- operands ---- */

static int read_inputs(struct nn_reader *r, struct node *n, struct error *err)
{
    struct nn_span word;

    while (nn_word(&r->line, &word)) {
        const char *name;
        struct value *v = NULL;

        if (nn_is(word, "->"))
            return 0;
        name = nn_name(word, &r->bytes, err);
        if (!name)
            return -1;
        if (*name && !(v = graph_find_value(n->graph, name)))
            return error_set(err, "input '%s' is declared nowhere above", name);
        if (node_add_input(n, v, err) != 0)
            return -1;
    }
    return error_set(err, "a node has '->' between inputs and outputs");
}

static int read_output(struct nn_reader *r, struct node *n, struct nn_span word, struct error *err)
{
    struct nn_span dtype, shape;
    struct value *v = NULL;
    const char *name = nn_name(word, &r->bytes, err);

    if (!name)
        return -1;
    if (*name) {
        v = graph_add_value(n->graph, name, err);
        if (!v)
            return -1;
        if (!nn_word(&r->line, &dtype) || !nn_word(&r->line, &shape))
            return error_set(err, "output '%s' lacks its type and shape", v->name);
        if (nn_read_type(r, dtype, shape, &v->type, err) != 0)
            return -1;
    }
    return node_add_output(n, v, err);
}

/* ---- attributes ---- */

static size_t count_items(struct nn_span list)
{
    struct nn_span item;
    size_t n = 0;

    while (nn_item(&list, ',', &item))
        n++;
    return n;
}

static int read_ints(struct node *n, const char *key, struct nn_span list, struct error *err)
{
    size_t count = count_items(list), i = 0;
    int64_t *values = mem_calloc(count, sizeof *values, err);
    struct nn_span item;
    int result = values ? 0 : -1;

    while (result == 0 && nn_item(&list, ',', &item))
        result = nn_i64(item, &values[i++], err);
    if (result == 0)
        result = node_set_ints(n, key, values, count, err);
    free(values);
    return result;
}

static int read_floats(struct node *n, const char *key, struct nn_span list, struct error *err)
{
    size_t count = count_items(list), i = 0;
    float *values = mem_calloc(count, sizeof *values, err);
    struct nn_span item;
    int result = values ? 0 : -1;

    while (result == 0 && nn_item(&list, ',', &item))
        result = nn_float(item, &values[i++], err);
    if (result == 0)
        result = node_set_floats(n, key, values, count, err);
    free(values);
    return result;
}

static int read_strings(struct nn_reader *r, struct node *n, const char *key, struct nn_span list, struct error *err)
{
    size_t count = count_items(list), i = 0;
    struct str *values = mem_calloc(count, sizeof *values, err), s;
    struct nn_span item;
    int result = values ? 0 : -1;

    while (result == 0 && nn_item(&list, ',', &item)) {
        result = nn_unquote(item, &r->bytes, &s, err);
        if (result == 0 && !(values[i].data = arena_strndup(&r->root->arena, s.data, s.size, err)))
            result = -1;
        values[i++].size = s.size;
    }
    if (result == 0)
        result = node_set_strings(n, key, values, count, err);
    free(values);
    return result;
}

/* Digits and a sign alone are an integer; all else that looks like a number is a float. */
static bool is_integer(struct nn_span s)
{
    size_t i = s.n > 0 && *s.at == '-';

    while (i < s.n && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    return s.n > 0 && i == s.n;
}

static int read_list(struct nn_reader *r, struct node *n, const char *key, struct nn_span value, struct error *err)
{
    struct nn_span list, rest, item;

    if (value.n < 3 || value.at[value.n - 1] != ']')
        return error_set(err, "'%.*s' is no list; an empty one is ints[], floats[] or strings[]", nn_shown(value),
                         value.at);
    list = rest = (struct nn_span){value.at + 1, value.n - 2};
    nn_item(&rest, ',', &item);
    if (*item.at == '"')
        return read_strings(r, n, key, list, err);
    return is_integer(item) ? read_ints(n, key, list, err) : read_floats(n, key, list, err);
}

static int read_string(struct nn_reader *r, struct node *n, const char *key, struct nn_span value, struct error *err)
{
    struct str s;

    if (nn_unquote(value, &r->bytes, &s, err) != 0)
        return -1;
    return node_set_string(n, key, s.data, s.size, err);
}

static int read_type(struct nn_reader *r, struct node *n, const char *key, struct nn_span value, struct error *err)
{
    struct nn_span dtype = nn_skip(value, strlen("type:")), shape;
    struct type type;

    shape = nn_skip(dtype, nn_find(dtype, ':'));
    dtype.n -= shape.n;
    if (!shape.n)
        return error_set(err, "'%.*s', want type:TYPE:SHAPE", nn_shown(value), value.at);
    if (nn_read_type(r, dtype, nn_skip(shape, 1), &type, err) != 0)
        return -1;
    return node_set_type(n, key, &type, err);
}

static int read_number(struct node *n, const char *key, struct nn_span value, struct error *err)
{
    int64_t i;
    float f;

    if (is_integer(value))
        return nn_i64(value, &i, err) == 0 ? node_set_int(n, key, i, err) : -1;
    return nn_float(value, &f, err) == 0 ? node_set_float(n, key, f, err) : -1;
}

/* What is in the block follows behind the line. */
static int add_subgraph(struct node *n, const char *key, struct error *err)
{
    struct graph *sub = graph_new_subgraph(n->graph, err);

    return sub ? node_set_graph(n, key, sub, err) : -1;
}

static int read_value(struct nn_reader *r, struct node *n, const char *key, struct nn_span value, struct error *err)
{
    char first = value.n ? *value.at : '\0';

    if (first == '"')
        return read_string(r, n, key, value, err);
    if (first == '[')
        return read_list(r, n, key, value, err);
    if (nn_is(value, "graph"))
        return add_subgraph(n, key, err);
    if (nn_is(value, "ints[]"))
        return node_set_ints(n, key, NULL, 0, err);
    if (nn_is(value, "floats[]"))
        return node_set_floats(n, key, NULL, 0, err);
    if (nn_is(value, "strings[]"))
        return node_set_strings(n, key, NULL, 0, err);
    if (nn_begins(value, "type:"))
        return read_type(r, n, key, value, err);
    if (nn_find(value, '[') < value.n)
        return node_set_tensor(n, key, nn_read_literal(r, value, err), err);
    return read_number(n, key, value, err);
}

static int read_attr(struct nn_reader *r, struct node *n, struct nn_span word, struct error *err)
{
    size_t equals = nn_find(word, '=');
    const char *name = nn_name((struct nn_span){word.at, equals}, &r->key, err);
    char *key;
    int result;

    if (!name)
        return -1;
    if (equals == word.n || !*name)
        return error_set(err, "'%.*s' is no attribute, want NAME=VALUE", nn_shown(word), word.at);
    if (node_attr(n, name))
        return error_set(err, "attribute %s is there twice", name);
    key = arena_strdup(&r->root->arena, name, err); /* r->key is wanted for strings */
    result = key ? read_value(r, n, key, nn_skip(word, equals + 1), err) : -1;
    return result == 0 ? 0 : key ? error_prefix(err, "attribute %s", key) : -1;
}

/* ---- the whole ---- */

static int read_operands(struct nn_reader *r, struct node *n, struct error *err)
{
    struct nn_span word;
    bool attrs = false;

    if (read_inputs(r, n, err) != 0)
        return -1;
    while (nn_word(&r->line, &word)) {
        if (!attrs && nn_is(word, ":"))
            attrs = true;
        else if ((attrs ? read_attr : read_output)(r, n, word, err) != 0)
            return -1;
    }
    return 0;
}

static int read_block(struct nn_reader *r, const struct attr *a, struct error *err)
{
    struct nn_span word;
    const char *name;

    if (!nn_next_line(r) || !nn_word(&r->line, &word) || !nn_is(word, "begin") || !nn_word(&r->line, &word))
        return error_set(err, "want the line 'begin %s' of the node's subgraph", a->name);
    name = nn_name(word, &r->bytes, err);
    if (!name)
        return -1;
    if (strcmp(name, a->name) != 0)
        return error_set(err, "a block of '%s', want that of the node's attribute '%s'", name, a->name);
    if (nn_word(&r->line, &word)) {
        name = nn_name(word, &r->bytes, err);
        a->graph->name = name ? arena_strdup(&r->root->arena, name, err) : "";
        if (!name || !a->graph->name || nn_word(&r->line, &word))
            return name ? error_set(err, "unexpected '%.*s' behind a block's name", nn_shown(word), word.at) : -1;
    }
    return nn_read_body(r, a->graph, a->name, err);
}

int nn_read_node(struct nn_reader *r, struct graph *g, struct error *err)
{
    struct nn_span name, op;
    size_t number = r->number;
    const char *text;
    struct node *n;

    if (!nn_word(&r->line, &name) || !nn_word(&r->line, &op))
        return error_set(err, "a node needs a name ('-' for none) and an operator");
    n = add_node(r, g, op, err);
    text = n ? nn_name(name, &r->bytes, err) : NULL;
    if (!text || node_set_name(n, text, err) != 0 || read_operands(r, n, err) != 0)
        return -1;
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH && read_block(r, a, err) != 0)
            return -1;
    if (op_check(n, err) == 0)
        return 0;
    r->number = number; /* of the node, not of its last block */
    return -1;
}
