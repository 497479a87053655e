/* Weights that are rounded by what layers give on data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_calibrate.h"
#include "networks.h"

/* n of x with given weights. */
static struct tensor *layer_of(const struct node *n, struct tensor *x, struct tensor *weights, struct error *err)
{
    struct item *in[2] = {item_of_tensor(tensor_ref(x), err), item_of_tensor(tensor_ref(weights), err)}, *out = NULL;
    struct op_eval e = {.node = n, .in = in, .in_count = 2, .out = &out, .out_count = 1, .memory = 1 << 24};
    CHECK_MSG(op_eval_node(&e, err) == 0, "%s", err->text);
    struct tensor *result = tensor_ref(out->tensor);
    item_unref(in[0]);
    item_unref(in[1]);
    item_unref(out);
    return result;
}

/* How far n of x with rounded weights is from n of `right` in float: the sum of squares. */
static double layer_noise(const struct node *n, const struct quant_weights *w, struct tensor *x, struct tensor *right,
                          struct error *err)
{
    const struct tensor *real = n->in[1]->constant;
    struct quant_shape shape = quant_shape_of(real, quant_weight_axis(n));
    struct tensor *rounded = tensor_new(DTYPE_F32, real->rank, real->dims, err);
    for (int64_t i = 0; i < real->count; i++) {
        int64_t channel = i / (int64_t)shape.inner % (int64_t)shape.channels;
        double scale = tensor_get_f64(w->scale, w->scale->count == 1 ? 0 : channel);
        tensor_set_f64(rounded, i, scale * tensor_get_f64(w->rounded, i));
    }
    struct tensor *want = layer_of(n, right, n->in[1]->constant, err), *have = layer_of(n, x, rounded, err);
    double sum = 0;
    int axis;
    quant_channels(n, &axis);
    struct quant_shape out = quant_shape_of(want, axis);
    for (int64_t i = 0; i < want->count; i++) {
        double shift = w->shift ? w->shift[(size_t)i / out.inner % out.channels] : 0;
        sum += pow(tensor_get_f64(want, i) - tensor_get_f64(have, i) - shift, 2);
    }
    tensor_unref(want);
    tensor_unref(have);
    tensor_unref(rounded);
    return sum;
}

static struct value *grouped(struct build *b, struct value *x)
{
    struct value *y = BUILD(b, "Conv", x, WEIGHTS(b, 1, 6, 2, 3, 3));
    build_int(b, y, "group", 2);
    build_ints(b, y, "strides", 2, (int64_t[]){2, 1});
    return build_ints(b, y, "pads", 4, (int64_t[]){1, 0, 1, 2});
}

static struct value *turned(struct build *b, struct value *x)
{
    struct value *rows = build_reshape(b, x, 2, (int64_t[]){32, 8});
    return build_int(b, BUILD(b, "Gemm", rows, WEIGHTS(b, 1, 12, 8)), "transB", 1);
}

static struct value *product(struct build *b, struct value *x)
{
    return BUILD(b, "MatMul", build_reshape(b, x, 3, (int64_t[]){2, 16, 8}), WEIGHTS(b, 1, 8, 12));
}

static network_fn *const adaptable[] = {grouped, turned, product};

/* A network that was calibrated by x, and its first layer. */
struct adapted {
    struct graph *g;
    struct quant_calibration c;
    struct tensor *x;
    const struct node *n;
    struct quant_weights *weights;
    struct quant_moments m;
};

static void begin_adapted(struct adapted *a, network_fn *network, struct error *err)
{
    struct quant_settings s = {.dtype = DTYPE_U8, .method = quant_range_find("mse")};
    size_t at = 0;
    a->g = make(network, err);
    a->x = random_tensor(4, (int64_t[]){1, 4, 8, 8}, 0.2);
    for (int64_t k = 0; k < a->x->count; k++)
        tensor_set_f64(a->x, k, tensor_get_f64(a->x, k) + 1 + (double)(k / 8 % 8) / 8);
    CHECK_MSG(quant_calibration_init(&a->c, a->g, &s, err) == 0, "%s", err->text);
    observe(&a->c, &a->x, 1, err);
    while (a->c.places.layers[at].kind != QUANT_PRODUCT)
        at++;
    a->n = a->c.places.layers[at].node;
    a->weights = &a->c.weights[at];
    free(a->weights->shift);
    a->weights->shift = NULL;
    struct graph *watch = quant_watch_operand(&a->c, at, true, err);
    CHECK_MSG(watch && op_infer_graph(watch, err) == 0, "%s", err->text);
    struct tensor **operand = run(watch, a->x, err);
    tensor_unref(a->x);
    a->x = tensor_ref(operand[0]);
    drop(operand, 1);
    graph_free(watch);
    CHECK(quant_moments_init(&a->m, &a->c.places.layers[at], err) == 0 && a->m.n);
}

