/* nn.QMatMul with a constant matrix of weights. */
#include "exec/lower_quant.h"

static int emit(struct plan *p, struct node *n, const struct quant_weights *w, struct gemm_job *job, struct error *err)
{
    static const ptrdiff_t no_tap[QUANT_RUNS_MAX] = {0};
    int last = n->in[0]->type.rank - 1;
    job->n = (int)w->columns;
    struct node *result = job->to.c == KERNEL_S32 ? exec_quant_join_numbers(p, n, last, w->columns, job, err)
                                                  : exec_quant_join_sum(p, n, last, job);
    if (!result || plan_in_contiguous(p, n, 0, last, &job->a, err) < 0 ||
        plan_out(p, result, 0, ORDER_ROWS, &job->c, err) < 0)
        return -1;
    job->tap = no_tap;
    job->taps = w->runs;
    job->k = (int)w->depth;
    gemm_set_pixels(job);
    job->packed = exec_quant_packed(p, n, "matrix_q8", w, job->product, 1, job->taps, job->k, err);
    return job->packed ? gemm_emit(p, n, job->product->name, job, err) : -1;
}

/* A product of rows of A with the constant matrix at input b, which is not empty. */
static bool fits(const struct node *n, int b)
{
    const struct type *a = &n->in[0]->type;
    const struct tensor *t = plan_is_constant(n, b) ? n->in[b]->constant : NULL;
    return t && t->rank == 2 && t->count > 0 && t->count <= INT32_MAX / 2 && a->rank >= 2 && a->rank <= GEMM_AXES + 1 &&
           tensor_count(a->rank, a->dims) > 0 && (a->dtype == DTYPE_U8 || a->dtype == DTYPE_I8);
}

/* Whether the constant matrix is [n][k]; MatMulInteger has no such attribute. */
static bool is_turned(const struct node *n)
{
    return op_int(n, "transB");
}

/* The matrix [k][n], of which a column is one of weights. */
static int load_matrix(struct plan *p, const struct node *n, struct quant_weights *w, struct error *err)
{
    const int64_t *dims = n->in[w->input]->constant->dims;
    bool turned = is_turned(n);
    w->columns = dims[!turned];
    w->depth = dims[turned];
    w->column_step = turned ? w->depth : 1;
    int64_t *at = plan_alloc(p, sizeof *at * (size_t)w->depth, err);
    if (!at)
        return -1;
    for (int64_t i = 0; i < w->depth; i++)
        at[i] = turned ? i : i * w->columns;
    w->at = at;
    return exec_quant_weights(p, n, w, err);
}

static int lower(struct plan *p, struct node *n, struct error *err)
{
    struct gemm_job job = {.product = NULL};
    struct quant_weights w = {QUANT_INPUTS, .at = NULL};
    if (!fits(n, w.input))
        return 1;
    int status = load_matrix(p, n, &w, err);
    job.product = exec_quant_product_of(p->kernels, n, w.depth, w.depth, w.columns);
    if (status == 0)
        status = exec_quant_epilogue(p, n, &w, exec_quant_offset(n, job.product), &job.to, err);
    if (status == 0)
        status = emit(p, n, &w, &job, err);
    return status;
}

static double cost(const struct kernels *k, const struct node *n)
{
    (void)k;
    return fits(n, 3) && exec_quant_is_param(n, 5, n->in[3]->constant->dims[!is_turned(n)]) ? 1 : -1;
}

const struct exec_way exec_way_q_matmul = {.cost = cost, .lower = lower};

/* ---- MatMulInteger, whose first zero point may be known in a run only ---- */

int exec_lower_matmul_integer(struct plan *p, struct node *n, struct error *err)
{
    struct gemm_job job = {.product = exec_quant_product(p->kernels, n), .to = {.c = KERNEL_S32}};
    struct quant_weights w = {INTEGER_INPUTS, .at = NULL};
    if (!fits(n, w.input) || (node_in(n, 2) && view_count(plan_in(n, 2)) != 1))
        return exec_lower_integer_product(p, n, err);
    int status = load_matrix(p, n, &w, err);
    if (status == 0)
        status = exec_quant_sums(p, n, &w, job.product->a_offset, 1, &job.bias_view, err);
    return status == 0 ? emit(p, n, &w, &job, err) : status;
}
