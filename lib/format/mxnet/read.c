/* The symbol: its nodes one by one, in the order of the file, which is that of computing. */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "format/mxnet/mxnet.h"

static rows_fn *const reads[] = {
#define FN(read, rows) (rows_fn *)mxnet_read_##read,
#include "format/mxnet/ops.def"
#undef FN
};

#include "format/mxnet/ops.inc"
PACKED_TABLE(groups, rows_fn *, 0, reads);

static const char *operator_at(size_t index)
{
    return rows_name(&groups, index);
}

/* ---- the list of nodes ---- */

#define MOST_NODES   (1 << 16)
#define MOST_OUTPUTS (1 << 18) /* of all nodes */
#define MOST_INPUTS  4096      /* of one, and heads */

static const struct json_node *member(const struct mxnet_reader *r, const struct json_node *of, const char *key)
{
    return json_member(&r->json, of, key);
}

static const char *text_of(const struct json_node *n)
{
    return n && n->kind == JSON_STRING ? n->string : "";
}

/* Whole and within 0 … most. */
static bool is_count(const struct json_node *n, double most)
{
    return n && n->kind == JSON_NUMBER && n->number >= 0 && n->number <= most && n->number == (double)(size_t)n->number;
}

/* Checks the entries of a list, and notes which outputs they want. before: nodes that they may name. */
static void want(struct mxnet_reader *r, const struct json_node *list, size_t before)
{
    for (const struct json_node *e = json_first(&r->json, list); e && !r->b.failed; e = json_next(&r->json, e)) {
        const struct json_node *n = json_first(&r->json, e), *k = n ? json_next(&r->json, n) : NULL;
        if (!is_count(n, (double)before - 1) || !is_count(k, MOST_OUTPUTS)) {
            build_fail(&r->b, "an input or head that is not [node, output], of a node before it");
            return;
        }
        struct mxnet_node *node = &r->nodes[(size_t)n->number];
        if (k->number >= node->wanted)
            node->wanted = (int)k->number + 1;
    }
}

static void list_nodes(struct mxnet_reader *r, const struct json_node *root)
{
    const struct json_node *list = member(r, root, "nodes");
    size_t count = 0, outputs = 0, place = 0;
    for (const struct json_node *n = json_first(&r->json, list); n; n = json_next(&r->json, n))
        count++;
    if (count > MOST_NODES)
        build_fail(&r->b, "%zu nodes, want at most %d", count, MOST_NODES);
    r->nodes = r->b.failed ? NULL : arena_alloc(&r->arena, (count + 1) * sizeof(*r->nodes), r->b.err);
    build_check(&r->b, r->nodes != NULL);
    for (const struct json_node *n = json_first(&r->json, list); n && !r->b.failed; n = json_next(&r->json, n)) {
        struct mxnet_node *node = &r->nodes[r->node_count];
        *node = (struct mxnet_node){n, text_of(member(r, n, "name")), text_of(member(r, n, "op")), NULL, 1, place};
        place += strcmp(node->op, "null") == 0 && !lookup_find(&r->weights, node->name);
        want(r, member(r, n, "inputs"), r->node_count++);
    }
    want(r, member(r, root, "heads"), r->node_count);
    for (size_t i = 0; i < r->node_count && !r->b.failed; i++) {
        outputs += (size_t)r->nodes[i].wanted;
        if (outputs > MOST_OUTPUTS)
            build_fail(&r->b, "more than %d outputs of nodes", MOST_OUTPUTS);
        else
            r->nodes[i].out = arena_alloc(&r->arena, (size_t)r->nodes[i].wanted * sizeof(struct value *), r->b.err);
        build_check(&r->b, r->nodes[i].out != NULL);
    }
}

/* ---- nodes ---- */

#define MOST_KEPT 256       /* parameters */
#define MOST_MADE (1 << 18) /* nodes and values that all of a symbol become */

