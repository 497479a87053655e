/* MatMul, Gemm and their fused form. B is packed once when it is constant, else by a step of its own in each run. */
#include <string.h>

#include "exec/narrow.h"

/* The operands as matrices: a [batch…, M, K], b [batch…, K, N], out [batch…, M, N], as views after any transposition.
 */
struct product {
    struct view a, b, out;
    const struct node *narrow; /* what makes B of constants in fewer bits; NULL: it lies as f32 */
    int bias, residual;        /* input numbers; -1: none */
    struct kernel_act act;
};

/* ---- packing B ---- */

struct matrix_args {
    struct view b;
    const struct kernel_product *product;
    struct view to;
    int64_t batches, k, n, panels;
    size_t bytes; /* of a batch */
};

static void pack_panels(const struct matrix_args *a, char *packed, const float *b, int64_t batch, int64_t first,
                        int64_t last)
{
    int rank = a->b.rank, nr = a->product->nr;
    int64_t rest = batch;
    for (int i = rank - 3; i >= 0; i--) {
        b += rest % a->b.dims[i] * a->b.stride[i];
        rest /= a->b.dims[i];
    }
    b += first * nr * a->b.stride[rank - 1];
    packed += (size_t)batch * a->bytes + kernel_product_packed(a->product, 1, (size_t)a->k, (size_t)(first * nr));
    int64_t n = last * nr < a->n ? (last - first) * nr : a->n - first * nr;
    a->product->pack(packed, b, 1, 0, (int)a->k, a->b.stride[rank - 2], (int)n, a->b.stride[rank - 1]);
}

static void run_pack(const struct step *s, struct tile tile)
{
    const struct matrix_args *a = s->args;
    int64_t per_batch = s->units / a->batches;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t part = i % per_batch;
        pack_panels(a, view_data(&a->to), view_data(&a->b), i / per_batch, plan_tile_first(a->panels, per_batch, part),
                    plan_tile_first(a->panels, per_batch, part + 1));
    }
}

/* A unit is a panel of a matrix. */
static int pack_constant(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                         const struct kernels *k)
{
    const struct matrix_args *a = args;
    (void)k;
    for (int64_t i = first, end; i < last; i = end) {
        int64_t batch = i / a->panels, panel = i % a->panels;
        end = last < (batch + 1) * a->panels ? last : (batch + 1) * a->panels;
        pack_panels(a, packed, (const float *)weights + a->b.offset, batch, panel, panel + end - i);
    }
    return 0;
}

static int pack_b(struct plan *p, struct node *n, const struct product *m, struct gemm_job *job, struct error *err)
{
    if (m->narrow)
        return narrow_packed(p, m->narrow, job, err);
    struct matrix_args *a = plan_alloc(p, sizeof *a, err);
    size_t bytes;
    if (!a)
        return -1;
    int rank = m->b.rank;
    *a = (struct matrix_args){
        .b = m->b, .product = job->product, .batches = 1, .k = m->b.dims[rank - 2], .n = m->b.dims[rank - 1]};
    for (int i = 0; i < rank - 2; i++)
        a->batches *= m->b.dims[i];
    a->panels = (a->n + job->product->nr - 1) / job->product->nr;
    a->bytes = kernel_product_packed(job->product, 1, (size_t)a->k, (size_t)a->n);
    if (!mem_mul(a->bytes, (size_t)a->batches, &bytes))
        return error_set(err, "the matrix is too large");
    if (plan_is_constant(n, 1)) {
        job->packed = plan_packed(p, n, 1,
                                  &(struct packing){.name = "matrix",
                                                    .params = {a->batches, a->k, a->n, a->b.stride[rank - 2],
                                                               a->b.stride[rank - 1], job->product->b},
                                                    .bytes = bytes,
                                                    .units = a->batches * a->panels,
                                                    .pack = pack_constant,
                                                    .args = a,
                                                    .args_size = sizeof *a},
                                  err);
        return job->packed ? 0 : -1;
    }
    if (plan_scratch(p, bytes, &a->to, err) < 0)
        return -1;
    job->packed_view = a->to;
    int64_t parts = a->batches * plan_tiles(a->k * a->n, 32768, a->panels);
    return plan_step(p, &(struct step){.node = n, .kernel = "pack_f32", .run = run_pack, .args = a, .units = parts},
                     err, PLAN_WRITES(&a->to, &a->b));
}

