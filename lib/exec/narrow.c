/* Which weights stay as they are stored, and how they are packed for products. */
#include "exec/narrow.h"

#include <string.h>

#include "base/hash.h"
#include "pass/util.h"

enum { X, SCALE, ZERO };

/* A matrix [k][n] in fewer bits, as it is stored. */
struct stored {
    const struct tensor *x, *scale, *zero; /* scale NULL: halves; zero NULL: 0 */
    bool turned;                           /* [n][k] */
    int64_t k, n, block;                   /* rows of k that share a scale */
    int64_t k_step, n_step;                /* of the scale, from block to block and from column to column */
};

static bool is_half(const struct tensor *t)
{
    return t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16;
}

static bool is_whole(const struct tensor *t)
{
    return t->dtype == DTYPE_I8 || t->dtype == DTYPE_U8 || t->dtype == DTYPE_I4 || t->dtype == DTYPE_U4;
}

/* Whether scales are the same along k, or in blocks of it. */
static bool read_scales(struct stored *s, int64_t axis, int64_t block)
{
    int k_axis = s->turned, n_axis = !s->turned;
    axis += axis < 0 ? 2 : 0;
    s->block = s->k;
    s->k_step = s->n_step = 0;
    if (s->scale->dtype != DTYPE_F32 || (s->zero && s->zero->count != s->scale->count))
        return false;
    if (s->scale->count == 1)
        return true;
    s->n_step = 1;
    if (block == 0)
        return s->scale->rank == 1 && axis == n_axis && s->scale->count == s->n;
    if (block < 0 || axis != k_axis || s->scale->rank != 2)
        return false;
    s->block = block < s->k ? block : s->k;
    s->k_step = s->turned ? 1 : s->n;
    s->n_step = s->turned ? s->scale->dims[1] : 1;
    return s->scale->dims[n_axis] == s->n && s->scale->dims[k_axis] == (s->k - 1) / block + 1;
}

static bool read_stored(struct stored *s, const struct value *x, const struct value *scale, const struct value *zero,
                        bool turned, int64_t axis, int64_t block)
{
    *s = (struct stored){.x = pass_constant(x), .scale = pass_constant(scale), .zero = pass_constant(zero)};
    if (!s->x || s->x->rank != 2 || s->x->count == 0 || s->x->count > INT32_MAX / 4 || (scale && !s->scale) ||
        (zero && !s->zero))
        return false;
    s->turned = turned;
    s->k = s->x->dims[turned];
    s->n = s->x->dims[!turned];
    s->block = s->k;
    return s->scale ? is_whole(s->x) && read_scales(s, axis, block) : is_half(s->x);
}

static bool read_node(struct stored *s, const struct node *n)
{
    return read_stored(s, n->in[X], node_in(n, SCALE), node_in(n, ZERO), op_int(n, "transposed") != 0,
                       op_int(n, "axis"), op_int(n, "block_size"));
}

/* ---- in the graph ---- */

static bool is_product(const struct node *n)
{
    bool gemm = node_is(n, "Gemm");
    return n->def && (gemm || node_is(n, "MatMul") || (strcmp(n->domain, "nn") == 0 && strcmp(n->op, "MatMul") == 0));
}

/* The node that makes a matrix of stored weights, perhaps through a Transpose, which turns *turned. */
static const struct node *maker_of(const struct value *v, bool *turned)
{
    int64_t perm[TENSOR_MAX_RANK];
    const struct node *n = v->producer;
    if (n && n->def && node_is(n, "Transpose") && n->in[0]->type.rank == 2 && pass_perm(n, perm) && perm[0] == 1) {
        *turned = !*turned;
        n = n->in[0]->producer;
    }
    bool widens = n && n->def && node_is(n, "Cast") && op_int(n, "to") == DTYPE_F32;
    return widens || (n && n->def && node_is(n, "DequantizeLinear")) ? n : NULL;
}

static struct node *add_dequantize(struct node *before, const struct node *of, bool turned, struct error *err)
{
    struct node *n = pass_node(before, "nn", "Dequantize", of->in_count, of->in, err);
    if (!n || (op_int(of, "block_size") && node_set_int(n, "block_size", op_int(of, "block_size"), err) < 0) ||
        (of->in_count > 1 && node_set_int(n, "axis", op_int(of, "axis"), err) < 0) ||
        (turned && node_set_int(n, "transposed", 1, err) < 0))
        return NULL;
    return n;
}