/* Its parameters as texts. */
static void keep(struct mxnet_op *o)
{
    char op[200];
    const struct json *j = &o->r->json;
    const struct json_node *list = member(o->r, o->node->json, "attrs");
    int count = 0;
    snprintf(op, sizeof(op), "mxnet.%.150s", o->node->op);
    struct value **in = mxnet_all(o), *v = o->b->failed ? NULL : build_node(o->b, op, o->in_count, in);
    if (!list)
        list = member(o->r, o->node->json, "param");
    for (const struct json_node *n = json_first(j, list); n && count++ < MOST_KEPT; n = json_next(j, n))
        if (n->kind == JSON_STRING && n->key && *n->key)
            build_string(o->b, v, n->key, n->string);
    for (int k = 0; k < o->node->wanted && !o->b->failed; k++)
        mxnet_give(o, k, build_output(o->b, v, k));
}

/* New values are called as the node, those behind the first with a number. */
static void name_outputs(struct mxnet_op *o)
{
    char name[300];
    for (int k = 0; k < o->node->wanted && !o->b->failed; k++) {
        struct value *v = o->node->out[k];
        bool is_new = v && v->producer && !v->is_input && strcmp(v->producer->name, o->node->name) == 0;
        snprintf(name, sizeof(name), k ? "%.250s_output%d" : "%.250s", o->node->name, k);
        if (is_new && *o->node->name)
            build_name(o->b, v, name);
    }
}

static void read_node(struct mxnet_reader *r, struct mxnet_node *node)
{
    struct mxnet_op o = {.r = r, .b = &r->b, .node = node};
    mxnet_op_fn *read = (mxnet_op_fn *)rows_find(&groups, node->op, &o.arg);
    const struct json_node *list = member(r, node->json, "inputs");
    for (const struct json_node *n = json_first(&r->json, list); n; n = json_next(&r->json, n))
        o.in_count++;
    if (o.in_count > MOST_INPUTS)
        build_fail(&r->b, "it has %d inputs, want at most %d", o.in_count, MOST_INPUTS);
    if (r->b.graph->node_count > MOST_MADE || r->b.graph->value_count > 2 * MOST_MADE)
        build_fail(&r->b, "the nodes before it become more than %d", MOST_MADE);
    o.in = r->b.failed ? NULL : arena_alloc(&r->arena, ((size_t)o.in_count + 1) * sizeof(*o.in), r->b.err);
    build_check(&r->b, o.in != NULL);
    if (!r->b.failed) {
        build_layer(&r->b, node->name);
        (read ? read : keep)(&o);
        build_infer(&r->b);
        name_outputs(&o);
    }
    if (r->b.failed)
        error_prefix(r->b.err, "node '%.200s' (%.100s)", node->name, node->op);
}

/* ---- the whole ---- */

/* MXNet's own names: "fc_output", "split_output1"; that of a variable as it is. */
static void add_outputs(struct mxnet_reader *r, const struct json_node *heads)
{
    char name[300];
    size_t count = 0;
    for (const struct json_node *e = json_first(&r->json, heads); e && !r->b.failed; e = json_next(&r->json, e)) {
        const struct json_node *n = json_first(&r->json, e), *k = json_next(&r->json, n);
        const struct mxnet_node *node = &r->nodes[(size_t)n->number];
        if (++count > MOST_INPUTS)
            build_fail(&r->b, "more than %d heads", MOST_INPUTS);
        if (k->number > 0 && !node->out[(size_t)k->number]) /* what only training takes */
            continue;
        struct value *v = mxnet_entry(r, e);
        if (r->b.failed)
            return;
        if (node->wanted > 1)
            snprintf(name, sizeof(name), "%.250s_output%d", node->name, (int)k->number);
        else
            snprintf(name, sizeof(name), "%.250s_output", node->name);
        build_layer(&r->b, node->name);
        build_graph_output(&r->b, v, graph_find_local(r->b.graph, name) == v && v->is_output ? NULL : name);
    }
}

