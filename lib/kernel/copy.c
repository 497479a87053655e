/* Strided copies: permutations, slices, broadcasts and joins of tensors of any layout. */
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

/* Copies of more axes are made slice by slice. */
#define MAX_AXES 16

struct axis {
    int64_t n;
    ptrdiff_t out, in; /* steps in elements */
};

/* A copy in a simple form: axes of falling out step, none of one element, neighbours merged where they may be. */
struct copy {
    const struct kernels *k;
    char *out;
    const char *in;
    size_t element; /* bytes */
    struct axis axis[MAX_AXES];
    int rank;
};

/* ---- the innermost loops, for each size of elements ---- */

typedef uint8_t element_1 __attribute__((may_alias));
typedef uint16_t element_2 __attribute__((aligned(1), may_alias));
typedef uint32_t element_4 __attribute__((aligned(1), may_alias));
typedef uint64_t element_8 __attribute__((aligned(1), may_alias));
typedef uint64_t element_16 __attribute__((vector_size(16), aligned(1), may_alias));

/* A 2-d transpose's tile: its columns of the input are read over and over while they are in the first-level cache. */
#define TILE 16

#define LOOPS(size)                                                                                                    \
    static void line_##size(void *out, const void *in, const struct axis *a)                                           \
    {                                                                                                                  \
        element_##size *to = out;                                                                                      \
        const element_##size *from = in;                                                                               \
        if (a->in == 0 && a->out == 1) {                                                                               \
            element_##size x = *from;                                                                                  \
            for (int64_t i = 0; i < a->n; i++)                                                                         \
                to[i] = x;                                                                                             \
        } else if (a->out == 1) {                                                                                      \
            for (int64_t i = 0; i < a->n; i++)                                                                         \
                to[i] = from[i * a->in];                                                                               \
        } else {                                                                                                       \
            for (int64_t i = 0; i < a->n; i++)                                                                         \
                to[i * a->out] = from[i * a->in];                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static void transpose_##size(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows,        \
                                 size_t columns)                                                                       \
    {                                                                                                                  \
        const ptrdiff_t m = (ptrdiff_t)rows, n = (ptrdiff_t)columns;                                                   \
        for (ptrdiff_t tile = 0; tile < m; tile += TILE) {                                                             \
            ptrdiff_t height = m - tile < TILE ? m - tile : TILE;                                                      \
            const element_##size *from = (const element_##size *)in + tile * in_step;                                  \
            element_##size *to = (element_##size *)out + tile;                                                         \
            for (ptrdiff_t j = 0; j < n; j++)                                                                          \
                for (ptrdiff_t i = 0; i < height; i++)                                                                 \
                    to[j * out_step + i] = from[i * in_step + j];                                                      \
        }                                                                                                              \
    }
LOOPS(1)
LOOPS(2)
LOOPS(4)
LOOPS(8)
LOOPS(16)

struct loops {
    void (*line)(void *out, const void *in, const struct axis *a);
    void (*transpose)(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows, size_t columns);
};

/* By the size's logarithm. */
static const struct loops loops[] = {
    {line_1, transpose_1}, {line_2, transpose_2}, {line_4, transpose_4}, {line_8, transpose_8}, {line_16, transpose_16},
};

/* ---- the simple form ---- */

static int by_falling_step(const void *a, const void *b)
{
    ptrdiff_t x = ((const struct axis *)a)->out, y = ((const struct axis *)b)->out;
    return (x < y) - (x > y);
}

/* An axis whose end is the next step of the one outside it continues that one. */
static void merge(struct copy *c)
{
    int last = 0;
    for (int i = 1; i < c->rank; i++) {
        struct axis *outer = &c->axis[last], inner = c->axis[i];
        if (outer->out == inner.out * inner.n && outer->in == inner.in * inner.n)
            *outer = (struct axis){outer->n * inner.n, inner.out, inner.in};
        else
            c->axis[++last] = inner;
    }
    c->rank = c->rank ? last + 1 : 0;
}

/* A short contiguous run becomes one larger element. (Only aligned ones become four bytes, for the sake of
 * transpose_32.) */
static void enlarge_element(struct copy *c)
{
    const struct axis run = c->rank > 1 ? c->axis[c->rank - 1] : (struct axis){0, 0, 0};
    if (run.out != 1 || run.in != 1 || run.n > 16)
        return;
    size_t size = c->element * (size_t)run.n;
    if (size > 16 || (size & (size - 1)) || (size == 4 && (((uintptr_t)c->out | (uintptr_t)c->in) & 3)))
        return;
    for (int i = 0; i < c->rank - 1; i++)
        if (c->axis[i].out % run.n || c->axis[i].in % run.n)
            return;
    c->rank--;
    c->element = size;
    for (int i = 0; i < c->rank; i++) {
        c->axis[i].out /= run.n;
        c->axis[i].in /= run.n;
    }
}

/* ---- the copy ---- */

/* The axis, other than the innermost, along which the input is contiguous; -1 when there is none. */
static int contiguous_input(const struct copy *c)
{
    int best = -1;
    for (int i = 0; i < c->rank - 1; i++)
        if (c->axis[i].in == 1 && (best < 0 || c->axis[i].n > c->axis[best].n))
            best = i;
    return best;
}

/* The innermost loop: of one axis, or of two, the other being `across` (contiguous in the input). */
static void copy_inner(const struct copy *c, char *out, const char *in, const struct axis *inner,
                       const struct axis *across)
{
    const struct loops *l = &loops[__builtin_ctzl(c->element)];
    if (across && c->element == 1 && inner->n <= KERNEL_PLANES_MAX && across->out == inner->n)
        c->k->interleave_8(out, in, inner->in, (size_t)inner->n, (size_t)across->n);
    else if (across)
        (c->element == 4 ? c->k->transpose_32 : l->transpose)(out, across->out, in, inner->in, (size_t)inner->n,
                                                              (size_t)across->n);
    else if (inner->out == 1 && inner->in == 1)
        memcpy(out, in, (size_t)inner->n * c->element);
    else
        l->line(out, in, inner);
}

/* Goes on to the next index of the outer axes; false after the last one. */
static bool advance(const struct copy *c, int64_t *index, ptrdiff_t *out, ptrdiff_t *in)
{
    for (int i = c->rank - 1; i >= 0; i--) {
        const struct axis *a = &c->axis[i];
        *out += a->out;
        *in += a->in;
        if (++index[i] < a->n)
            return true;
        *out -= a->n * a->out;
        *in -= a->n * a->in;
        index[i] = 0;
    }
    return false;
}

static void run(struct copy *c)
{
    if (c->rank == 0) {
        memcpy(c->out, c->in, c->element);
        return;
    }
    const struct axis inner = c->axis[c->rank - 1];
    struct axis across = {0, 0, 0};
    int other = inner.out == 1 && inner.in != 1 ? contiguous_input(c) : -1;
    if (other >= 0) {
        across = c->axis[other];
        memmove(&c->axis[other], &c->axis[other + 1], (size_t)(c->rank - other - 1) * sizeof(*c->axis));
        c->rank--;
    }
    c->rank--;
    int64_t index[MAX_AXES] = {0};
    ptrdiff_t out = 0, in = 0, size = (ptrdiff_t)c->element;
    do
        copy_inner(c, c->out + out * size, c->in + in * size, &inner, other >= 0 ? &across : NULL);
    while (advance(c, index, &out, &in));
}

void kernel_copy(const struct kernels *k, void *out, const ptrdiff_t *out_step, const void *in,
                 const ptrdiff_t *in_step, const int64_t *dims, int rank, size_t element, int64_t first, int64_t last)
{
    struct copy c = {.k = k, .out = out, .in = in, .element = element};
    ptrdiff_t size = (ptrdiff_t)element;
    if (last <= first)
        return;
    if (rank > MAX_AXES) {
        for (int64_t i = first; i < last; i++)
            kernel_copy(k, c.out + i * out_step[0] * size, out_step + 1, c.in + i * in_step[0] * size, in_step + 1,
                        dims + 1, rank - 1, element, 0, dims[1]);
        return;
    }
    for (int i = 0; i < rank; i++) {
        int64_t n = i ? dims[i] : last - first;
        if (n <= 0)
            return;
        if (n > 1)
            c.axis[c.rank++] = (struct axis){n, out_step[i], in_step[i]};
    }
    if (rank) {
        c.out += first * out_step[0] * size;
        c.in += first * in_step[0] * size;
    }
    qsort(c.axis, (size_t)c.rank, sizeof(*c.axis), by_falling_step);
    merge(&c);
    enlarge_element(&c);
    run(&c);
}
