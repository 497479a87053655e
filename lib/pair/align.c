/* Aligning two sequences of layers so that as much as possible corresponds (Needleman and Wunsch, with gaps for free).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pair/pair.h"

#define MOST_CELLS ((size_t)64 << 20) /* beyond, only pairs near the diagonal are looked at */

enum { DIAGONAL, SKIP_A, SKIP_B };

static int operands_with_layer(const struct pair_layer *l)
{
    int n = 0;
    for (int k = 0; k < l->edge_count; k++)
        n += l->edges[k].layer != PAIR_NONE;
    return n;
}

static bool is_end(const struct pair_layer *l)
{
    return !l->node;
}

/* How much two layers have in common; 0: they cannot correspond. Weights count by the sum of their magnitudes, so that
 * neither their layout nor rounding matters. */
static int score(const struct pair_layer *a, const struct pair_layer *b)
{
    bool shape = a->shape_key == b->shape_key, weights = a->weight_key == b->weight_key;
    if (a->op_key != b->op_key) /* one activation for another, say */
        return !is_end(a) && !is_end(b) && shape && weights && operands_with_layer(a) == operands_with_layer(b) ? 2 : 0;
    if (is_end(a))
        return 4 + 2 * shape + (a->port == b->port);
    bool values = fabs(a->weight - b->weight) <= 1e-3 * (a->weight + b->weight);
    return 4 + 2 * shape + 3 * weights + (a->weight_key ? 6 * (weights && values) : 0);
}

struct table {
    const struct pair_net *a, *b;
    size_t first, rows, columns; /* layers that are not in the common beginning or end */
    size_t band;                 /* columns of a row that are looked at */
    unsigned char *step;         /* [rows][band] */
    int *best[2];                /* of the row before and of this one, [columns + 1] */
};

static size_t band_begin(const struct table *t, size_t row)
{
    if (t->band >= t->columns)
        return 0;
    size_t middle = (size_t)((double)row / (double)t->rows * (double)t->columns), half = t->band / 2;
    size_t begin = middle > half ? middle - half : 0;
    return begin + t->band > t->columns ? t->columns - t->band : begin;
}

static void fill_row(struct table *t, size_t row)
{
    size_t begin = band_begin(t, row);
    int *before = t->best[0], *now = t->best[1];
    const struct pair_layer *a = &t->a->layers[t->first + row];
    memcpy(now, before, (begin + 1) * sizeof *now);
    for (size_t k = 0; k < t->band; k++) {
        size_t column = begin + k;
        int common = score(a, &t->b->layers[t->first + column]);
        int diagonal = common ? before[column] + common : -1, up = before[column + 1], left = now[column];
        int best = diagonal >= up && diagonal >= left ? diagonal : up > left ? up : left;
        t->step[row * t->band + k] = best == diagonal ? DIAGONAL : best == up ? SKIP_A : SKIP_B;
        now[column + 1] = best;
    }
    for (size_t column = begin + t->band; column < t->columns; column++)
        now[column + 1] = now[column] > before[column + 1] ? now[column] : before[column + 1];
    t->best[0] = now;
    t->best[1] = before;
}

static void link_pair(struct pair_net *a, struct pair_net *b, size_t i, size_t k)
{
    a->layers[i].partner = k;
    b->layers[k].partner = i;
}

/* Back along the best way. Outside the band nothing was looked at: a step towards it. */
static void trace_back(const struct table *t, struct pair_net *a, struct pair_net *b)
{
    size_t row = t->rows, column = t->columns;
    while (row && column) {
        size_t begin = band_begin(t, row - 1);
        int step = column - 1 < begin         ? SKIP_A
                   : column > begin + t->band ? SKIP_B
                                              : t->step[(row - 1) * t->band + (column - 1 - begin)];
        if (step == DIAGONAL)
            link_pair(a, b, t->first + --row, t->first + --column);
        else if (step == SKIP_A)
            row--;
        else
            column--;
    }
}

static int align_rest(struct table *t, struct pair_net *a, struct pair_net *b, struct error *err)
{
    t->band = t->rows && MOST_CELLS / t->rows < t->columns ? MOST_CELLS / t->rows : t->columns;
    t->band = t->band ? t->band : t->columns ? 1 : 0;
    t->step = mem_calloc(t->rows * t->band, 1, err);
    t->best[0] = mem_calloc(t->columns + 1, sizeof(int), err);
    t->best[1] = mem_calloc(t->columns + 1, sizeof(int), err);
    int status = t->step && t->best[0] && t->best[1] ? 0 : -1;
    for (size_t row = 0; status == 0 && row < t->rows && t->columns; row++)
        fill_row(t, row);
    if (status == 0)
        trace_back(t, a, b);
    free(t->step);
    free(t->best[0]);
    free(t->best[1]);
    return status;
}