/* Inputs came into being as they were taken; their order is that of the file. */
static void order_inputs(struct mxnet_reader *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->node_count && !r->b.failed; i++)
        if (r->nodes[i].out[0] && r->nodes[i].out[0]->is_input && strcmp(r->nodes[i].op, "null") == 0)
            r->b.graph->inputs[count++] = r->nodes[i].out[0];
}

/* Variables without weights are inputs, but not all of them where there are weights. */
static void check_weights(struct mxnet_reader *r)
{
    bool found = r->weights.count == 0;
    for (size_t i = 0; i < r->node_count && !found; i++)
        found = lookup_find(&r->weights, r->nodes[i].name) != NULL;
    if (!found)
        build_fail(&r->b, "its weights are another net's: none of their %zu names is a variable of it",
                   r->weights.count);
}

static int read_symbol(struct mxnet_reader *r, struct error *err)
{
    const struct json_node *root = r->json.node;
    list_nodes(r, root);
    check_weights(r);
    for (size_t i = 0; i < r->node_count && !r->b.failed; i++)
        if (strcmp(r->nodes[i].op, "null") != 0)
            read_node(r, &r->nodes[i]);
    add_outputs(r, member(r, root, "heads"));
    order_inputs(r);
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "the symbol has no heads");
    build_check(&r->b, r->b.failed || graph_set_property(r->b.graph, "producer", "MXNet", 5, err) == 0);
    build_remove_unused(&r->b);
    return build_graph_end(&r->b);
}

static void release(struct mxnet_reader *r)
{
    for (size_t i = 0; i < r->weights.cap; i++)
        tensor_unref(r->weights.slots[i].name ? r->weights.slots[i].what : NULL);
    lookup_release(&r->weights);
    json_release(&r->json);
    arena_release(&r->arena);
}

static bool has(const struct blob *blob, const char *word)
{
    return memmem(blob->data, blob->size, word, strlen(word)) != NULL;
}

/* Whether some variable looks like a weight: a symbol of other operators needs no second file. */
static bool has_weights(const struct blob *blob)
{
    return has(blob, "_weight\"") || has(blob, "_gamma\"");
}

static int read_both(struct mxnet_reader *r, const struct source *s, struct error *err)
{
    static const char twins[] = "-0000.params .params *.params";
    if (json_parse(&r->json, s->blob->data, s->blob->size, err) != 0)
        return -1;
    if (source_has_twin(s, twins) || has_weights(s->blob)) {
        struct blob *params = source_twin(s, twins, err);
        int result = params ? mxnet_read_params(r, params, err) : -1;
        if (params && result != 0)
            error_prefix(err, "its weights");
        blob_unref(params);
        if (result != 0)
            return -1;
    }
    return read_symbol(r, err);
}

static struct graph *mxnet_read(const struct source *s, struct error *err)
{
    struct mxnet_reader r = {.source = s, .b = {.graph = graph_new(err), .err = err}};
    int result = r.b.graph ? read_both(&r, s, err) : -1;
    release(&r);
    return graph_if(result == 0, r.b.graph);
}

static int sniff(const struct source *s)
{
    const char *at = s->blob->data;
    size_t n = s->blob->size, i = 0;
    while (i < n && (at[i] == ' ' || at[i] == '\n' || at[i] == '\r' || at[i] == '\t'))
        i++;
    bool fits = i < n && at[i] == '{' && n <= JSON_MAX_BYTES;
    return fits && has(s->blob, "\"nodes\"") && has(s->blob, "\"arg_nodes\"") && has(s->blob, "\"heads\"") ? 90 : 0;
}

const struct format format_mxnet = {
    .name = "mxnet",
    .suffixes = ".json -symbol.json",
    .twins = "-0000.params .params",
    .what = "MXNet: NAME-symbol.json and NAME-0000.params",
    .channels_last = true,
    .sniff = sniff,
    .read = mxnet_read,
    .operator_at = operator_at,
};
