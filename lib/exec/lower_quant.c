#include "exec/lower_quant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The inputs of nn.QConv and nn.QMatMul. */
enum { X, X_SCALE, X_ZERO, W_SCALE = 4, Y_SCALE = 6, Y_ZERO, BIAS };

double exec_quant_param(const struct node *n, int in, int64_t i)
{
    const struct tensor *t = node_in(n, in) ? n->in[in]->constant : NULL;
    return t ? tensor_get_f64(t, t->count == 1 ? 0 : i) : 0;
}

bool exec_quant_is_param(const struct node *n, int in, int64_t count)
{
    const struct tensor *t = node_in(n, in) ? n->in[in]->constant : NULL;
    return !node_in(n, in) ||
           (t && (t->count == 1 || (t->count == count && t->rank > 0 && t->dims[t->rank - 1] == count)));
}

struct panels_args {
    struct quant_weights w;
    const struct kernel_product *product;
    int groups, taps, k;
};

/* A unit is a panel of a group. */
static int pack_panels(void *packed, const void *stored, const void *args, int64_t first, int64_t last,
                       const struct kernels *kernels)
{
    const struct panels_args *a = args;
    const struct kernel_product *product = a->product;
    int64_t columns = a->w.columns / a->groups, panels = (columns + product->nr - 1) / product->nr;
    size_t taps = (size_t)a->taps, k = (size_t)a->k, group = kernel_product_packed(product, taps, k, (size_t)columns);
    int8_t *panel = mem_calloc((size_t)product->nr, (size_t)(a->w.depth * a->w.runs), NULL);
    (void)kernels;
    for (int64_t i = first; panel && i < last; i++) {
        int64_t from = i % panels * product->nr, to = from + product->nr < columns ? from + product->nr : columns;
        int64_t base = i / panels * columns;
        char *at = (char *)packed + (size_t)(i / panels) * group;
        exec_quant_take(&a->w, stored, base + from, base + to, panel);
        product->pack(at + (from ? kernel_product_packed(product, taps, k, (size_t)from) : 0), panel, a->taps, a->k,
                      a->k, 1, (int)(to - from), a->w.depth * a->w.runs);
    }
    free(panel);
    return panel ? 0 : -1;
}

const void *exec_quant_packed(struct plan *p, const struct node *n, const char *name, const struct quant_weights *w,
                              const struct kernel_product *product, int groups, int taps, int k, struct error *err)
{
    struct panels_args a = {*w, product, groups, taps, k};
    int64_t columns = w->columns / groups, panels = (columns + product->nr - 1) / product->nr;
    size_t bytes;
    if (!mem_mul(kernel_product_packed(product, (size_t)taps, (size_t)k, (size_t)columns), (size_t)groups, &bytes))
        bytes = 0;
    return plan_packed(p, n, w->input,
                       &(struct packing){.name = name,
                                         .params = {groups, w->columns, w->depth, taps, k, exec_quant_key(n, w),
                                                    (intptr_t)product->pack},
                                         .bytes = bytes,
                                         .units = groups * panels,
                                         .pack = pack_panels,
                                         .args = &a,
                                         .args_size = sizeof a,
                                         .as_stored = true},
                       err);
}

struct sums_args {
    struct view zero, bias; /* zero.buffer NULL: 0 */
    const int32_t *sum;
    int64_t columns;
    int offset, times;
};

/* The biases that take zero point and offset times the weights' sums off. */
static void run_sums(const struct step *s, struct tile tile)
{
    const struct sums_args *a = s->args;
    const void *at = a->zero.buffer ? view_data(&a->zero) : NULL;
    int zero = !at ? 0 : a->zero.dtype == DTYPE_I8 ? *(const int8_t *)at : *(const uint8_t *)at;
    int32_t *bias = view_data(&a->bias);
    (void)tile;
    for (int64_t i = 0; i < a->columns * a->times; i++)
        bias[i] = (int32_t)(0 - (uint32_t)a->sum[i % a->columns] * (uint32_t)(zero + a->offset));
}

