/* nn.QMatMul and MatMulInteger of two results. B becomes s8, b', in panels that a step of its own makes in each run: u8
 * is taken less 128. With d = b - zb - b', the same for all of B, and the zero points za and zb,
 *
 *   sum (a - za) (b - zb) = sum a b' + d sum a - za (sum b' + d k)
 *
 * so that a row of A has a bias as a column of B has, unless d is known to be 0. */
#include <string.h>

#include "exec/lower_quant.h"

enum { A, A_ZERO = 2, B, B_ZERO = 5, BIAS = 8 };

struct product_args {
    struct view a, b, c, packed, bias, row_bias;
    const struct kernel_product *product;
    int64_t k, n, panels;
    int a_zero, b_zero, a_offset;     /* that the kernel adds to A */
    struct view a_zero_of, b_zero_of; /* of MatMulInteger: from which a run finds the zero points; buffer NULL: they are
                                         those above */
    size_t matrix;                    /* bytes of a packed one */
};

static int zero_of(const struct view *v, int known)
{
    const void *at = v->buffer ? view_data(v) : NULL;
    return !at ? known : v->dtype == DTYPE_I8 ? *(const int8_t *)at : *(const uint8_t *)at;
}

/* A's, with what the kernel adds to it. */
static int zero_of_a(const struct product_args *a)
{
    return zero_of(&a->a_zero_of, a->a_zero) + a->a_offset;
}

/* What an element of B less its zero point has more than what the panels hold of it. */
static int rest_of_b(const struct product_args *a)
{
    return (a->b.dtype == DTYPE_I8 ? 0 : 128) - zero_of(&a->b_zero_of, a->b_zero);
}

/* By xor adds 128 to s8, which makes u8 of it, and takes as much off u8. */
static uint8_t turn_of(bool is_signed)
{
    return is_signed ? 0x80 : 0;
}

/* Eight bytes at a time, as two times four words of 16 bits, which hold the sum of 256. */
static int64_t sum_of(const uint8_t *x, int64_t count, bool is_signed)
{
    const uint64_t low = 0x00ff00ff00ff00ff, all = 0x0001000100010001, turn = turn_of(is_signed) * 0x101 * all;
    int64_t i = 0, sum = 0;
    while (i + 8 <= count) {
        uint64_t words = 0, eight;
        for (int64_t end = count - i < 256 ? count : i + 256; i + 8 <= end; i += 8) {
            memcpy(&eight, x + i, sizeof eight);
            eight ^= turn;
            words += (eight & low) + (eight >> 8 & low);
        }
        sum += (int64_t)(words * all >> 48);
    }
    for (; i < count; i++)
        sum += x[i] ^ turn_of(is_signed);
    return sum - turn_of(is_signed) * count;
}

/* ---- B ---- */

/* Elements of a panel are taken along what lies in a row: rows of k, or columns. */
static bool is_by_rows(const struct product_args *a)
{
    return a->b.stride[a->b.rank - 1] == 1 && a->b.stride[a->b.rank - 2] != 1;
}

enum { LANES = 16 };
typedef uint8_t lanes __attribute__((vector_size(LANES)));
typedef uint16_t pairs __attribute__((vector_size(LANES)));

/* As s8. */
static void take(const struct product_args *a, const uint8_t *from, ptrdiff_t step, int64_t count, uint8_t *to)
{
    const uint8_t turn = turn_of(a->b.dtype != DTYPE_I8);
    int64_t i = 0;
    for (lanes x; step == 1 && i + LANES <= count; i += LANES) {
        memcpy(&x, from + i, sizeof x);
        x ^= turn;
        memcpy(to + i, &x, sizeof x);
    }
    for (; i < count; i++)
        to[i] = from[i * step] ^ turn;
}

