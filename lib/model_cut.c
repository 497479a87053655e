/* Cutting a part out of a model, and giving its inputs and outputs other names. */
#include "model_private.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "op/op.h"
#include "pass/util.h"

/* An input or output that a list names. */
struct end {
    struct value *value;
    const char *name; /* the new one */
};

struct ends {
    struct end *at;
    size_t count;
};

/* ---- names ---- */

/* How much of its beginning and its end a name has in common with a word, in any case. */
static size_t likeness(const char *name, const char *word)
{
    size_t head = 0, tail = 0, n = strlen(name), m = strlen(word), least = n < m ? n : m;
    while (head < least && (name[head] | 0x20) == (word[head] | 0x20))
        head++;
    while (tail < least && (name[n - 1 - tail] | 0x20) == (word[m - 1 - tail] | 0x20))
        tail++;
    return head + tail;
}

static bool can_be_end(const struct value *v)
{
    return v && (v->producer || v->is_input);
}

/* Viewers show nodes by their names, which are often not those of the values they make. */
static int unknown_name(const struct graph *g, const char *word, struct error *err)
{
    const struct value *nearest = NULL;
    size_t most = 0;
    for (size_t i = 0; i < g->value_count; i++) {
        const struct value *v = g->values[i];
        if (!can_be_end(v))
            continue;
        size_t own = likeness(v->name, word), node = v->producer ? likeness(v->producer->name, word) : 0;
        if (!nearest || own > most || node > most) {
            nearest = v;
            most = own > node ? own : node;
        }
    }
    const struct node *n = nearest ? nearest->producer : NULL;
    return error_set(err, "no value '%s' is computed outside of subgraphs: the nearest is '%s'%s%s%s", word,
                     nearest ? nearest->name : "", n ? ", of node '" : "", n ? n->name : "", n ? "'" : "");
}

static int find_end(struct graph *g, char *word, struct ends *ends, struct error *err)
{
    struct end *end = &ends->at[ends->count];
    char *equals = graph_find_local(g, word) ? NULL : strrchr(word, '=');
    if (equals)
        *equals++ = 0;
    *end = (struct end){graph_find_local(g, word), equals && *equals ? equals : word};
    if (!can_be_end(end->value))
        return unknown_name(g, word, err);
    for (size_t i = 0; i < ends->count; i++)
        if (ends->at[i].value == end->value)
            return error_set(err, "'%s' is listed twice", word);
    ends->count++;
    return 0;
}

/* The length of the value's name that a list begins with, commas in it included; 0: it begins with none. */
static size_t name_length(const struct graph *g, char *list)
{
    for (char *end = list;; end++) {
        end += strcspn(end, ",=");
        char kept = *end;
        *end = 0;
        bool is_name = graph_find_local(g, list) != NULL;
        *end = kept;
        if (is_name || !kept)
            return is_name ? (size_t)(end - list) : 0;
    }
}