int exec_quant_sums(struct plan *p, struct node *n, const struct quant_weights *w, int offset, int times,
                    struct view *bias, struct error *err)
{
    struct sums_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || plan_scratch(p, sizeof(int32_t) * (size_t)(w->columns * times), &a->bias, err) < 0)
        return -1;
    if (node_in(n, X_ZERO))
        a->zero = *plan_in(n, X_ZERO);
    a->sum = w->sum;
    a->columns = w->columns;
    a->times = times;
    a->offset = offset;
    *bias = a->bias;
    return plan_step(p, &(struct step){.node = n, .kernel = "zero_q8", .run = run_sums, .args = a, .units = 1}, err,
                     PLAN_WRITES(&a->bias, &a->zero));
}

bool exec_quant_byte(const struct node *n, const struct value *v, int scale, struct kernel_byte *of)
{
    const struct tensor *t = plan_is_constant(n, scale) ? n->in[scale]->constant : NULL;
    if ((v->type.dtype != DTYPE_U8 && v->type.dtype != DTYPE_I8) || !t || t->dtype != DTYPE_F32 || t->count != 1 ||
        !exec_quant_is_param(n, scale + 1, 1))
        return false;
    of->is_signed = v->type.dtype == DTYPE_I8;
    of->scale = (float)exec_quant_param(n, scale, 0);
    of->zero = (float)exec_quant_param(n, scale + 1, 0);
    return of->scale != 0 && isfinite(of->scale);
}

struct kernel_rounding exec_quant_bounds(const struct kernel_byte *of)
{
    float low = (of->is_signed ? -128 : 0) - of->zero;
    return (struct kernel_rounding){low, low + 255, (int32_t)of->zero};
}

/* An activation's bounds, divided by `scale`. */
static bool find_bounds(const struct node *n, float scale, float *least, float *most)
{
    struct kernel_act act;
    *least = -INFINITY;
    *most = INFINITY;
    if (!plan_activation(n, &act) || !(scale > 0))
        return false;
    if (act.kind != KERNEL_NONE)
        *least = act.kind == KERNEL_CLIP ? act.a / scale : 0;
    if (act.kind == KERNEL_CLIP)
        *most = act.b / scale;
    return true;
}

bool exec_quant_rounding(const struct node *n, const struct kernel_byte *of, struct kernel_rounding *r)
{
    float least, most;
    if (!find_bounds(n, of->scale, &least, &most))
        return false;
    *r = exec_quant_bounds(of);
    float low = r->low, high = r->high;
    r->high = fminf(fmaxf(nearbyintf(most), low), high);
    r->low = fminf(fmaxf(nearbyintf(least), low), r->high); /* where Clip's bounds cross, the upper one counts */
    return true;
}

/* Bytes, or numbers between an activation's bounds. */
static bool find_rounding(const struct node *n, struct kernel_rounding *r)
{
    struct kernel_byte of = {n->out[0]->type.dtype == DTYPE_I8, (float)exec_quant_param(n, Y_ZERO, 0),
                             (float)exec_quant_param(n, Y_SCALE, 0)};
    r->zero = 0;
    return node_in(n, Y_SCALE) ? exec_quant_rounding(n, &of, r) : find_bounds(n, 1, &r->low, &r->high);
}

/* What becomes of a sum with its bias, less the zero point. */
static float rounded(const struct kernel_epilogue *to, int64_t sum, float multiplier, float shift)
{
    float x = fminf(fmaxf((float)sum * multiplier + shift, to->rounding.low), to->rounding.high);
    return to->c == KERNEL_F32 ? x : nearbyintf(x);
}

/* Channels that training left without an effect have tiny scales, of which a bias is so many that sums might not fit.
 * A lesser one does as well when all sums with either come to the same. */
static bool bound_bias(const struct kernel_epilogue *to, int64_t reach, float multiplier, float shift, int64_t *bias)
{
    int64_t room = INT32_MAX - reach, given = *bias;
    *bias = given > room ? room : given < -room ? -room : given;
    int64_t least = *bias < given ? *bias : given, most = *bias + given - least;
    return *bias == given ||
           rounded(to, least - reach, multiplier, shift) == rounded(to, most + reach, multiplier, shift);
}

