/* Merging equal constants, and nodes that compute the same from the same. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "pass/util.h"

/* Hash table of things already met, open addressing. */
struct table {
    void **at;
    size_t mask;
};

static int table_init(struct table *t, size_t n, struct error *err)
{
    size_t size = 16;
    while (size / 2 < n)
        size *= 2;
    t->mask = size - 1;
    t->at = mem_calloc(size, sizeof(void *), err);
    return t->at ? 0 : -1;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash ^= word;
    return hash_random(&hash);
}

/* ---- constants ---- */

#define HASH_SAMPLE 256

/* Large tensors are told apart by their ends; what then still looks equal is compared. */
static uint64_t hash_tensor(const struct tensor *t)
{
    uint64_t hash = mix((uint64_t)t->dtype, t->size);
    if (t->dtype == DTYPE_STRING)
        return hash;
    size_t n = t->size < HASH_SAMPLE ? t->size : HASH_SAMPLE;
    hash = mix(hash, hash_bytes(t->data, n));
    return mix(hash, hash_bytes((const char *)t->data + (t->size - n), n));
}

/* Merging must not make a loop of comparisons out of many large, nearly equal tensors. */
#define MAX_PROBES 32

static int merge_constant(struct table *table, struct value *v, struct error *err)
{
    size_t at = (size_t)hash_tensor(v->constant) & table->mask;
    for (int probe = 0; table->at[at]; at = (at + 1) & table->mask) {
        struct value *first = table->at[at];
        if (tensor_equal(first->constant, v->constant)) {
            if (graph_replace_value(v, first, err))
                return -1;
            graph_remove_value(v);
            return 1;
        }
        if (++probe == MAX_PROBES)
            return 0;
    }
    table->at[at] = v;
    return 0;
}

static int merge_constants(struct graph *g, struct error *err)
{
    struct table table;
    int changes = 0, changed = 0;
    if (table_init(&table, g->value_count, err))
        return -1;
    for (size_t i = 0; i < g->value_count && changed >= 0; i++) {
        struct value *v = g->values[i];
        if (!v || !pass_constant(v) || v->is_output || !v->use_count)
            continue;
        changed = merge_constant(&table, v, err);
        changes += changed > 0;
    }
    free(table.at);
    return changed < 0 ? -1 : changes;
}

/* ---- nodes ---- */

static uint64_t hash_attr(const struct attr *a)
{
    uint64_t hash = mix(hash_bytes(a->name, strlen(a->name)), (uint64_t)a->kind);
    switch (a->kind) {
    case ATTR_INT: return mix(hash, (uint64_t)a->i);
    case ATTR_FLOAT: return mix(hash, hash_bytes(&a->f, sizeof(a->f)));
    case ATTR_STRING: return mix(hash, hash_bytes(a->s.data, a->s.size));
    case ATTR_INTS: return mix(hash, hash_bytes(a->ints, a->n * sizeof(*a->ints)));
    case ATTR_FLOATS: return mix(hash, hash_bytes(a->floats, a->n * sizeof(*a->floats)));
    default: return hash;
    }
}

/* Attributes may stand in any order. */
static uint64_t hash_node(const struct node *n)
{
    uint64_t hash = hash_bytes(n->op, strlen(n->op)), attrs = 0;
    for (int i = 0; i < n->in_count; i++)
        hash = mix(hash, (uint64_t)(uintptr_t)n->in[i]);
    for (const struct attr *a = n->attrs; a; a = a->next)
        attrs += hash_attr(a);
    return mix(hash, attrs);
}

static bool same_attr(const struct attr *a, const struct attr *b)
{
    if (!b || a->kind != b->kind || a->n != b->n)
        return false;
    switch (a->kind) {
    case ATTR_INT: return a->i == b->i;
    case ATTR_FLOAT: return memcmp(&a->f, &b->f, sizeof(a->f)) == 0;
    case ATTR_STRING: return a->s.size == b->s.size && memcmp(a->s.data, b->s.data, a->s.size) == 0;
    case ATTR_TENSOR: return tensor_equal(a->tensor, b->tensor);
    case ATTR_INTS: return memcmp(a->ints, b->ints, a->n * sizeof(*a->ints)) == 0;
    case ATTR_FLOATS: return memcmp(a->floats, b->floats, a->n * sizeof(*a->floats)) == 0;
    default: return false;
    }
}

bool pass_same_operator(const struct node *a, const struct node *b)
{
    size_t attrs = 0;
    if (strcmp(a->op, b->op) != 0 || strcmp(a->domain, b->domain) != 0 || a->in_count != b->in_count ||
        a->out_count != b->out_count)
        return false;
    for (const struct attr *x = a->attrs; x; x = x->next, attrs++)
        if (!same_attr(x, node_attr(b, x->name)))
            return false;
    for (const struct attr *x = b->attrs; x; x = x->next)
        attrs--;
    return attrs == 0;
}

static bool same_node(const struct node *a, const struct node *b)
{
    return pass_same_operator(a, b) &&
           (!a->in_count || memcmp(a->in, b->in, (size_t)a->in_count * sizeof(*a->in)) == 0);
}

/* A graph output, or an output that the first does not have, keeps its node. */
static int merge_node(struct node *first, struct node *n, struct error *err)
{
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && (!first->out[o] || n->out[o]->is_output))
            return 0;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && graph_replace_value(n->out[o], first->out[o], err))
            return -1;
    graph_remove_node(n);
    return 1;
}

static int visit_node(struct table *table, struct node *n, struct error *err)
{
    size_t at = (size_t)hash_node(n) & table->mask;
    for (int probe = 0; table->at[at]; at = (at + 1) & table->mask) {
        if (same_node(table->at[at], n))
            return merge_node(table->at[at], n, err);
        if (++probe == MAX_PROBES)
            return 0;
    }
    table->at[at] = n;
    return 0;
}

static int merge_nodes(struct graph *g, struct error *err)
{
    struct table table;
    int changes = 0, changed = 0;
    if (table_init(&table, g->node_count, err))
        return -1;
    for (struct node *n = g->first, *next; n && changed >= 0; n = next) {
        next = n->next;
        changed = pass_is_deterministic(n) ? visit_node(&table, n, err) : 0;
        changes += changed > 0;
    }
    free(table.at);
    return changed < 0 ? -1 : changes;
}

int pass_common(struct graph *g, struct error *err)
{
    int constants = merge_constants(g, err), nodes = constants < 0 ? -1 : merge_nodes(g, err);
    return nodes < 0 ? -1 : constants + nodes;
}
