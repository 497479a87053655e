/* nn.QMatMul and MatMulInteger of two results. B becomes s8 less its zero point, in panels that a step of its own makes
 * in each run. */
#include <string.h>

#include "exec/lower_quant.h"

enum { A, A_ZERO = 2, B, B_ZERO = 5, BIAS = 8 };

struct pack_args {
    struct view b, packed, bias;
    const struct kernel_product *product;
    void (*look_up)(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn);
    int64_t k, n, panels;
    int taps;
    int8_t part[QUANT_RUNS_MAX][256]; /* what a byte of B, less its zero point, is in each run */
    int32_t a_zero;                   /* of A, with what the kernel adds to it */
    /* Of MatMulInteger: the zero points, from which a run finds the two above; buffer NULL: 0. */
    struct view a_zero_of, b_zero_of;
    size_t matrix; /* bytes of a packed one */
};

/* Where the parts of a panel lie: from run to run, along k and from column to column. */
struct parts {
    ptrdiff_t tap, k, n;
};

/* Parts are taken along what lies in a row: rows of k, or columns. */
static bool is_by_rows(const struct pack_args *a)
{
    return a->b.stride[a->b.rank - 1] == 1 && a->b.stride[a->b.rank - 2] != 1;
}

static struct parts parts_of(const struct pack_args *a)
{
    const ptrdiff_t nr = a->product->nr;
    return is_by_rows(a) ? (struct parts){a->k * nr, nr, 1} : (struct parts){a->k, 1, a->k * a->taps};
}

/* `count` elements as their parts of a run. */
static void look_up(const struct pack_args *a, int tap, const uint8_t *from, ptrdiff_t step, int64_t count, int8_t *to)
{
    for (int64_t i = 0; step != 1 && i < count; i++)
        to[i] = (int8_t)from[i * step];
    a->look_up(to, step == 1 ? from : (const uint8_t *)to, (size_t)count, (const uint8_t *)a->part[tap], 0);
}

static int32_t sum_of(const int8_t *x, int64_t count)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i];
    return sum;
}

static void add_to(int32_t *sums, const int8_t *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        sums[i] += x[i];
}

/* n columns of B, less its zero point, as runs that add up to them; the columns' sums. */
static void take_columns(const struct pack_args *a, const uint8_t *b, int64_t n, int8_t *to, int32_t *sums)
{
    const ptrdiff_t *step = a->b.stride + a->b.rank - 2;
    const struct parts at = parts_of(a);
    memset(sums, 0, sizeof *sums * (size_t)n);
    for (int t = 0; t < a->taps; t++, to += at.tap) {
        for (int64_t i = 0; is_by_rows(a) && i < a->k; i++) {
            look_up(a, t, b + i * step[0], step[1], n, to + i * at.k);
            add_to(sums, to + i * at.k, n);
        }
        for (int64_t j = 0; !is_by_rows(a) && j < n; j++) {
            look_up(a, t, b + j * step[1], step[0], a->k, to + j * at.n);
            sums[j] += sum_of(to + j * at.n, a->k);
        }
    }
}

static void fill_parts(struct pack_args *a, bool is_signed, int zero)
{
    for (int i = 0; i < 256; i++) {
        int16_t x = (int16_t)((is_signed ? (int8_t)i : i) - zero);
        for (int t = 0; t < a->taps; t++)
            a->part[t][i] = exec_quant_part(&x);
    }
}

/* A unit is a panel of a matrix. */
static void run_pack(const struct step *s, struct tile tile)
{
    const struct pack_args *a = s->args;
    const struct parts at = parts_of(a);
    int64_t nr = a->product->nr;
    int8_t *columns = tile.scratch;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t batch = i / a->panels, first = i % a->panels * nr, last = first + nr < a->n ? first + nr : a->n;
        const uint8_t *b = (const uint8_t *)view_data(&a->b) + view_matrix(&a->b, &a->b, batch);
        int32_t *bias = (int32_t *)view_data(&a->bias) + batch * a->n;
        take_columns(a, b + first * a->b.stride[a->b.rank - 1], last - first, columns, bias + first);
        for (int64_t j = first; j < last; j++)
            bias[j] = (int32_t)(0 - (uint32_t)a->a_zero * (uint32_t)bias[j]);
        char *to = (char *)view_data(&a->packed) + (size_t)batch * a->matrix;
        if (first)
            to += kernel_product_packed(a->product, (size_t)a->taps, (size_t)a->k, (size_t)first);
        a->product->pack(to, columns, a->taps, at.tap, (int)a->k, at.k, (int)(last - first), at.n);
    }
}

