/* Softmax. Of a long row that is contiguous a kernel makes one after the other, and so it does of a few that lie side
 * by side, by way of a transposed copy. Else rows lie side by side, where they are short by way of such a copy,
 * too: then a vector holds an element of each of many rows. */
#include <string.h>

#include "exec/lower_quant.h"

enum {
    COLUMNS = 128, /* rows side by side that are done at a time */
    FEW = 16,      /* fewer would not fill the vectors */
    SHORT = 64,    /* elements; a longer row keeps a kernel busy by itself */
    COPY = 1 << 16 /* elements of few rows together, at most */
};

struct softmax_args {
    struct view x, out;
    struct nest nest;                        /* all axes but the one that is summed over: out, then x */
    struct quant_rows bytes;                 /* of long rows */
    const struct kernel_softmax_q8 *weights; /* of these, if they are bytes on both sides */
    const struct kernels *kernels;
    size_t n;                   /* elements of a row */
    ptrdiff_t x_step, out_step; /* from an element to the next */
    bool log;
};

static float *x_at(const struct softmax_args *a, const ptrdiff_t *offset)
{
    return (float *)view_data(&a->x) + offset[1];
}

static float *out_at(const struct softmax_args *a, const ptrdiff_t *offset)
{
    return (float *)view_data(&a->out) + offset[0];
}

static void run_rows(const struct step *s, struct tile tile)
{
    const struct softmax_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[2];
        nest_at(&a->nest, 2, i, offset);
        const float *x = quant_row(&a->bytes, a->kernels, &a->x, offset[1], a->n, tile.scratch);
        float *out = quant_room(&a->bytes, &a->out, offset[0], tile.scratch);
        a->kernels->softmax_f32(out, x, a->n, a->log);
        quant_store(&a->bytes, a->kernels, &a->out, offset[0], out, a->n);
    }
}

static void run_bytes(const struct step *s, struct tile tile)
{
    const struct softmax_args *a = s->args;
    struct kernel_strips_q8 rows;
    for (int64_t i = tile.first; i < tile.last;) {
        i += exec_quant_strips(&a->nest, &a->out, &a->x, i, tile.last, a->n, &rows);
        a->kernels->softmax_q8(&rows, a->weights);
    }
}

/* Rows side by side; out may be x. `spare` holds 3 * COLUMNS floats. */
static void make_columns(const struct softmax_args *a, float *out, ptrdiff_t out_step, const float *x, ptrdiff_t x_step,
                         size_t columns, float *spare)
{
    const struct kernels *k = a->kernels;
    const struct kernel_act none = {.kind = KERNEL_NONE}, power = {.kind = KERNEL_EXP};
    float *largest = spare, *sum = largest + COLUMNS, *weight = sum + COLUMNS;
    k->reduce_columns_f32(KERNEL_REDUCE_MAX, largest, x, x_step, a->n, columns, false);
    memset(sum, 0, sizeof *sum * columns);
    for (size_t i = 0; i < a->n; i++) {
        float *to = out + (ptrdiff_t)i * out_step, *e = a->log ? weight : to;
        k->binary_f32(KERNEL_SUB, to, x + (ptrdiff_t)i * x_step, 1, largest, 1, columns, none);
        k->unary_f32(e, to, columns, power);
        k->binary_f32(KERNEL_ADD, sum, sum, 1, e, 1, columns, none);
    }
    k->unary_f32(sum, sum, columns, (struct kernel_act){.kind = a->log ? KERNEL_LOG : KERNEL_RECIPROCAL});
    for (size_t i = 0; i < a->n; i++, out += out_step)
        k->binary_f32(a->log ? KERNEL_SUB : KERNEL_MUL, out, out, 1, sum, 1, columns, none);
}

/* A unit is a row; those of a run are equally far from each other. */
static void run_short(const struct step *s, struct tile tile)
{
    const struct softmax_args *a = s->args;
    const struct kernels *k = a->kernels;
    float *turned = tile.scratch, *spare = turned + a->n * COLUMNS;
    for (int64_t i = tile.first, count; i < tile.last; i += count) {
        ptrdiff_t offset[2];
        count = nest_run(&a->nest, i, tile.last < i + COLUMNS ? tile.last : i + COLUMNS);
        nest_at(&a->nest, 2, i, offset);
        k->transpose_32(turned, COLUMNS, x_at(a, offset), nest_step(&a->nest, 1), (size_t)count, a->n);
        make_columns(a, turned, COLUMNS, turned, COLUMNS, (size_t)count, spare);
        k->transpose_32(out_at(a, offset), nest_step(&a->nest, 0), turned, COLUMNS, a->n, (size_t)count);
    }
}

static int64_t blocks_of(const struct nest *nest)
{
    return (nest->dims[nest->rank - 1] + COLUMNS - 1) / COLUMNS;
}

/* A unit is a block of the innermost axis, whose rows lie side by side. */
static void run_beside(const struct step *s, struct tile tile)
{
    const struct softmax_args *a = s->args;
    int64_t blocks = blocks_of(&a->nest), columns = a->nest.dims[a->nest.rank - 1];
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[2];
        int64_t first = i % blocks * COLUMNS, count = columns - first < COLUMNS ? columns - first : COLUMNS;
        nest_at(&a->nest, 2, i / blocks, offset);
        make_columns(a, out_at(a, offset) + first, a->out_step, x_at(a, offset) + first, a->x_step, (size_t)count,
                     tile.scratch);
    }
}