/* The sums of 16 columns of s8, whose rows are `step` apart. */
static void sum_lanes(const uint8_t *x, ptrdiff_t step, int64_t rows, int32_t *sum)
{
    enum { MOST = 257 }; /* that 16 bits hold the sum of */
    for (int i = 0; i < LANES; i++)
        sum[i] = -128 * (int32_t)rows;
    for (int64_t first = 0; first < rows; first += MOST) {
        pairs even = {0}, odd = {0}, row;
        for (int64_t i = first; i < rows && i < first + MOST; i++, x += step) {
            memcpy(&row, x, sizeof row);
            row ^= 0x8080;
            even += row & 0xff;
            odd += row >> 8;
        }
        for (int i = 0; i < LANES; i++)
            sum[i] += (i % 2 ? odd : even)[i / 2];
    }
}

/* n columns of B, where one follows the other, or where rows of nr do; the columns' sums. */
static void take_columns(const struct product_args *a, const uint8_t *b, int64_t n, uint8_t *to, int32_t *sums)
{
    const ptrdiff_t *step = a->b.stride + a->b.rank - 2, nr = a->product->nr;
    if (!is_by_rows(a)) {
        for (int64_t j = 0; j < n; j++, to += a->k) {
            take(a, b + j * step[1], step[0], a->k, to);
            sums[j] = (int32_t)sum_of(to, a->k, true);
        }
        return;
    }
    for (int64_t i = 0; i < a->k; i++)
        take(a, b + i * step[0], step[1], n, to + i * nr);
    for (int64_t j = 0; j < n; j += LANES) {
        int32_t lane[LANES];
        sum_lanes(to + j, nr, a->k, lane);
        memcpy(sums + j, lane, sizeof *lane * (size_t)(n - j < LANES ? n - j : LANES));
    }
}

/* A unit is a panel of a matrix. */
static void run_pack(const struct step *s, struct tile tile)
{
    const struct product_args *a = s->args;
    const int64_t nr = a->product->nr, rest = rest_of_b(a) * a->k, a_zero = zero_of_a(a);
    const bool by_rows = is_by_rows(a);
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t batch = i / a->panels, first = i % a->panels * nr, last = first + nr < a->n ? first + nr : a->n;
        const uint8_t *b = (const uint8_t *)view_data(&a->b) + view_matrix(&a->b, &a->b, batch);
        int32_t *bias = (int32_t *)view_data(&a->bias) + batch * a->n;
        take_columns(a, b + first * a->b.stride[a->b.rank - 1], last - first, tile.scratch, bias + first);
        for (int64_t j = first; j < last; j++)
            bias[j] = (int32_t)(uint32_t)(-a_zero * (bias[j] + rest));
        char *to = (char *)view_data(&a->packed) + (size_t)batch * a->matrix;
        if (first)
            to += kernel_product_packed(a->product, 1, (size_t)a->k, (size_t)first);
        a->product->pack(to, tile.scratch, 1, 0, (int)a->k, by_rows ? nr : 1, (int)(last - first), by_rows ? 1 : a->k);
    }
}

static int emit_pack(struct plan *p, struct node *n, struct product_args *a, struct error *err)
{
    int64_t batches = view_matrices(&a->b);
    size_t bytes;
    a->matrix = kernel_product_packed(a->product, 1, (size_t)a->k, (size_t)a->n);
    if (a->matrix == 0 || !mem_mul(a->matrix, (size_t)batches, &bytes))
        return error_set(err, "the matrix is too large");
    if (plan_scratch(p, bytes, &a->packed, err) < 0 ||
        plan_scratch(p, sizeof(int32_t) * (size_t)(batches * a->n), &a->bias, err) < 0)
        return -1;
    int64_t units = batches * a->panels;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "pack_q8",
                                    .run = run_pack,
                                    .args = a,
                                    .units = units,
                                    .tiles = plan_tiles(batches * a->n * a->k, 16384, units),
                                    .scratch = (size_t)(a->k * a->product->nr) + LANES},
                     err, PLAN_VIEWS(&a->packed, &a->bias, &a->b, &a->a_zero_of, &a->b_zero_of));
}

/* ---- A ---- */