static int find_ends(struct graph *g, const char *list, struct ends *ends, struct error *err)
{
    *ends = (struct ends){NULL, 0};
    if (!list)
        return 0;
    size_t most = 1;
    for (const char *c = list; *c; c++)
        most += *c == ',';
    char *rest = arena_strdup(&g->arena, list, err);
    if (!rest || !(ends->at = arena_alloc(&g->arena, most * sizeof *ends->at, err)))
        return -1;
    while (rest) {
        char *word = rest;
        rest += name_length(g, rest);
        strsep(&rest, ",");
        if (find_end(g, word, ends, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- new ends ---- */

static int set_outputs(struct graph *g, const struct ends *ends, struct error *err)
{
    while (ends->count && g->output_count)
        graph_remove_output(g->outputs[0]);
    for (size_t i = 0; i < ends->count; i++)
        if (graph_add_output(g, ends->at[i].value, err) < 0)
            return -1;
    return 0;
}

/* An input in the place of a value that a node computes. */
static int add_input(struct end *end, struct error *err)
{
    const struct value *v = end->value;
    struct graph *g = v->graph;
    if (v->is_output || v->type.kind == TYPE_UNKNOWN || (v->type.kind == TYPE_TENSOR && !v->type.dtype))
        return error_set(err, "'%s' cannot be an input: %s", v->name,
                         v->is_output ? "it is an output" : "its type is not known");
    end->value = graph_add_value(g, NULL, err);
    return end->value && graph_copy_type(g, &end->value->type, &v->type, err) == 0 &&
                   graph_add_input(g, end->value, err) == 0
               ? graph_replace_value((struct value *)v, end->value, err)
               : -1;
}

static int set_inputs(const struct ends *ends, struct error *err)
{
    for (size_t i = 0; i < ends->count; i++)
        if (!ends->at[i].value->is_input && add_input(&ends->at[i], err) < 0)
            return -1;
    return 0;
}

/* The inputs become those that outputs depend on: the listed ones, then those that may be left out. */
static int order_inputs(struct graph *g, const struct ends *ends, struct error *err)
{
    for (size_t i = 0; i < ends->count; i++) {
        struct value *v = ends->at[i].value;
        if (!value_is_used(v))
            return error_set(err, "no output depends on the input '%s'", ends->at[i].name);
        graph_remove_input(v);
        if (graph_add_input(g, v, err) < 0)
            return -1;
    }
    for (size_t others = g->input_count - ends->count; others > 0; others--) {
        struct value *v = g->inputs[0];
        bool used = value_is_used(v);
        if (ends->count && used && !v->constant)
            return error_set(err, "outputs depend on the input '%s' too: list it", v->name);
        graph_remove_input(v);
        if (!used)
            graph_remove_value(v);
        else if (graph_add_input(g, v, err) < 0)
            return -1;
    }
    return 0;
}

/* A name of a subgraph would hide that of the end from the nodes in there. */
static int rename_end(struct value *v, const char *name, struct error *err)
{
    for (const struct graph *s = v->graph; name && s; s = graph_next(v->graph, s))
        if (graph_find_local(s, name))
            return error_set(err, "there is another value '%s'", name);
    return name ? graph_rename_value(v, name, err) : -1;
}

/* All names are free before they are given, so that ends can exchange theirs. */
static int rename_ends(struct graph *g, const struct ends *ends, bool last, struct error *err)
{
    for (size_t i = 0; i < ends->count; i++)
        if (rename_end(ends->at[i].value, last ? ends->at[i].name : graph_fresh_name(g, "", err), err) < 0)
            return -1;
    return 0;
}

/* ---- what was said of ends that are gone ---- */

static bool is_reordered(const struct graph *g, const struct ends *out)
{
    bool same = out->count == g->output_count;
    for (size_t i = 0; same && i < out->count; i++)
        same = out->at[i].value == g->outputs[i];
    return out->count && !same;
}

static const struct value *recipe_input(const struct graph *g)
{
    struct recipe r = {0};
    struct error ignored;
    const struct str *text = graph_property(g, "recipe");
    if (text && recipe_parse(text->data, text->size, &r, &ignored) < 0)
        return NULL;
    ptrdiff_t i = model_photo_input(g, &r, &ignored);
    return i < 0 ? NULL : g->inputs[i];
}

static int drop_properties(struct graph *g, const char *keys)
{
    int count = 0;
    for (struct property **at = &g->properties; *at;)
        if (text_has_word(keys, (*at)->key)) {
            *at = (*at)->next;
            count++;
        } else
            at = &(*at)->next;
    return count;
}

int model_cut(struct model *m, const char *inputs, const char *outputs, struct model_error *error)
{
    struct error *err = model_inner(error), ignored;
    struct graph *g = m->graph;
    struct ends in, out;
    for (struct node *n = g->first; n; n = n->next) /* for types of new inputs; what is cut off need not be right */
        op_infer_node(n, &ignored);
    if (find_ends(g, inputs, &in, err) < 0 || find_ends(g, outputs, &out, err) < 0)
        return -1;
    const struct value *photo = recipe_input(g);
    bool reordered = is_reordered(g, &out);
    if (set_outputs(g, &out, err) < 0 || set_inputs(&in, err) < 0 || pass_dead_code(g, err) < 0 ||
        order_inputs(g, &in, err) < 0 || rename_ends(g, &in, false, err) < 0 || rename_ends(g, &out, false, err) < 0 ||
        rename_ends(g, &in, true, err) < 0 || rename_ends(g, &out, true, err) < 0)
        return -1;
    return (reordered ? drop_properties(g, "task labels names character") : 0) +
           (photo && recipe_input(g) != photo ? drop_properties(g, "recipe frame") : 0);
}