/* A unit is all rows along the innermost axis. */
static void run_few(const struct step *s, struct tile tile)
{
    const struct softmax_args *a = s->args;
    const struct kernels *k = a->kernels;
    const size_t rows = (size_t)a->nest.dims[a->nest.rank - 1];
    float *turned = tile.scratch;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[2], step = (ptrdiff_t)a->n;
        nest_at(&a->nest, 2, i, offset);
        k->transpose_32(turned, step, x_at(a, offset), a->x_step, a->n, rows);
        for (size_t row = 0; row < rows; row++)
            k->softmax_f32(turned + row * a->n, turned + row * a->n, a->n, a->log);
        k->transpose_32(out_at(a, offset), a->out_step, turned, step, rows, a->n);
    }
}

/* Rows are the nest over all axes but this one. */
static void make_nest(struct softmax_args *a, int axis)
{
    struct view out = a->out, x = a->x;
    a->n = (size_t)x.dims[axis];
    a->x_step = x.stride[axis];
    a->out_step = out.stride[axis];
    out.dims[axis] = x.dims[axis] = 1;
    nest_make(&a->nest, (const struct view *const[]){&out, &x}, 2);
}

/* Lets each position of all axes be one of the nest. */
static void add_innermost(struct nest *nest)
{
    nest->dims[nest->rank] = 1;
    nest->stride[0][nest->rank] = nest->stride[1][nest->rank] = 1;
    nest->rank++;
}

/* Short rows are done in runs along the innermost axis. */
static void longest_innermost(struct nest *nest)
{
    int inner = nest->rank - 1, longest = inner;
    for (int i = 0; i < inner; i++)
        longest = nest->dims[i] > nest->dims[longest] ? i : longest;
    int64_t dim = nest->dims[longest];
    nest->dims[longest] = nest->dims[inner];
    nest->dims[inner] = dim;
    for (int k = 0; k < 2; k++) {
        ptrdiff_t stride = nest->stride[k][longest];
        nest->stride[k][longest] = nest->stride[k][inner];
        nest->stride[k][inner] = stride;
    }
}

/* How the rows are done: the step's function, the bytes it works in, and its units. */
static void choose(struct softmax_args *a, struct step *s)
{
    const int inner = a->nest.rank - 1;
    const bool is_row = a->n == 1 || (a->x_step == 1 && a->out_step == 1);
    if (is_row)
        longest_innermost(&a->nest);
    if (is_row || a->nest.stride[0][inner] != 1 || a->nest.stride[1][inner] != 1)
        add_innermost(&a->nest);
    const size_t beside = (size_t)a->nest.dims[a->nest.rank - 1];
    s->units = nest_outer(&a->nest);
    if (is_row && a->n > 1 && a->n <= SHORT && s->units >= FEW) {
        s->run = run_short;
        s->scratch = sizeof(float) * COLUMNS * (3 + a->n);
    } else if (is_row) {
        s->run = a->weights ? run_bytes : run_rows;
        s->scratch = quant_scratch(&a->bytes, a->n);
    } else if (beside < FEW && a->n >= FEW && a->n <= COPY / beside) {
        s->run = run_few;
        s->scratch = sizeof(float) * beside * a->n;
    } else {
        s->run = run_beside;
        s->scratch = sizeof(float) * COLUMNS * 3;
        s->units *= blocks_of(&a->nest);
    }
}

static int emit(struct plan *p, struct node *n, struct softmax_args *a, struct error *err)
{
    struct step s = {.node = n, .kernel = a->weights ? "softmax_q8" : "softmax_f32", .args = a};
    choose(a, &s);
    s.tiles = plan_tiles(view_count(&a->x), 8192, s.units);
    return plan_step(p, &s, err, PLAN_WRITES(&a->out, &a->x));
}

/* The axis that is to be contiguous: the one that is summed over, unless rows lie side by side and are many. */
static int contiguous_axis(const struct view *x, int axis)
{
    int last = x->rank - 1;
    if (axis == last)
        return axis;
    bool beside = x->stride[axis] != 1 && x->stride[last] == 1 && x->dims[last] >= FEW;
    return axis == 1 && x->rank >= 3 && !beside ? axis : last;
}

static int softmax(struct plan *p, struct node *n, bool log, struct error *err)
{
    int rank = n->in[0]->type.rank;
    if (!exec_lower_is_f32(n, 0) || rank == 0 || view_count(plan_in(n, 0)) == 0)
        return 1;
    struct softmax_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    int axis = exec_lower_axis(op_int(n, "axis"), rank), inner = contiguous_axis(plan_in(n, 0), axis);
    *a = (struct softmax_args){.kernels = p->kernels, .log = log};
    const bool is_long = axis == rank - 1 && n->in[0]->type.dims[axis] > SHORT;
    const enum order order = inner == rank - 1 ? ORDER_ROWS : ORDER_CHANNELS;
    struct node *last = is_long ? exec_quant_write_rows(n, axis, &a->bytes) : n;
    bool reads = is_long && exec_quant_read_rows(p, n, axis, &a->x, &a->bytes);
    if ((!reads && plan_in_contiguous(p, n, 0, inner, &a->x, err) < 0) ||
        (last != n ? plan_out(p, last, 0, order, &a->out, err) : plan_out_over(p, n, 0, 0, order, &a->out, err)) < 0)
        return -1;
    make_nest(a, axis);
    if (!log && exec_quant_softmax(p, &a->bytes, a->n, &a->weights, err) < 0)
        return -1;
    return emit(p, n, a, err);
}

int exec_lower_softmax(struct plan *p, struct node *n, struct error *err)
{
    return softmax(p, n, false, err);
}

int exec_lower_log_softmax(struct plan *p, struct node *n, struct error *err)
{
    return softmax(p, n, true, err);
}