static BASE_COLD int keep(struct node *n, bool scales, struct error *err)
{
    if (!is_product(n) || !node_in(n, 1))
        return 0;
    bool turned = op_int(n, "transB") != 0, was_turned = turned;
    const struct node *of = maker_of(n->in[1], &turned);
    struct stored s;
    bool scaled = of && node_is(of, "DequantizeLinear");
    if (!of || (scaled && !scales) ||
        !read_stored(&s, of->in[X], node_in(of, SCALE), node_in(of, ZERO), turned, scaled ? op_int(of, "axis") : 0,
                     scaled ? op_int(of, "block_size") : 0) ||
        s.x->count < NARROW_LEAST || of->out[0]->type.dtype != DTYPE_F32)
        return 0;
    struct node *made = add_dequantize(n, of, turned, err);
    struct value *w = made ? pass_output(made, err) : NULL;
    if (!w || (was_turned && node_set_int(n, "transB", 0, err) < 0))
        return -1;
    return pass_set_input(n, 1, w, err) < 0 ? -1 : 1;
}

static int keep_halves(struct node *n, struct error *err)
{
    return keep(n, false, err);
}

static int keep_all(struct node *n, struct error *err)
{
    return keep(n, true, err);
}

int narrow_keep(struct graph *root, bool scaled, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g))
        if (pass_each(g, scaled ? keep_all : keep_halves, err) < 0)
            return -1;
    return 0;
}

/* Whether a use of a matrix is by a product that takes it as it is stored. */
static bool takes_stored(const struct use *u)
{
    const struct node *n = u->node;
    return u->index == 1 && exec_lower_takes_product(n) && !op_int(n, "transB");
}

const struct node *narrow_weights(const struct node *product)
{
    const struct value *v = node_in(product, 1);
    const struct node *n = v ? v->producer : NULL;
    struct stored s;
    if (!n || strcmp(n->domain, "nn") != 0 || strcmp(n->op, "Dequantize") != 0 || v->is_output || !read_node(&s, n))
        return NULL;
    for (size_t i = 0; i < v->use_count; i++)
        if (!takes_stored(&v->uses[i]))
            return NULL;
    return n;
}

/* What products take as it is stored has no value of its own. The constants stay for those that are lowered later; that
 * of a single product is let go behind it. */
int exec_lower_narrow(struct plan *p, struct node *n, struct error *err)
{
    const struct value *v = n->out[0];
    (void)p;
    (void)err;
    if (v->use_count == 0 || !v->uses[0].node || narrow_weights(v->uses[0].node) != n)
        return 1;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && (i != X || v->use_count > 1 || n->in[X]->use_count > 1))
            plan_place(n->in[i])->is_kept = true;
    return 0;
}

/* ---- packing ---- */

struct pack_args {
    struct stored s;
    struct kernel_narrow w;
    int nr;
    size_t panel;
};

/* Whole weights as the kernels have them: u8 and i4 a half of their range further. */
static int offset_of(enum dtype dtype)
{
    return dtype == DTYPE_U8 ? -128 : dtype == DTYPE_I4 ? 8 : 0;
}

static unsigned element(const struct stored *s, int64_t i, int64_t j)
{
    const uint8_t *data = s->x->data;
    int64_t at = s->turned ? j * s->k + i : i * s->n + j;
    switch (s->x->dtype) {
    case DTYPE_I8:
        return data[at];
    case DTYPE_U8:
        return data[at] ^ 0x80u;
    case DTYPE_U4:
        return data[at / 2] >> at % 2 * 4 & 15u;
    default:
        return (data[at / 2] >> at % 2 * 4 & 15u) ^ 8u;
    }
}

static uint8_t *pack_halves(uint8_t *to, const struct pack_args *a, int64_t i, int64_t column)
{
    const struct stored *s = &a->s;
    int64_t step = s->turned ? s->k : 1, columns = s->n - column;
    const uint16_t *from = (const uint16_t *)s->x->data + column * step + i * (s->turned ? 1 : s->n);
    uint16_t *half = (uint16_t *)(void *)to;
    for (int j = 0; j < a->nr; j++)
        half[j] = j < columns ? from[j * step] : 0;
    return (uint8_t *)(half + a->nr);
}

static uint8_t *pack_bytes(uint8_t *to, const struct pack_args *a, int64_t i, int64_t column)
{
    for (int j = 0; j < a->nr; j++)
        to[j] = (uint8_t)(column + j < a->s.n ? element(&a->s, i, column + j) : 0);
    return to + a->nr;
}

/* Of four rows, the bytes of two. */
static uint8_t *pack_nibbles(uint8_t *to, const struct pack_args *a, int64_t i, int64_t column)
{
    int64_t row = i % a->s.block;
    int turn = (int)(row % 4);
    if (turn == 0)
        memset(to, 0, 2 * (size_t)a->nr);
    for (int j = 0; j < a->nr && column + j < a->s.n; j++)
        to[turn % 2 * a->nr + j] |= (uint8_t)(element(&a->s, i, column + j) << turn / 2 * 4);
    return turn == 3 || row + 1 == a->s.block ? to + (ptrdiff_t)2 * a->nr : to;
}

