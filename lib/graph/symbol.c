/* The table of symbols, and giving one a size. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "graph/impl.h"
#include "graph/symbol.h"

struct graph_symbols {
    struct symbol *at; /* dim -1 - i is symbol i */
    size_t count, cap;
    uint32_t *slots; /* hash table, linear probing: 0, or index + 1 of a symbol */
    size_t slot_cap; /* a power of two, at least twice count */
};

static int64_t dim_of(size_t index)
{
    return -1 - (int64_t)index;
}

const struct symbol *symbol_of(const struct graph *g, int64_t dim)
{
    const struct graph_symbols *t = g->root->symbols;

    return t && dim < 0 && dim != DIM_UNKNOWN && (uint64_t)(-1 - dim) < t->count ? &t->at[-1 - dim] : NULL;
}

size_t symbol_count(const struct graph *g)
{
    return g->root->symbols ? g->root->symbols->count : 0;
}

const char *graph_symbol_name(const struct graph *g, int64_t dim)
{
    const struct symbol *s = symbol_of(g, dim);

    return s ? s->name : "?";
}

/* ---- the hash table ---- */

static uint32_t *probe(const struct graph_symbols *t, const char *name)
{
    size_t i = (size_t)hash_bytes(name, strlen(name)) & (t->slot_cap - 1);

    while (t->slots[i] && strcmp(t->at[t->slots[i] - 1].name, name) != 0)
        i = (i + 1) & (t->slot_cap - 1);
    return &t->slots[i];
}

static int make_room(struct graph *g, struct error *err)
{
    struct graph_symbols *t = g->symbols;
    size_t cap;
    uint32_t *slots;

    if (!t)
        t = g->symbols = graph_alloc(g, 1, sizeof *t, err);
    if (!t || graph_grow(g, &t->at, &t->cap, t->count + 1, sizeof *t->at, err) != 0)
        return -1;
    if (t->count >= INT32_MAX)
        return error_set(err, "more than %d symbolic dimensions", INT32_MAX);
    if (2 * (t->count + 1) <= t->slot_cap)
        return 0;
    cap = t->slot_cap ? 2 * t->slot_cap : 16;
    slots = graph_alloc(g, cap, sizeof *slots, err);
    if (!slots)
        return -1;
    t->slots = slots;
    t->slot_cap = cap;
    for (size_t i = 0; i < t->count; i++)
        *probe(t, t->at[i].name) = (uint32_t)i + 1;
    return 0;
}

/* Copies what an expression points to. */
static int copy_operands(struct graph *g, struct symbol *to, const struct symbol *from, struct error *err)
{
    struct symbol_sum *sum = NULL;
    int64_t *factors = NULL;

    if (from->kind == SYMBOL_SUM) {
        sum = graph_alloc(g, 1, sizeof *sum, err);
        if (!sum)
            return -1;
        *sum = *from->sum;
    } else if (from->kind == SYMBOL_PRODUCT) {
        factors = graph_alloc(g, (size_t)from->n, sizeof *factors, err);
        if (!factors)
            return -1;
        memcpy(factors, from->factors, (size_t)from->n * sizeof *factors);
    }
    to->kind = from->kind;
    to->sum = sum;
    to->n = from->n;
    to->factors = factors;
    to->a = from->a;
    to->b = from->b;
    return 0;
}

/* A name that came from outside, and turns out to be an expression, becomes one. */
static int64_t intern(struct graph *g, const struct symbol *s, struct error *err)
{
    struct graph_symbols *t;
    uint32_t *slot;

    g = g->root;
    if (make_room(g, err) != 0)
        return DIM_UNKNOWN;
    t = g->symbols;
    slot = probe(t, s->name);
    if (!*slot) {
        struct symbol *made = &t->at[t->count];

        made->name = arena_strdup(&g->arena, s->name, err);
        if (!made->name || copy_operands(g, made, s, err) != 0)
            return DIM_UNKNOWN;
        *slot = (uint32_t)++t->count;
    } else if (t->at[*slot - 1].kind == SYMBOL_NAME && s->kind != SYMBOL_NAME) {
        if (copy_operands(g, &t->at[*slot - 1], s, err) != 0)
            return DIM_UNKNOWN;
    }
    return dim_of(*slot - 1);
}

int64_t symbol_intern(struct graph *g, const struct symbol *s)
{
    return intern(g, s, NULL);
}

int64_t graph_symbol(struct graph *g, const char *name, struct error *err)
{
    struct symbol s = {.name = name, .kind = SYMBOL_NAME};
    int64_t dim;

    if (!*name || strcmp(name, "?") == 0)
        return DIM_UNKNOWN;
    dim = intern(g, &s, err);
    return dim == DIM_UNKNOWN ? 0 : dim;
}

int symbol_copy_all(struct graph *to, const struct graph *from, struct error *err)
{
    for (size_t i = 0; i < symbol_count(from); i++)
        if (intern(to, symbol_of(from, dim_of(i)), err) == DIM_UNKNOWN)
            return -1;
    return 0;
}

/* ---- giving symbols sizes ---- */

struct binding {
    struct graph *root;
    size_t count;         /* symbols there were at the start; later ones are results */
    int64_t *dims;        /* what symbol i becomes, */
    unsigned char *known; /* once it is known */
};

enum { COMPUTED = 1, GIVEN };

static bool replace_in(struct binding *b, const struct symbol *s, struct symbol_sum *sum);

