/* An order of layers that follows from the structure: neither from names nor from the order in the file. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "pair/pair.h"

#define CONE_HEIGHT 3 /* layers that a cone looks back */

/* ---- cones: a layer and those behind it, for telling apart operands that may change places ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t state = a * 3 + b;
    return hash_random(&state);
}

static uint64_t cone_of(const struct pair_layer *l, const uint64_t *before)
{
    uint64_t key = mix(mix(l->op_key, l->shape_key), l->weight_key), sum = 0;
    for (int k = 0; k < l->edge_count; k++) {
        size_t from = l->edges[k].layer;
        uint64_t operand = from == PAIR_NONE ? 0 : before[from];
        sum = pair_is_commutative(l) ? sum + operand : mix(sum, operand);
    }
    return mix(key, sum);
}

static int set_cones(struct pair_net *net, struct error *err)
{
    uint64_t *before = mem_calloc(net->count, sizeof *before, err);
    for (int height = 0; before && height < CONE_HEIGHT; height++) {
        for (size_t i = 0; i < net->count; i++)
            net->layers[i].cone = cone_of(&net->layers[i], before);
        for (size_t i = 0; i < net->count; i++)
            before[i] = net->layers[i].cone;
    }
    int status = before ? 0 : -1;
    free(before);
    return status;
}

/* ---- walking back from the outputs ---- */

struct visit {
    size_t layer;
    int first, next; /* operands */
};

struct walk {
    struct pair_net *net;
    struct visit *stack;
    size_t depth;
    size_t *order, count; /* layers so far */
    size_t *place;        /* of each layer in that order; PAIR_NONE: not reached */
};

/* What qsort() sorts outputs by. */
struct rank {
    size_t depth, layer;
    uint64_t cone;
};

/* The deeper first: what comes before it is then in the order of the longest way. */
static int by_rank(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth > y->depth ? -1 : 1;
    if (x->cone != y->cone)
        return x->cone > y->cone ? -1 : 1;
    return (x->layer > y->layer) - (x->layer < y->layer);
}

static struct rank rank_of(const struct pair_net *net, size_t layer)
{
    return layer == PAIR_NONE ? (struct rank){0, layer, 0}
                              : (struct rank){net->layers[layer].depth + 1, layer, net->layers[layer].cone};
}

/* The operand to visit first: the deepest, as with outputs, so that it does not matter in which order branches are
 * joined. Of equal ones the first, or that with the larger cone where operands may change places. */
static int first_operand(const struct pair_net *net, const struct pair_layer *l)
{
    struct rank best = {0};
    int first = 0;
    for (int k = 0; k < l->edge_count; k++) {
        struct rank r = rank_of(net, l->edges[k].layer);
        if (r.depth > best.depth || (r.depth == best.depth && pair_is_commutative(l) && r.cone > best.cone)) {
            best = r;
            first = k;
        }
    }
    return first;
}

/* The operand to visit as number k. */
static size_t operand_at(const struct pair_layer *l, int first, int k)
{
    return l->edges[k == 0 ? first : k <= first ? k - 1 : k].layer;
}

static void set_depth(const struct pair_net *net, struct pair_layer *l)
{
    l->depth = 0;
    for (int k = 0; k < l->edge_count; k++)
        if (l->edges[k].layer != PAIR_NONE && net->layers[l->edges[k].layer].depth >= l->depth)
            l->depth = net->layers[l->edges[k].layer].depth + 1;
}

static void enter(struct walk *w, size_t layer)
{
    if (layer == PAIR_NONE || w->place[layer] != PAIR_NONE)
        return;
    w->place[layer] = 0; /* once on the stack it is not entered again */
    w->stack[w->depth++] = (struct visit){layer, first_operand(w->net, &w->net->layers[layer]), 0};
}

/* Puts everything that a layer needs before it. */
static void walk_from(struct walk *w, size_t start)
{
    enter(w, start);
    while (w->depth) {
        struct visit *top = &w->stack[w->depth - 1];
        struct pair_layer *l = &w->net->layers[top->layer];
        if (top->next < l->edge_count) {
            enter(w, operand_at(l, top->first, top->next++));
            continue;
        }
        set_depth(w->net, l);
        w->place[top->layer] = w->count;
        w->order[w->count++] = top->layer;
        w->depth--;
    }
}

bool pair_is_output(const struct pair_layer *l)
{
    return !l->node && strcmp(l->op, "output") == 0;
}

/* Depths are known after the first walk, and the second goes by them. */
static void walk_all(struct walk *w, struct rank *outputs, const size_t *position)
{
    size_t n = 0;
    for (size_t i = 0; i < w->net->count; i++)
        if (pair_is_output(&w->net->layers[i])) {
            outputs[n] = rank_of(w->net, i);
            if (position)
                outputs[n].depth = SIZE_MAX - position[w->net->layers[i].port];
            n++;
        }
    qsort(outputs, n, sizeof *outputs, by_rank);
    for (size_t i = 0; i < w->net->count; i++)
        w->place[i] = PAIR_NONE;
    w->count = 0;
    for (size_t i = 0; i < n; i++)
        walk_from(w, outputs[i].layer);
    for (size_t i = 0; i < w->net->count; i++)
        walk_from(w, i);
}

/* Brings the layers into the order found. */
static int reorder(struct walk *w, struct error *err)
{
    struct pair_net *net = w->net;
    struct pair_layer *sorted = mem_calloc(net->count, sizeof *sorted, err);
    if (!sorted)
        return -1;
    for (size_t i = 0; i < net->count; i++) {
        sorted[i] = net->layers[w->order[i]];
        for (int k = 0; k < sorted[i].edge_count; k++)
            if (sorted[i].edges[k].layer != PAIR_NONE)
                sorted[i].edges[k].layer = w->place[sorted[i].edges[k].layer];
    }
    free(net->layers);
    net->layers = sorted;
    return 0;
}

int pair_order(struct pair_net *net, const size_t *position, struct error *err)
{
    struct walk w = {.net = net};
    struct rank *outputs = mem_calloc(net->count, sizeof *outputs, err);
    w.stack = mem_calloc(net->count, sizeof *w.stack, err);
    w.order = mem_calloc(net->count, sizeof *w.order, err);
    w.place = mem_calloc(net->count, sizeof *w.place, err);
    int status = outputs && w.stack && w.order && w.place ? set_cones(net, err) : -1;
    for (int pass = 0; status == 0 && pass < 2; pass++)
        walk_all(&w, outputs, position);
    if (status == 0)
        status = reorder(&w, err);
    free(outputs);
    free(w.stack);
    free(w.order);
    free(w.place);
    return status;
}
