/* Which outputs of two networks correspond: those made from the same weights. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pair/pair.h"

#define MOST_WEIGHTS 32 /* layers with weights that an output is known by, the nearest */
#define MOST_OUTPUTS 64
#define MOST_STEPS   1000

struct origin {
    double weight[MOST_WEIGHTS];
    int count;
};

static bool has_weights(const struct pair_layer *l)
{
    for (int k = 0; !pair_is_commutative(l) && k < l->edge_count; k++) {
        const struct tensor *t = l->edges[k].value ? l->edges[k].value->constant : NULL;
        if (t && t->rank >= 2 && !pair_is_setting(l, k))
            return l->weight > 0;
    }
    return false;
}

/* Looks back from an output, as far as layers with weights. */
static void find_origin(const struct pair_net *net, size_t output, struct origin *o)
{
    size_t stack[MOST_STEPS];
    int depth = 0, steps = 0;
    o->count = 0;
    stack[depth++] = output;
    while (depth && steps++ < MOST_STEPS && o->count < MOST_WEIGHTS) {
        const struct pair_layer *l = &net->layers[stack[--depth]];
        if (has_weights(l)) {
            o->weight[o->count++] = l->weight;
            continue;
        }
        for (int k = 0; k < l->edge_count && depth < MOST_STEPS; k++)
            if (l->edges[k].layer != PAIR_NONE)
                stack[depth++] = l->edges[k].layer;
    }
}

/* How many weights of one are among those of the other. */
static int in_common(const struct origin *a, const struct origin *b)
{
    int n = 0;
    for (int i = 0; i < a->count; i++)
        for (int k = 0; k < b->count; k++)
            if (fabs(a->weight[i] - b->weight[k]) <= 1e-3 * (a->weight[i] + b->weight[k])) {
                n++;
                break;
            }
    return n;
}

/* The origins of all outputs, in the order of the layers; their number, 0 when they are too many. */
static size_t list_origins(const struct pair_net *net, struct origin *list, int *ports)
{
    size_t n = 0;
    if (net->graph->output_count > MOST_OUTPUTS)
        return 0;
    for (size_t i = 0; i < net->count; i++)
        if (pair_is_output(&net->layers[i])) {
            find_origin(net, i, &list[n]);
            ports[n++] = net->layers[i].port;
        }
    return n;
}

int pair_match_outputs(const struct pair_net *a, const struct pair_net *b, size_t *position, struct error *err)
{
    struct origin *x = mem_calloc(MOST_OUTPUTS, sizeof *x, err), *y = mem_calloc(MOST_OUTPUTS, sizeof *y, err);
    int ports_a[MOST_OUTPUTS], ports_b[MOST_OUTPUTS];
    size_t n = x && y ? list_origins(a, x, ports_a) : 0, m = x && y ? list_origins(b, y, ports_b) : 0;
    bool taken[MOST_OUTPUTS] = {false};
    for (size_t i = 0; i < b->graph->output_count; i++)
        position[i] = MOST_OUTPUTS + i;
    for (size_t i = 0; i < n; i++) {
        size_t best = m;
        int most = 0;
        for (size_t k = 0; k < m; k++) {
            int common = taken[k] ? 0 : in_common(&x[i], &y[k]);
            if (common > most) {
                most = common;
                best = k;
            }
        }
        if (best < m) {
            taken[best] = true;
            position[ports_b[best]] = i;
        }
    }
    int status = x && y ? 0 : -1;
    free(x);
    free(y);
    return status;
}