/* ---- the product ---- */

static int fill_batches(struct plan *p, const struct product *m, struct gemm_job *job, struct error *err)
{
    int64_t batches = view_matrices(&m->out);
    if (batches > INT32_MAX / 2)
        return error_set(err, "%lld matrices, want at most %d", (long long)batches, INT32_MAX / 2);
    ptrdiff_t *offsets = plan_alloc(p, sizeof *offsets * (size_t)batches * 4, err);
    if (!offsets)
        return -1;
    ptrdiff_t *a = offsets, *c = a + batches, *add = c + batches, *b = add + batches;
    size_t bytes =
        kernel_product_packed(job->product, 1, (size_t)m->b.dims[m->b.rank - 2], (size_t)m->b.dims[m->b.rank - 1]);
    for (int64_t i = 0; i < batches; i++) {
        a[i] = view_matrix(&m->a, &m->out, i);
        c[i] = view_matrix(&m->out, &m->out, i);
        add[i] = job->add.buffer ? view_matrix(&job->add, &m->out, i) : 0;
        b[i] = view_matrix_index(&m->b, &m->out, i) * (ptrdiff_t)bytes;
    }
    job->batches = (int)batches;
    job->a_batch = a;
    job->c_batch = c;
    job->add_batch = add;
    job->b_batch = b;
    gemm_set_rows(job, &m->a, &m->out);
    job->add_stride[GEMM_AXES - 1] = job->add.buffer ? job->add.stride[job->add.rank - 2] : 0;
    return 0;
}

static int product_emit(struct plan *p, struct node *n, struct product *m, struct error *err)
{
    static const ptrdiff_t no_tap[1] = {0};
    const int64_t depth = m->a.dims[m->a.rank - 1], columns = m->b.dims[m->b.rank - 1];
    const struct kernel_product *weights =
        plan_is_constant(n, 1) && !m->narrow
            ? kernel_gemm_weights(p->kernels, (size_t)(view_count(&m->a) / depth), (size_t)depth, (size_t)columns)
            : NULL;
    struct gemm_job job = {.product = weights ? weights : p->kernels->gemm_f32,
                           .to = {.act = m->act},
                           .tap = no_tap,
                           .taps = 1,
                           .k = (int)depth,
                           .n = (int)columns};
    if (m->bias >= 0 && exec_lower_bias(p, n, m->bias, &job, err) < 0)
        return -1;
    if (m->residual >= 0) {
        if (plan_in_contiguous(p, n, m->residual, n->in[m->residual]->type.rank - 1, &job.add, err) < 0)
            return -1;
        job.to.add_last = strcmp(n->domain, "nn") == 0 && op_int(n, "residual_last") != 0;
    }
    if (plan_out(p, n, 0, ORDER_ROWS, &m->out, err) < 0)
        return -1;
    job.a = m->a;
    job.c = m->out;
    if (pack_b(p, n, m, &job, err) < 0)
        return -1;
    bool one_matrix = view_matrices(&m->b) == 1 && m->a.rank == m->out.rank;
    int status = one_matrix && gemm_set_pixels(&job) ? 0 : fill_batches(p, m, &job, err);
    return status < 0 ? -1 : gemm_emit(p, n, m->narrow ? "gemm_narrow_f32" : job.product->name, &job, err);
}

static void transpose_last(struct view *v)
{
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < v->rank; i++)
        perm[i] = i;
    perm[v->rank - 1] = v->rank - 2;
    perm[v->rank - 2] = v->rank - 1;
    view_permute(v, perm, v);
}