int exec_quant_epilogue(struct plan *p, const struct node *n, const struct quant_weights *w, int a_offset,
                        struct kernel_epilogue *to, struct error *err)
{
    int32_t *bias = plan_alloc(p, sizeof *bias * (size_t)w->columns, err);
    float *multiplier = plan_alloc(p, sizeof *multiplier * (size_t)w->columns, err);
    bool real = !node_in(n, Y_SCALE);
    float x_scale = (float)exec_quant_param(n, X_SCALE, 0), y_scale = (float)exec_quant_param(n, Y_SCALE, 0);
    int32_t zero = (int32_t)exec_quant_param(n, X_ZERO, 0);
    static const int single[] = {X_SCALE, X_ZERO, Y_SCALE, Y_ZERO};
    bool real_bias = exec_quant_is_real(n, BIAS), shifts = real_bias;
    float *shift = plan_alloc(p, sizeof *shift * (size_t)w->columns, err);
    if (!bias || !multiplier || !shift)
        return -1;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (!exec_quant_is_param(n, single[i], 1))
            return 1;
    if (!exec_quant_is_param(n, W_SCALE, w->columns))
        return 1;
    *to = (struct kernel_epilogue){
        .bias = bias, .multiplier = multiplier, .c = real ? KERNEL_F32 : KERNEL_U8, .a_zero = zero};
    if (!find_rounding(n, &to->rounding))
        return 1;
    for (int64_t i = 0; i < w->columns; i++) {
        uint32_t taken = (uint32_t)w->sum[i] * (uint32_t)(zero + a_offset);
        int64_t whole = real_bias ? 0 : (int64_t)exec_quant_param(n, BIAS, i);
        shift[i] = real_bias ? (float)exec_quant_param(n, BIAS, i) / (real ? 1 : y_scale) : -0.0f;
        multiplier[i] = x_scale * (float)exec_quant_param(n, W_SCALE, i);
        multiplier[i] = real ? multiplier[i] : multiplier[i] / y_scale;
        shifts |= fabsf(multiplier[i]) >= 1;
        if (!isfinite(multiplier[i]) || !isfinite(shift[i]) ||
            !bound_bias(to, w->reach ? w->reach[i] : 0, multiplier[i], shift[i], &whole))
            return 1;
        bias[i] = (int32_t)((uint32_t)whole - taken);
    }
    to->shift = shifts ? shift : NULL;
    return 0;
}

const struct kernel_product *exec_quant_product(const struct kernels *k, const struct node *n)
{
    return n->in[X]->type.dtype == DTYPE_I8 ? k->gemm_s8 : k->gemm_u8;
}

/* What follows a ReLU or GELU has a zero point near the least byte, and is mostly small. */
#define SMALL_ZERO 32
/* A row's elements, and its products, from which it pays to sort them. */
#define SMALL_DEPTH 32
#define SMALL_MACS  3072
/* The same of those that are spread about their zero point, which takes longer. */
#define ABOUT_DEPTH   64
#define ABOUT_COLUMNS 128

const struct kernel_product *exec_quant_product_of(const struct kernels *k, const struct node *n, int64_t run,
                                                   int64_t depth, int64_t columns)
{
    const struct kernel_product *small = k->gemm_small, *any = exec_quant_product(k, n);
    const struct type *out = &n->out[0]->type;
    bool is_signed = n->in[X]->type.dtype == DTYPE_I8;
    int zero = exec_quant_fill(n) ^ (is_signed ? 0x80 : 0);
    bool about = zero >= SMALL_ZERO, narrow = small && (columns - 1) % small->nr < small->vector;
    bool deep = about ? depth >= ABOUT_DEPTH && columns >= ABOUT_COLUMNS && !narrow
                      : depth >= SMALL_DEPTH && depth * columns >= SMALL_MACS;
    bool pays = small && deep && tensor_count(out->rank, out->dims) / columns >= small->mr;
    if (pays)
        return small + 2 * about + is_signed;
    return run < any->other_run || depth < 4 * any->other_run ? any->other : any;
}

int exec_quant_offset(const struct node *n, const struct kernel_product *p)
{
    return p->about ? -(int)exec_quant_param(n, X_ZERO, 0) : p->a_offset;
}

int exec_quant_fill(const struct node *n)
{
    return (int)exec_quant_param(n, X_ZERO, 0) & 0xff;
}