static uint8_t *pack_scales(uint8_t *to, const struct pack_args *a, int64_t block, int64_t column)
{
    const struct stored *s = &a->s;
    float *scale = (float *)(void *)to;
    int32_t *zero = (int32_t *)(void *)(scale + a->nr);
    uint8_t *zero_byte = (uint8_t *)zero;
    for (int j = 0; j < a->nr; j++) {
        int64_t at = block * s->k_step + (column + j) * s->n_step;
        bool there = column + j < s->n;
        int32_t z = a->w.has_zeros && there ? (int32_t)tensor_get_i64(s->zero, at) + offset_of(s->x->dtype) : 0;
        scale[j] = there ? (float)tensor_get_f64(s->scale, at) : 0;
        if (a->w.has_zeros && a->w.type == KERNEL_S8)
            zero[j] = z;
        else if (a->w.has_zeros)
            zero_byte[j] = zero_byte[a->nr + j] = (uint8_t)z;
    }
    size_t zeros = a->w.type == KERNEL_S8 ? sizeof(*zero) : 2;
    return to + (sizeof(*scale) + (a->w.has_zeros ? zeros : 0)) * (size_t)a->nr;
}

/* A unit is a panel. */
static int pack_panels(void *packed, const void *stored, const void *args, int64_t first, int64_t last,
                       const struct kernels *k)
{
    const struct pack_args *a = args;
    uint8_t *(*pack)(uint8_t *, const struct pack_args *, int64_t, int64_t) = a->w.type == KERNEL_S8   ? pack_bytes
                                                                              : a->w.type == KERNEL_U4 ? pack_nibbles
                                                                                                       : pack_halves;
    (void)stored;
    (void)k;
    for (int64_t panel = first; panel < last; panel++) {
        uint8_t *to = (uint8_t *)packed + (size_t)panel * a->panel;
        for (int64_t i = 0; i < a->s.k; i++) {
            if (a->s.scale && i % a->s.block == 0)
                to = pack_scales(to, a, i / a->s.block, panel * a->nr);
            to = pack(to, a, i, panel * a->nr);
        }
    }
    return 0;
}

/* Zero points that are all the same need no room. */
static void find_zeros(const struct stored *s, struct kernel_narrow *w)
{
    int64_t first = s->zero ? tensor_get_i64(s->zero, 0) : 0;
    for (int64_t i = 1; s->zero && i < s->zero->count; i++)
        w->has_zeros |= tensor_get_i64(s->zero, i) != first;
    w->zero = (int32_t)first + offset_of(s->x->dtype);
}

static enum kernel_type type_of(enum dtype dtype)
{
    return dtype == DTYPE_F16                       ? KERNEL_F16
           : dtype == DTYPE_BF16                    ? KERNEL_BF16
           : dtype == DTYPE_I8 || dtype == DTYPE_U8 ? KERNEL_S8
                                                    : KERNEL_U4;
}

/* What distinguishes weights of the same bytes. */
static int64_t key_of(const struct stored *s)
{
    uint64_t key = s->scale ? hash_bytes(s->scale->data, s->scale->size) : 0;
    key = key * 31 + (s->zero ? hash_bytes(s->zero->data, s->zero->size) : 0);
    return (int64_t)(key * 64 + (uint64_t)s->x->dtype);
}

int narrow_packed(struct plan *p, const struct node *weights, struct gemm_job *job, struct error *err)
{
    struct pack_args a = {.nr = job->product->nr};
    struct kernel_narrow *w = plan_alloc(p, sizeof *w, err);
    size_t bytes;
    if (!w || !read_node(&a.s, weights))
        return w ? error_set(err, "weights that are not stored as they were") : -1;
    *w = (struct kernel_narrow){.type = type_of(a.s.x->dtype), .block = (int)a.s.block};
    if (a.s.scale)
        find_zeros(&a.s, w);
    a.w = *w;
    a.panel = kernel_narrow_bytes(w, (size_t)a.s.k, (size_t)a.nr);
    int64_t panels = (a.s.n + a.nr - 1) / a.nr;
    if (!mem_mul(a.panel, (size_t)panels, &bytes))
        bytes = 0;
    job->narrow = w;
    job->packed = plan_packed(p, weights, X,
                              &(struct packing){.name = "narrow",
                                                .params = {a.s.k, a.s.n, a.s.block, a.s.turned, key_of(&a.s), a.nr},
                                                .bytes = bytes,
                                                .units = panels,
                                                .pack = pack_panels,
                                                .args = &a,
                                                .args_size = sizeof a,
                                                .as_stored = true},
                              err);
    return job->packed ? 0 : -1;
}