/* Whether two layers look the same in every way. */
static bool is_alike(const struct pair_layer *a, const struct pair_layer *b)
{
    return a->op_key == b->op_key && a->cone == b->cone && a->port == b->port &&
           fabs(a->weight - b->weight) <= 1e-3 * (a->weight + b->weight);
}

/* *total: what all pairs have in common. */
static int align_once(struct pair_net *a, struct pair_net *b, long *total, struct error *err)
{
    for (size_t i = 0; i < a->count; i++)
        a->layers[i].partner = PAIR_NONE;
    for (size_t i = 0; i < b->count; i++)
        b->layers[i].partner = PAIR_NONE;
    size_t least = a->count < b->count ? a->count : b->count, first = 0, last = 0;
    while (first < least && is_alike(&a->layers[first], &b->layers[first])) {
        link_pair(a, b, first, first);
        first++;
    }
    while (last < least - first && is_alike(&a->layers[a->count - 1 - last], &b->layers[b->count - 1 - last])) {
        link_pair(a, b, a->count - 1 - last, b->count - 1 - last);
        last++;
    }
    struct table t = {
        .a = a, .b = b, .first = first, .rows = a->count - first - last, .columns = b->count - first - last};
    if (align_rest(&t, a, b, err) < 0)
        return -1;
    *total = 0;
    for (size_t i = 0; i < a->count; i++)
        if (a->layers[i].partner != PAIR_NONE)
            *total += score(&a->layers[i], &b->layers[a->layers[i].partner]);
    return 0;
}

static bool are_all_paired(const struct pair_net *net)
{
    for (size_t i = 0; i < net->count; i++)
        if (net->layers[i].partner == PAIR_NONE)
            return false;
    return true;
}

/* Orders b anew, by outputs that correspond; total: of the alignment so far, which is kept when it is the better one.
 */
static int align_outputs(struct pair_net *a, struct pair_net *b, long total, struct error *err)
{
    size_t *position = mem_calloc(b->graph->output_count, sizeof *position, err);
    long other = 0;
    int status = position ? pair_match_outputs(a, b, position, err) : -1;
    if (status == 0 && (status = pair_order(b, position, err)) == 0)
        status = align_once(a, b, &other, err);
    free(position);
    if (status < 0 || other >= total)
        return status;
    return pair_order(b, NULL, err) < 0 ? -1 : align_once(a, b, &total, err);
}

/* Whether all operands of two layers that do the same come from layers that are paired. */
static bool is_fed_alike(const struct pair_layer *x, const struct pair_net *a, const struct pair_layer *y)
{
    if (x->op_key != y->op_key || x->edge_count != y->edge_count || operands_with_layer(x) == 0 || score(x, y) == 0)
        return false;
    for (int k = 0; k < x->edge_count; k++) {
        size_t from = x->edges[k].layer, to = y->edges[k].layer;
        if ((from == PAIR_NONE ? PAIR_NONE : a->layers[from].partner) != to)
            return false;
    }
    return true;
}

/* Pairs what stands in another order and is fed alike: branches that one of the networks joins at its end and the other
 * does not. Operands come before the layers that take them, so that one pass follows a branch as far as it goes. */
static void align_left(struct pair_net *a, struct pair_net *b)
{
    size_t budget = MOST_CELLS;
    for (size_t i = 0; i < a->count; i++) {
        if (a->layers[i].partner != PAIR_NONE)
            continue;
        for (size_t k = 0; k < b->count && budget > 0; k++, budget--) {
            if (b->layers[k].partner != PAIR_NONE || !is_fed_alike(&a->layers[i], a, &b->layers[k]))
                continue;
            link_pair(a, b, i, k);
            break;
        }
    }
}

/* By depth an output that has more behind it in one of the networks may change places with another. */
int pair_align(struct pair_net *a, struct pair_net *b, struct error *err)
{
    long total;
    if (align_once(a, b, &total, err) < 0)
        return -1;
    if (are_all_paired(a) && are_all_paired(b))
        return 0;
    if (align_outputs(a, b, total, err) < 0)
        return -1;
    align_left(a, b);
    return 0;
}
