/* Dims, steps and walking index spaces. */
#include "op/util.h"

#include <stdio.h>
#include <string.h>

void op_steps(int rank, const int64_t *dims, int64_t *steps)
{
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= dims[i];
    }
}

void op_broadcast_steps(int rank, const int64_t *dims, int out_rank, const int64_t *out_dims, int64_t *steps)
{
    int64_t step = 1;
    for (int i = out_rank - 1; i >= 0; i--) {
        int at = i - (out_rank - rank);
        bool repeats = at < 0 || (dims[at] == 1 && out_dims[i] != 1);
        steps[i] = repeats ? 0 : step;
        if (at >= 0)
            step *= dims[at];
    }
}

/* One dim broadcast with another, into *result; false when they are sizes that disagree. */
static bool broadcast_dim(int64_t a, int64_t b, int64_t *result)
{
    if (a == b || b == 1)
        *result = a;
    else if (a == 1)
        *result = b;
    else if (a >= 0 && b >= 0)
        return false;
    else if (a >= 0 || b >= 0)
        *result = a >= 0 ? a : b; /* the other is that or 1 */
    else
        *result = DIM_UNKNOWN; /* either may turn out to be 1 */
    return true;
}

int op_broadcast(int64_t *a, int *rank, const int64_t *b, int b_rank)
{
    if (b_rank > *rank) {
        int more = b_rank - *rank;
        memmove(a + more, a, (size_t)*rank * sizeof(*a));
        for (int i = 0; i < more; i++)
            a[i] = 1;
        *rank = b_rank;
    }
    int64_t *tail = a + (*rank - b_rank);
    for (int i = 0; i < b_rank; i++)
        if (!broadcast_dim(tail[i], b[i], &tail[i]))
            return -1;
    return 0;
}

const char *op_dims_text(int rank, const int64_t *dims, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", rank ? "" : "scalar");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? "x" : "", (long long)dims[i]);
    return text;
}

/* Two neighbouring axes are one when for every operand the outer step is the inner one times the inner size. */
static bool merges(const struct op_walk *w, int outer, int axis, const int64_t *dims, const int64_t *const *steps)
{
    for (int k = 0; k < w->operands; k++)
        if (w->steps[k][outer] != steps[k][axis] * dims[axis])
            return false;
    return true;
}

void op_walk_init(struct op_walk *w, int rank, const int64_t *dims, int operands, const int64_t *const *steps)
{
    memset(w, 0, sizeof(*w));
    w->operands = operands;
    w->run = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0)
            w->run = 0;
        if (dims[i] <= 1)
            continue;
        bool merge = w->rank > 0 && merges(w, w->rank - 1, i, dims, steps);
        int to = merge ? w->rank - 1 : w->rank++;
        w->dims[to] = merge ? w->dims[to] * dims[i] : dims[i];
        for (int k = 0; k < operands; k++)
            w->steps[k][to] = steps[k][i];
    }
    if (w->run == 0 || w->rank == 0)
        return;
    w->run = w->dims[--w->rank];
    for (int k = 0; k < operands; k++)
        w->run_step[k] = w->steps[k][w->rank];
}

bool op_walk(struct op_walk *w)
{
    if (!w->started) {
        w->started = true;
        return w->run > 0;
    }
    w->done += w->run;
    for (int i = w->rank - 1; i >= 0; i--) {
        bool wraps = ++w->index[i] == w->dims[i];
        if (wraps)
            w->index[i] = 0;
        for (int k = 0; k < w->operands; k++)
            w->at[k] += wraps ? -w->steps[k][i] * (w->dims[i] - 1) : w->steps[k][i];
        if (!wraps)
            return true;
    }
    return false;
}