static void end_adapted(struct adapted *a)
{
    quant_moments_release(&a->m);
    tensor_unref(a->x);
    quant_calibration_release(&a->c);
    graph_free(a->g);
}

/* x times a factor, and noise. */
static struct tensor *spoilt(const struct tensor *x, double factor, double noise)
{
    struct tensor *t = tensor_new(DTYPE_F32, x->rank, x->dims, NULL);
    for (int64_t i = 0; i < x->count; i++)
        tensor_set_f64(t, i, factor * tensor_get_f64(x, i) + noise * hash_normal(&seed));
    return t;
}

static void add_moments(struct adapted *a, const struct tensor *x, const struct tensor *real, bool held)
{
    struct error err = {""};
    struct tensor *rows[2];
    CHECK(quant_moments_rows(&a->m, x, real, rows, &err) == 0 && rows[0]);
    struct graph *g = quant_moments_graph(&a->m, &err);
    CHECK_MSG(g && op_infer_graph(g, &err) == 0, "%s", err.text);
    struct tensor **sums = run_all(g, rows, &err);
    quant_moments_take(&a->m, sums, rows[0]->dims[1], held);
    drop(sums, g->output_count);
    graph_free(g);
    tensor_unref(rows[0]);
    tensor_unref(rows[1]);
}

/* Weights in two blocks of unlike size. */
static struct value *deep(struct build *b, struct value *x)
{
    return build_ints(b, BUILD(b, "Conv", x, WEIGHTS(b, 1, 3, 4, 9, 9)), "pads", 4, (int64_t[]){4, 4, 4, 4});
}

/* The sum over places of two numbers in rows[groups][places][depth]. */
static double sum_of(const struct tensor *x, const struct tensor *y, int64_t group, int64_t i, int64_t k)
{
    double sum = 0;
    for (int64_t p = 0; p < x->dims[1]; p++)
        sum += tensor_get_f64(x, (group * x->dims[1] + p) * x->dims[2] + i) *
               tensor_get_f64(y, (group * y->dims[1] + p) * y->dims[2] + k);
    return sum;
}

/* Of a place what the window covers, in the order of the weights, and sums of that in blocks. */
static void sums(void)
{
    struct error err = {""};
    struct adapted a;
    struct tensor *rows[2];
    begin_adapted(&a, deep, &err);
    CHECK(quant_moments_rows(&a.m, a.x, a.x, rows, &err) == 0 && rows[0] && rows[0]->dims[1] == 64);
    for (int64_t k = 0; k < 324; k++) { /* the window at (1, 2) begins at (-3, -2) */
        int64_t y = k / 9 % 9 - 3, x = k % 9 - 2;
        double want = y < 0 || x < 0 ? 0 : tensor_get_f64(a.x, k / 81 * 64 + y * 8 + x);
        CHECK_MSG(tensor_get_f64(rows[0], 10 * 324 + k) == want, "%d", (int)k);
        CHECK(tensor_get_f64(rows[1], 10 * 324 + k) == 0);
    }
    add_moments(&a, a.x, a.x, false);
    for (int64_t i = 0; i < 324; i += 17)
        for (int64_t k = i; k < (i < QUANT_BLOCK ? QUANT_BLOCK : 324); k += 5) {
            double want = sum_of(rows[0], rows[0], 0, i, k);
            double got = (double)a.m.used.square[(i / 256 * 256 + i % 256) * 256 + k % 256];
            CHECK_MSG(fabs(got - want) <= 1e-4 * want, "%d, %d: %g, want %g", (int)i, (int)k, got, want);
        }
    tensor_unref(rows[0]);
    tensor_unref(rows[1]);
    end_adapted(&a);
}

/* Numbers that go together: weights that are rounded one way are made up for by others. */
static void adaptive_rounding(void)
{
    for (size_t i = 0; i < sizeof adaptable / sizeof *adaptable; i++) {
        double before = 0, after = 0;
        for (int round = 0; round < ROUNDS; round++) {
            struct error err = {""};
            struct adapted a;
            begin_adapted(&a, adaptable[i], &err);
            double nearest = layer_noise(a.n, a.weights, a.x, a.x, &err);
            CHECK(quant_moments_round(&a.m, a.weights, &err) == 0);
            CHECK_MSG(layer_noise(a.n, a.weights, a.x, a.x, &err) == nearest, "%zu: rounded by nothing", i);
            for (int k = 0; k < 16; k++)
                add_moments(&a, a.x, a.x, false);
            CHECK(quant_moments_round(&a.m, a.weights, &err) == 0);
            before += nearest;
            after += layer_noise(a.n, a.weights, a.x, a.x, &err);
            end_adapted(&a);
        }
        CHECK_MSG(after < 0.3 * before, "%zu: %g before, %g after", i, before, after);
    }
}