/* A dim after the replacement, as a sum: parts of it may be negative numbers. Recursion is as deep, and work as
 * much, as names of expressions are long. */
static bool replace_dim(struct binding *b, int64_t dim, struct symbol_sum *sum)
{
    const struct symbol *s = symbol_of(b->root, dim);
    size_t i = (size_t)(-1 - dim);
    bool is_given = s && i < b->count && b->known[i] == GIVEN;

    *sum = (struct symbol_sum){0};
    if (!is_given && s && s->kind != SYMBOL_NAME)
        return replace_in(b, s, sum);
    return symbol_sum_add(b->root, sum, 1, is_given ? b->dims[i] : dim);
}

static bool replace_in(struct binding *b, const struct symbol *s, struct symbol_sum *sum)
{
    struct symbol_sum part, before;

    switch (s->kind) {
    case SYMBOL_NAME:
        break;
    case SYMBOL_SUM:
        sum->constant = s->sum->constant;
        for (int i = 0; i < s->sum->n; i++)
            if (!replace_dim(b, s->sum->term[i].atom, &part) ||
                !symbol_sum_add_sum(b->root, sum, s->sum->term[i].coefficient, &part))
                return false;
        return true;
    case SYMBOL_PRODUCT:
        sum->constant = 1;
        for (int i = 0; i < s->n; i++) {
            before = *sum;
            if (!replace_dim(b, s->factors[i], &part) || !symbol_sum_mul(b->root, &before, &part, sum))
                return false;
        }
        return true;
    case SYMBOL_QUOTIENT:
        return replace_dim(b, s->a, &before) && replace_dim(b, s->b, &part) &&
               symbol_sum_div(b->root, &before, &part, sum);
    }
    return false;
}

static int64_t replaced(struct binding *b, int64_t dim)
{
    const struct symbol *s = symbol_of(b->root, dim);
    struct symbol_sum sum;
    size_t i = (size_t)(-1 - dim);

    if (!s || i >= b->count)
        return dim;
    if (s->kind == SYMBOL_NAME && !b->known[i])
        return dim;
    if (!b->known[i]) {
        b->dims[i] = replace_dim(b, dim, &sum) ? symbol_of_sum(b->root, &sum) : DIM_UNKNOWN;
        b->known[i] = COMPUTED;
    }
    return b->dims[i];
}

static void bind_type(struct binding *b, struct type *type)
{
    for (; type; type = type->element)
        for (int i = 0; i < type->rank; i++)
            type->dims[i] = replaced(b, type->dims[i]);
}

static void bind_known(struct binding *b, struct known *known, int count)
{
    for (int i = 0; i < count; i++) {
        if (known[i].kind != KNOWN_DIM)
            continue;
        known[i].value = replaced(b, known[i].value);
        if (known[i].value >= 0)
            known[i].kind = KNOWN_NUMBER;
        else if (known[i].value == DIM_UNKNOWN)
            known[i] = (struct known){KNOWN_NOT, 0};
    }
}

static void bind_graph(struct binding *b, struct graph *g)
{
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i]) {
            bind_type(b, &g->values[i]->type);
            bind_known(b, g->values[i]->known, g->values[i]->known ? g->values[i]->known_count : 0);
        }
    for (struct node *n = g->first; n; n = n->next)
        for (struct attr *a = n->attrs; a; a = a->next)
            if (a->kind == ATTR_TYPE)
                bind_type(b, a->type);
}

static int start_binding(struct binding *b, struct error *err)
{
    b->root = b->root->root;
    b->count = symbol_count(b->root);
    b->dims = mem_calloc(b->count + 1, sizeof *b->dims, err);
    b->known = mem_calloc(b->count + 1, 1, err);
    return b->dims && b->known ? 0 : -1;
}

static void finish_binding(struct binding *b, bool binds)
{
    for (struct graph *s = binds ? b->root : NULL; s; s = graph_next(b->root, s))
        bind_graph(b, s);
    free(b->dims);
    free(b->known);
}

int graph_bind_symbol(struct graph *g, int64_t symbol, int64_t size, struct error *err)
{
    struct binding b = {.root = g};
    if (!symbol_of(g, symbol))
        return error_set(err, "dimension %lld is no symbol", (long long)symbol);
    if (size < 0)
        return error_set(err, "size %lld for %s is negative", (long long)size, graph_symbol_name(g, symbol));
    int status = start_binding(&b, err);
    if (status == 0) {
        b.dims[-1 - symbol] = size;
        b.known[-1 - symbol] = GIVEN;
    }
    finish_binding(&b, status == 0);
    return status;
}

int graph_bind_inputs(struct graph *g, graph_size_fn *size, const void *arg, struct error *err)
{
    struct binding b = {.root = g};
    int status = start_binding(&b, err);
    bool binds = false;
    for (size_t i = 0; status == 0 && i < g->input_count; i++) {
        const struct type *t = &g->inputs[i]->type;
        for (int d = 0; t->kind == TYPE_TENSOR && d < t->rank; d++) {
            const struct symbol *s = symbol_of(g, t->dims[d]);
            int64_t n = s && s->kind == SYMBOL_NAME && !b.known[-1 - t->dims[d]] ? size(arg, g, i, d) : -1;
            if (n < 0)
                continue;
            b.dims[-1 - t->dims[d]] = n;
            b.known[-1 - t->dims[d]] = GIVEN;
            binds = true;
        }
    }
    finish_binding(&b, binds);
    return status;
}