/* A unit is a row of A for a matrix of C. */
static void run_rows(const struct step *s, struct tile tile)
{
    const struct product_args *a = s->args;
    const bool is_signed = a->a.dtype == DTYPE_I8;
    const ptrdiff_t step = a->a.stride[a->a.rank - 2];
    const int64_t rows = a->a.dims[a->a.rank - 2], rest = rest_of_b(a), offset = a->a_offset * a->k;
    int32_t *bias = view_data(&a->row_bias);
    for (int64_t i = tile.first, end; i < tile.last; i = end) {
        int64_t batch = i / rows, first = i % rows;
        const uint8_t *row = (const uint8_t *)view_data(&a->a) + view_matrix(&a->a, &a->c, batch) + first * step;
        end = tile.last < i - first + rows ? tile.last : i - first + rows;
        for (int64_t j = i; j < end; j++, row += step)
            bias[j] = (int32_t)(uint32_t)(rest * (sum_of(row, a->k, is_signed) + offset));
    }
}

static int emit_rows(struct plan *p, struct node *n, struct product_args *a, struct error *err)
{
    int64_t rows = view_matrices(&a->c) * a->a.dims[a->a.rank - 2];
    if (plan_scratch(p, sizeof(int32_t) * (size_t)rows, &a->row_bias, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "rows_q8",
                                    .run = run_rows,
                                    .args = a,
                                    .units = rows,
                                    .tiles = plan_tiles(rows * a->k, 16384, rows)},
                     err, PLAN_WRITES(&a->row_bias, &a->a, &a->b_zero_of));
}

/* ---- the product ---- */

static int fill_batches(struct plan *p, const struct product_args *pack, struct gemm_job *job, struct error *err)
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

/* A product with input `b`. */
static BASE_COLD struct product_args *begin(struct plan *p, struct node *n, int b, struct gemm_job *job,
                                            struct error *err)
{
    static const ptrdiff_t no_tap[1] = {0};
    struct product_args *a = plan_alloc(p, sizeof *a, err);
    *job = (struct gemm_job){.product = exec_quant_product(p->kernels, n), .tap = no_tap, .taps = 1};
    if (!a || plan_in_contiguous(p, n, A, n->in[A]->type.rank - 1, &job->a, err) < 0)
        return NULL;
    *a = (struct product_args){
        .a = job->a, .b = *plan_in(n, b), .product = job->product, .a_offset = job->product->a_offset};
    a->k = a->b.dims[a->b.rank - 2];
    a->n = a->b.dims[a->b.rank - 1];
    a->panels = (a->n + job->product->nr - 1) / job->product->nr;
    job->k = (int)a->k;
    job->n = (int)a->n;
    return a;
}

static BASE_COLD int emit(struct plan *p, struct node *n, struct product_args *a, struct gemm_job *job,
                          struct error *err)
{
    if (emit_pack(p, n, a, err) < 0 || plan_out(p, n, 0, ORDER_ROWS, &job->c, err) < 0)
        return -1;
    a->c = job->c;
    bool has_rest = a->b_zero_of.buffer || rest_of_b(a) != 0;
    if ((has_rest && emit_rows(p, n, a, err) < 0) || fill_batches(p, a, job, err) < 0)
        return -1;
    job->packed_view = a->packed;
    job->bias_view = a->bias;
    job->row_bias_view = a->row_bias;
    return gemm_emit(p, n, job->product->name, job, err);
}

static BASE_COLD int lower(struct plan *p, struct node *n, struct error *err)
{
    struct gemm_job job;
    struct product_args *a = begin(p, n, B, &job, err);
    if (!a)
        return -1;
    a->a_zero = (int)exec_quant_param(n, A_ZERO, 0);
    a->b_zero = (int)exec_quant_param(n, B_ZERO, 0);
    if (p->kernels->gemm_small)
        job.product = a->product = exec_quant_product_of(p->kernels, n, a->k, a->k, a->n);
    a->a_offset = exec_quant_offset(n, a->product);
    int status = fill_epilogue(p, n, &job, err);
    return status == 0 ? emit(p, n, a, &job, err) : status;
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
    struct product_args *a = begin(p, n, OTHER, &job, err);
    if (!a)
        return -1;
    if (node_in(n, ZERO))
        a->a_zero_of = *plan_in(n, ZERO);
    if (node_in(n, OTHER_ZERO))
        a->b_zero_of = *plan_in(n, OTHER_ZERO);
    job.to.c = KERNEL_S32;
    return emit(p, n, a, &job, err);
}