/* What operands are off is made up for, also of others than those seen. */
static void errors_of_operands(void)
{
    for (size_t i = 0; i < sizeof adaptable / sizeof *adaptable; i++) {
        double before = 0, after = 0;
        for (int round = 0; round < ROUNDS; round++) {
            struct error err = {""};
            struct adapted a;
            begin_adapted(&a, adaptable[i], &err);
            struct tensor *other = spoilt(a.x, 1.1, 0.3);
            before += layer_noise(a.n, a.weights, other, a.x, &err);
            for (int k = 0; k < 20; k++) {
                struct tensor *x = spoilt(a.x, 1.1, 0.3);
                add_moments(&a, x, a.x, k % 5 == 4);
                tensor_unref(x);
            }
            CHECK(quant_moments_round(&a.m, a.weights, &err) == 0);
            after += layer_noise(a.n, a.weights, other, a.x, &err);
            tensor_unref(other);
            end_adapted(&a);
        }
        CHECK_MSG(after < 0.6 * before, "%zu: %g before, %g after", i, before, after);
    }
}

/* Rounds anew by operands that are too large, judged by such as are too small; the share of weights that changed. */
static double changed_share(network_fn *network)
{
    struct error err = {""};
    struct adapted a;
    begin_adapted(&a, network, &err);
    struct tensor *more = spoilt(a.x, 1.5, 0), *less = spoilt(a.x, 0.5, 0), *t = a.weights->rounded;
    int8_t *before = memcpy(malloc(t->size), t->data, t->size);
    double changed = 0, count = (double)t->count;
    for (int k = 0; k < 16; k++) {
        add_moments(&a, more, a.x, false);
        add_moments(&a, less, a.x, true);
    }
    CHECK(quant_moments_round(&a.m, a.weights, &err) == 0);
    for (int64_t k = 0; k < t->count; k++)
        changed += before[k] != ((const int8_t *)t->data)[k];
    free(before);
    tensor_unref(more);
    tensor_unref(less);
    end_adapted(&a);
    return changed / count;
}

/* Weights stay where what is held back says that others are worse; of all others few are better by luck. */
static void judged(void)
{
    for (size_t i = 0; i < sizeof adaptable / sizeof *adaptable; i++) {
        double changed = 0;
        for (int round = 0; round < ROUNDS; round++)
            changed += changed_share(adaptable[i]) / ROUNDS;
        CHECK_MSG(changed < 0.01, "%zu: %g of the weights rounded anew", i, changed);
    }
}

/* Noise of two outputs before and after: sums of squares, of signals of one, and sums of dB. */
static const struct {
    double before[2], after[2], decibels[2];
    bool is_nearer;
} tried[] = {
    {{1e-2, 1e-3}, {5e-3, 5e-4}, {3, 3}, true},
    {{1e-2, 1e-3}, {5e-3, 1.1e-3}, {3, 3}, false},    /* one of them is farther off */
    {{1e-2, 1e-3}, {5e-3, 5e-4}, {1, -3}, false},     /* but for a few samples */
    {{1e-2, 1e-3}, {5e-3, 9e-4}, {3, -1}, true},
    {{1e-2, 1e-3}, {9.9e-3, 9e-4}, {1, 1}, false},    /* too little to tell */
    {{1e-2, 0}, {5e-3, 0}, {3, 0}, true},             /* exact as it was */
    {{1e-2, 1e-3}, {1e-2, 1e-3}, {0, 0}, false},
};

static void nearer(void)
{
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        struct calibrate_noise before[2] = {{0}}, after[2] = {{0}};
        for (int k = 0; k < 2; k++) {
            before[k] = (struct calibrate_noise){.signal = 1, .noise = tried[i].before[k], .decibels = 20};
            after[k] = (struct calibrate_noise){
                .signal = 1, .noise = tried[i].after[k], .decibels = 20 + tried[i].decibels[k]};
        }
        CHECK_MSG(calibrate_is_nearer(before, after, 2) == tried[i].is_nearer, "row %zu", i);
    }
}

int main(void)
{
    RUN(sums);
    RUN(adaptive_rounding);
    RUN(errors_of_operands);
    RUN(judged);
    RUN(nearer);
    return TEST_END();
}
