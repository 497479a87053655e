/* nn.QMatMul with a constant matrix of weights. */
#include "exec/lower_quant.h"

/* All of A's axes but the last are pixels. */
static void fill_rows(const struct view *a, struct gemm_job *job)
{
    int axes = a->rank - 1, at = GEMM_AXES - axes;
    for (int i = 0; i < GEMM_AXES; i++)
        job->dims[i] = i < at ? 1 : a->dims[i - at];
    for (int i = 0; i < axes; i++) {
        job->a_stride[at + i] = a->stride[i];
        job->c_stride[at + i] = job->c.stride[i];
    }
    job->batches = 1;
}

static int emit(struct plan *p, struct node *n, const struct quant_weights *w, struct gemm_job *job, struct error *err)
{
    static const ptrdiff_t no_tap[1] = {0};
    if (plan_in_contiguous(p, n, 0, n->in[0]->type.rank - 1, &job->a, err) < 0 ||
        plan_out(p, n, 0, ORDER_ROWS, &job->c, err) < 0)
        return -1;
    job->tap = no_tap;
    job->taps = 1;
    job->k = (int)w->depth;
    job->n = (int)w->columns;
    fill_rows(&job->a, job);
    job->packed = exec_quant_packed(p, n, "matrix_q8", w, job->product, 1, 1, job->k, err);
    return job->packed ? gemm_emit(p, n, job->product->name, job, err) : -1;
}

static bool fits(const struct node *n)
{
    const struct type *a = &n->in[0]->type;
    const struct tensor *b = plan_is_constant(n, 3) ? n->in[3]->constant : NULL;
    return b && b->rank == 2 && b->count > 0 && b->count <= INT32_MAX / 2 && a->rank >= 2 && a->rank <= GEMM_AXES + 1 &&
           tensor_count(a->rank, a->dims) > 0;
}

static int lower(struct plan *p, struct node *n, struct error *err)
{
    struct gemm_job job = {.product = exec_quant_product(p->kernels, n)};
    if (!fits(n))
        return 1;
    const int64_t *dims = n->in[3]->constant->dims;
    int64_t *at = plan_alloc(p, sizeof *at * (size_t)dims[0], err);
    if (!at)
        return -1;
    for (int64_t i = 0; i < dims[0]; i++)
        at[i] = i * dims[1];
    struct quant_weights w = {.columns = dims[1], .depth = dims[0], .column_step = 1, .at = at};
    int status = exec_quant_weights(p, n, &w, err);
    if (status == 0)
        status = exec_quant_epilogue(p, n, &w, job.product->a_offset, &job.to, err);
    if (status == 0)
        status = emit(p, n, &w, &job, err);
    return status;
}

static double cost(const struct kernels *k, const struct node *n)
{
    (void)k;
    return fits(n) ? 1 : -1;
}

const struct exec_way exec_way_q_matmul = {.cost = cost, .lower = lower};