static int zero_of(const struct view *v)
{
    const void *at = v->buffer ? view_data(v) : NULL;
    return !at ? 0 : v->dtype == DTYPE_I8 ? *(const int8_t *)at : *(const uint8_t *)at;
}

/* The same, once the zero points are known. */
static void run_pack_by_run(const struct step *s, struct tile tile)
{
    struct pack_args a = *(const struct pack_args *)s->args;
    struct step known = *s;
    known.args = &a;
    a.a_zero = zero_of(&a.a_zero_of) + a.product->a_offset;
    fill_parts(&a, a.b.dtype == DTYPE_I8, zero_of(&a.b_zero_of));
    run_pack(&known, tile);
}

static int emit_pack(struct plan *p, struct node *n, struct pack_args *a, step_run *run, struct error *err)
{
    int64_t batches = view_matrices(&a->b);
    size_t bytes, depth = (size_t)a->k * (size_t)a->taps;
    a->matrix = kernel_product_packed(a->product, (size_t)a->taps, (size_t)a->k, (size_t)a->n);
    if (a->matrix == 0 || !mem_mul(a->matrix, (size_t)batches, &bytes))
        return error_set(err, "the matrix is too large");
    if (plan_scratch(p, bytes, &a->packed, err) < 0 ||
        plan_scratch(p, sizeof(int32_t) * (size_t)(batches * a->n), &a->bias, err) < 0)
        return -1;
    int64_t units = batches * a->panels;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "pack_q8",
                                    .run = run,
                                    .args = a,
                                    .units = units,
                                    .tiles = plan_tiles(batches * a->n * (int64_t)depth, 65536, units),
                                    .scratch = depth * (size_t)a->product->nr},
                     err, PLAN_VIEWS(&a->packed, &a->bias, &a->b, &a->a_zero_of, &a->b_zero_of));
}

static int fill_batches(struct plan *p, const struct pack_args *pack, struct gemm_job *job, struct error *err)
{
    int64_t batches = view_matrices(&job->c);
    ptrdiff_t *offsets = plan_alloc(p, sizeof *offsets * (size_t)batches * 4, err);
    if (!offsets)
        return -1;
    ptrdiff_t *a = offsets, *c = a + batches, *b = c + batches, *bias = b + batches;
    for (int64_t i = 0; i < batches; i++) {
        int64_t matrix = view_matrix_index(&pack->b, &job->c, i);
        a[i] = view_matrix(&job->a, &job->c, i);
        c[i] = view_matrix(&job->c, &job->c, i);
        b[i] = matrix * (ptrdiff_t)pack->matrix;
        bias[i] = matrix * pack->n;
    }
    job->batches = (int)batches;
    job->a_batch = a;
    job->c_batch = c;
    job->b_batch = b;
    job->bias_at = bias;
    gemm_set_rows(job, &job->a, &job->c);
    return 0;
}

/* The multipliers, as for a matrix of weights without a bias. */
static int fill_epilogue(struct plan *p, const struct node *n, struct gemm_job *job, struct error *err)
{
    struct quant_weights w = {QUANT_INPUTS, .columns = job->n};
    int32_t *sum = plan_alloc(p, sizeof *sum * (size_t)job->n, err);
    if (!sum)
        return -1;
    w.sum = sum;
    int status = exec_quant_epilogue(p, n, &w, 0, &job->to, err);
    job->to.bias = NULL;
    return status;
}

static int count_runs(const struct node *n)
{
    int zero = (int)exec_quant_param(n, B_ZERO, 0), least = (n->in[B]->type.dtype == DTYPE_I8 ? -128 : 0) - zero;
    return exec_quant_runs(least, least + 255);
}