/* f32 matrices (B may be a narrower constant) whose product is not empty. */
static bool fits(const struct node *n)
{
    if (!exec_lower_is_f32(n, 0) || !(exec_lower_is_f32(n, 1) || exec_lower_is_weight(n, 1)) ||
        n->out[0]->type.dtype != DTYPE_F32)
        return false;
    for (int i = 0; i < 2; i++) {
        const struct type *t = &n->in[i]->type;
        if (t->rank < 2)
            return false;
        for (int j = 0; j < t->rank; j++)
            if (t->dims[j] < 1 || t->dims[j] > INT32_MAX / 4)
                return false;
    }
    return true;
}

/* Loads A with its K axis contiguous, B as it lies, each transposed if wanted. */
static int load_operands(struct plan *p, struct node *n, struct product *m, bool trans_a, bool trans_b,
                         struct error *err)
{
    int rank = n->in[0]->type.rank;
    if (plan_in_contiguous(p, n, 0, trans_a ? rank - 2 : rank - 1, &m->a, err) < 0)
        return -1;
    m->narrow = narrow_weights(n);
    if (m->narrow)
        m->b = (struct view){.rank = 2, .dims = {n->in[1]->type.dims[0], n->in[1]->type.dims[1]}};
    else
        m->b = *plan_in(n, 1);
    if (trans_a)
        transpose_last(&m->a);
    if (trans_b)
        transpose_last(&m->b);
    return 0;
}

/* Gemm's C as a bias along N, or as a full matrix; false when it is neither. */
static bool place_c(const struct node *n, int64_t rows, int64_t columns, struct product *m)
{
    const struct type *c = node_in(n, 2) ? &n->in[2]->type : NULL;
    m->bias = m->residual = -1;
    if (!c)
        return true;
    if (op_float(n, "beta") != 1 || c->dtype != DTYPE_F32)
        return false;
    int64_t count = tensor_count(c->rank, c->dims);
    if (c->rank > 0 && c->dims[c->rank - 1] == columns && count == columns)
        m->bias = 2;
    else if (c->rank == 2 && c->dims[0] == rows && c->dims[1] == columns)
        m->residual = 2;
    return m->bias >= 0 || m->residual >= 0;
}

static bool is_gemm(const struct node *n, struct product *m)
{
    const struct type *out = &n->out[0]->type;
    return fits(n) && op_float(n, "alpha") == 1 && place_c(n, out->dims[0], out->dims[1], m);
}

bool exec_lower_takes_product(const struct node *n)
{
    struct product m;
    if (!n || (n->domain[0] && strcmp(n->domain, "nn") != 0))
        return false;
    return strcmp(n->op, "Gemm") == 0     ? is_gemm(n, &m)
           : strcmp(n->op, "MatMul") == 0 ? fits(n) && plan_activation(n, &m.act)
                                          : false;
}

int exec_lower_matmul(struct plan *p, struct node *n, struct error *err)
{
    bool fused = strcmp(n->domain, "nn") == 0;
    struct product m = {.bias = fused && node_in(n, 2) ? 2 : -1, .residual = fused && node_in(n, 3) ? 3 : -1};
    if (!fits(n) || !plan_activation(n, &m.act))
        return 1;
    if (load_operands(p, n, &m, false, op_int(n, "transB") != 0, err) < 0)
        return -1;
    return product_emit(p, n, &m, err);
}

int exec_lower_gemm(struct plan *p, struct node *n, struct error *err)
{
    struct product m = {.act = {KERNEL_NONE, 0, 0}};
    if (!is_gemm(n, &m))
        return 1;
    if (load_operands(p, n, &m, op_int(n, "transA") != 0, op_int(n, "transB") != 0, err) < 0)
        return -1;
    return product_emit(p, n, &m, err);
}