/* A product with input `b`, of so many runs. */
static BASE_COLD struct pack_args *begin(struct plan *p, struct node *n, int b, int runs, struct gemm_job *job,
                                         struct error *err)
{
    static const ptrdiff_t no_tap[QUANT_RUNS_MAX] = {0};
    struct pack_args *a = plan_alloc(p, sizeof *a, err);
    *job = (struct gemm_job){.product = exec_quant_product(p->kernels, n), .tap = no_tap};
    if (!a || plan_in_contiguous(p, n, A, n->in[A]->type.rank - 1, &job->a, err) < 0)
        return NULL;
    *a = (struct pack_args){
        .b = *plan_in(n, b), .product = job->product, .look_up = p->kernels->table_8, .taps = runs};
    a->k = a->b.dims[a->b.rank - 2];
    a->n = a->b.dims[a->b.rank - 1];
    a->panels = (a->n + job->product->nr - 1) / job->product->nr;
    job->taps = a->taps;
    job->k = (int)a->k;
    job->n = (int)a->n;
    return a;
}

static BASE_COLD int emit(struct plan *p, struct node *n, struct pack_args *a, step_run *run, struct gemm_job *job,
                          struct error *err)
{
    if (emit_pack(p, n, a, run, err) < 0 || plan_out(p, n, 0, ORDER_ROWS, &job->c, err) < 0 ||
        fill_batches(p, a, job, err) < 0)
        return -1;
    job->packed_view = a->packed;
    job->bias_view = a->bias;
    return gemm_emit(p, n, job->product->name, job, err);
}

static BASE_COLD int lower(struct plan *p, struct node *n, struct error *err)
{
    struct gemm_job job;
    struct pack_args *a = begin(p, n, B, count_runs(n), &job, err);
    if (!a)
        return -1;
    fill_parts(a, n->in[B]->type.dtype == DTYPE_I8, (int)exec_quant_param(n, B_ZERO, 0));
    a->a_zero = (int32_t)exec_quant_param(n, A_ZERO, 0) + job.product->a_offset;
    int status = fill_epilogue(p, n, &job, err);
    return status == 0 ? emit(p, n, a, run_pack, &job, err) : status;
}

static bool is_matrices(const struct type *t)
{
    bool sizes = t->rank >= 2 && (t->dtype == DTYPE_U8 || t->dtype == DTYPE_I8);
    for (int i = 0; sizes && i < t->rank; i++)
        sizes = t->dims[i] >= 1 && t->dims[i] <= INT32_MAX / 4;
    return sizes;
}

/* Sums of so many products of two differences of bytes fit s32. */
#define DEPTH_MAX (INT32_MAX / (255 * 255))

static bool is_product(const struct node *n, int in)
{
    const struct type *a = &n->in[A]->type, *b = &n->in[in]->type, *out = &n->out[0]->type;
    return !plan_is_constant(n, in) && is_matrices(a) && is_matrices(b) && out->rank >= 2 &&
           a->dims[a->rank - 1] <= DEPTH_MAX && tensor_count(out->rank, out->dims) <= INT32_MAX / 4;
}

static BASE_COLD double cost(const struct kernels *k, const struct node *n)
{
    (void)k;
    if (node_in(n, BIAS) || op_int(n, "transB") || !is_product(n, B))
        return -1;
    for (int i = 1; i < BIAS; i++)
        if (i != B && !exec_quant_is_param(n, i, 1))
            return -1;
    return 1;
}

const struct exec_way exec_way_q_product = {.cost = cost, .lower = lower};

/* ---- MatMulInteger: A, B, their zero points ---- */

static bool has_single_zero(const struct node *n, int i)
{
    return !node_in(n, i) || view_count(plan_in(n, i)) == 1;
}

int exec_lower_integer_product(struct plan *p, struct node *n, struct error *err)
{
    enum { OTHER = 1, ZERO, OTHER_ZERO };
    struct gemm_job job;
    if (!is_product(n, OTHER) || !has_single_zero(n, ZERO) || !has_single_zero(n, OTHER_ZERO))
        return 1;
    struct pack_args *a = begin(p, n, OTHER, exec_quant_runs(-255, 255), &job, err);
    if (!a)
        return -1;
    if (node_in(n, ZERO))
        a->a_zero_of = *plan_in(n, ZERO);
    if (node_in(n, OTHER_ZERO))
        a->b_zero_of = *plan_in(n, OTHER_ZERO);
    job.to.c = KERNEL_S32;
    return emit(p, n, a, run_pack_by_run, &job, err);
}
