/* Where networks are quantised, and that what comes out is nearly the same network. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "networks.h"

static struct value *conv(struct build *b, struct value *x, int64_t to, int64_t from)
{
    struct value *y = BUILD(b, "Conv", x, WEIGHTS(b, 0.3, to, from, 3, 3), WEIGHTS(b, 0.2, to));
    return build_ints(b, y, "pads", 4, (int64_t[]){1, 1, 1, 1});
}

static struct value *residual(struct build *b, struct value *x)
{
    struct value *a = BUILD(b, "Relu", conv(b, x, 6, 4));
    struct value *sum = BUILD(b, "Relu", BUILD(b, "Add", conv(b, a, 6, 6), a));
    return conv(b, sum, 3, 6);
}

static struct value *joined(struct build *b, struct value *x)
{
    struct value *a = BUILD(b, "Relu", conv(b, x, 4, 4)), *c = conv(b, x, 4, 4);
    struct value *all = build_int(b, BUILD(b, "Concat", a, c), "axis", 1);
    struct value *pooled = build_ints(b, BUILD(b, "MaxPool", all), "kernel_shape", 2, (int64_t[]){2, 2});
    return BUILD(b, "Softmax", BUILD(b, "Flatten", conv(b, pooled, 2, 8)));
}

static struct value *gated(struct build *b, struct value *x)
{
    struct value *a = BUILD(b, "HardSwish", conv(b, x, 6, 4));
    struct value *gate = BUILD(b, "Conv", BUILD(b, "GlobalAveragePool", a), WEIGHTS(b, 0.5, 6, 6, 1, 1));
    struct value *y = BUILD(b, "Mul", a, BUILD(b, "HardSigmoid", gate));
    struct value *flat = BUILD(b, "Flatten", y);
    return BUILD(b, "Gemm", flat, WEIGHTS(b, 0.05, 6 * 64, 5), WEIGHTS(b, 1, 5));
}

/* Sums between normalisations, and products of two results, stay. */
static struct value *attention(struct build *b, struct value *x)
{
    struct value *rows = build_reshape(b, x, 3, (int64_t[]){1, 32, 8}), *scale = WEIGHTS(b, 1, 8);
    struct value *n = BUILD(b, "LayerNormalization", rows, scale);
    struct value *q = BUILD(b, "Add", BUILD(b, "MatMul", n, WEIGHTS(b, 0.3, 8, 8)), WEIGHTS(b, 0.1, 8));
    struct value *k = BUILD(b, "MatMul", n, WEIGHTS(b, 0.3, 8, 8));
    struct value *p = BUILD(b, "Softmax", BUILD(b, "MatMul", q, build_transpose(b, k, 3, (int64_t[]){0, 2, 1})));
    struct value *sum = BUILD(b, "Add", rows, BUILD(b, "MatMul", p, n));
    return BUILD(b, "LayerNormalization", sum, scale);
}

/* The batch is open, as exporters leave it. */
static struct value *parted(struct build *b, struct value *x)
{
    x->type.dims[0] = graph_symbol(b->graph, "N", b->err);
    struct value *y = BUILD(b, "Relu", conv(b, x, 6, 4)), *in[2] = {y, build_list(b, 2, (int64_t[]){4, 2})};
    struct value *first = build_int(b, build_node(b, "Split", 2, in), "axis", 1);
    struct value *pads = build_list(b, 8, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    struct value *padded = BUILD(b, "Pad", build_output(b, first, 1), pads);
    struct value *wide = BUILD(b, "Conv", padded, WEIGHTS(b, 0.3, 4, 2, 3, 3));
    return conv(b, BUILD(b, "Add", first, wide), 2, 4);
}

static struct value *scaled(struct build *b, struct value *x)
{
    struct value *wide = BUILD(b, "Relu", conv(b, x, 5, 4));
    struct value *y = BUILD(b, "BatchNormalization", wide, WEIGHTS(b, 1, 5), WEIGHTS(b, 1, 5), WEIGHTS(b, 1, 5),
                            build_f32s(b, 5, (float[]){1, 2, 3, 0.5f, 1}));
    struct value *up =
        build_int(b, BUILD(b, "ConvTranspose", BUILD(b, "Relu", y), WEIGHTS(b, 0.3, 5, 3, 2, 2)), "group", 1);
    return build_ints(b, up, "strides", 2, (int64_t[]){2, 2});
}

/* A slope for each channel. */
static struct value *sloped(struct build *b, struct value *x)
{
    return conv(b, BUILD(b, "PRelu", conv(b, x, 6, 4), WEIGHTS(b, 0.3, 6, 1, 1)), 2, 6);
}

static double noise_ratio(const struct tensor *want, const struct tensor *have)
{
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < want->count; i++) {
        double d = tensor_get_f64(want, i) - tensor_get_f64(have, i);
        signal += tensor_get_f64(want, i) * tensor_get_f64(want, i);
        noise += d * d;
    }
    return noise > 0 ? 10 * log10(signal / noise) : 200;
}

static int count_op(const struct graph *g, const char *op)
{
    int n = 0;
    for (const struct node *at = g->first; at; at = at->next)
        n += strcmp(at->op, op) == 0;
    return n;
}

#define SAMPLES 4

/* The signal-to-noise ratio of a network that was quantised, and that as much of it was as should be. */
static double quantise(network_fn *network, const char *const *keep, size_t number, int rounds, int weights, int scales)
{
    struct error err = {""};
    struct graph *g = make(network, &err);
    struct quant_calibration c;
    struct quant_settings s = {.dtype = number % 2 ? DTYPE_I8 : DTYPE_U8,
                               .method = quant_range_find("mse"),
                               .keep = keep,
                               .keep_count = *keep != NULL};
    CHECK_MSG(quant_calibration_init(&c, g, &s, &err) == 0, "%s", err.text);
    struct tensor *samples[SAMPLES];
    for (int k = 0; k < SAMPLES; k++)
        samples[k] = random_tensor(4, (int64_t[]){1, 4, 8, 8}, 1);
    observe(&c, samples, SAMPLES, &err);
    struct graph *result = quant_quantized(&c, NULL, &err);
    CHECK_MSG(result && graph_check(result, &err) == 0, "%s", err.text);
    struct tensor **want = run(g, samples[0], &err), **have = run(result, samples[0], &err);
    double decibels = noise_ratio(want[0], have[0]);
    int found = 0, groups = 0;
    for (size_t k = 0; k < result->value_count; k++)
        found += result->values[k] && result->values[k]->constant && result->values[k]->constant->dtype == DTYPE_I8 &&
                 result->values[k]->constant->rank > 1;
    for (size_t k = 0; k < c.places.site_count; k++)
        groups += c.places.sites[k].group == k;
    CHECK_MSG(count_op(result, "QuantizeLinear") == rounds && found == weights && groups == scales,
              "%zu: %d roundings, %d weights, %d scales", number, count_op(result, "QuantizeLinear"), found, groups);
    drop(want, 1);
    drop(have, 1);
    for (int k = 0; k < SAMPLES; k++)
        tensor_unref(samples[k]);
    graph_free(result);
    quant_calibration_release(&c);
    graph_free(g);
    return decibels;
}

static void networks(void)
{
    static const struct {
        network_fn *network;
        const char *keep;
        int rounds, weights, scales; /* QuantizeLinear nodes; constants of i8; different scales, if nothing is kept */
        double least;                /* dB */
    } cases[] = {
        {residual, NULL, 4, 3, 4, 30},    {residual, "Add", 3, 3, 4, 30}, {joined, NULL, 5, 3, 2, 30},
        {gated, NULL, 8, 3, 7, 28},       {attention, NULL, 1, 2, 1, 30}, {scaled, NULL, 3, 3, 3, 30},
        {residual, "Conv", 0, 0, 4, 200}, {parted, NULL, 6, 3, 4, 28},    {sloped, NULL, 3, 2, 3, 30},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double sum = 0;
        for (int round = 0; round < ROUNDS; round++)
            sum += fmin(2 * cases[i].least, quantise(cases[i].network, &cases[i].keep, i, cases[i].rounds,
                                                     cases[i].weights, cases[i].scales));
        CHECK_MSG(sum / ROUNDS >= cases[i].least, "%zu: %g dB", i, sum / ROUNDS);
    }
}

/* A channel whose weights are next to nothing keeps its bias. */
static void small_weights(void)
{
    struct error err = {""};
    struct graph *g = graph_new(&err);
    struct build b = {.graph = g, .err = &err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 1, 1, 2});
    struct value *w = build_reshape(&b, build_f32s(&b, 3, (float[]){1e-12f, 0, 0.5f}), 4, (int64_t[]){3, 1, 1, 1});
    build_graph_output(&b, BUILD(&b, "Conv", x, w, build_f32s(&b, 3, (float[]){7, -3, 1})), "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    op_resolve(g);
    struct quant_calibration c;
    struct quant_settings s = {.dtype = DTYPE_U8, .method = quant_range_find("minmax")};
    CHECK_MSG(op_infer_graph(g, &err) == 0 && quant_calibration_init(&c, g, &s, &err) == 0, "%s", err.text);
    struct tensor *sample = random_tensor(4, (int64_t[]){1, 1, 1, 2}, 1);
    observe(&c, &sample, 1, &err);
    struct graph *result = quant_quantized(&c, NULL, &err);
    struct tensor **have = run(result, sample, &err);
    CHECK_MSG(fabs(tensor_get_f64(have[0], 0) - 7) < 1e-5 && fabs(tensor_get_f64(have[0], 2) + 3) < 0.02, "%g %g",
              tensor_get_f64(have[0], 0), tensor_get_f64(have[0], 2));
    drop(have, 1);
    tensor_unref(sample);
    graph_free(result);
    quant_calibration_release(&c);
    graph_free(g);
}

/* A depthwise layer behind channels of very different size: by factors they are all rounded well. */
static struct value *uneven(struct build *b, struct value *x)
{
    struct tensor *w = random_tensor(4, (int64_t[]){6, 4, 1, 1}, 1);
    for (int64_t i = 0; i < w->count; i++)
        tensor_set_f64(w, i, tensor_get_f64(w, i) * pow(2, (double)(i / 4) - 5));
    struct value *y = BUILD(b, "Relu", BUILD(b, "Conv", x, build_constant(b, NULL, w)));
    struct tensor *depthwise = random_tensor(4, (int64_t[]){6, 1, 3, 3}, 1);
    for (int64_t i = 0; i < depthwise->count; i++) /* which makes them equal again */
        tensor_set_f64(depthwise, i, tensor_get_f64(depthwise, i) * pow(2, 5 - (double)(i / 9)));
    return build_int(b, BUILD(b, "Conv", y, build_constant(b, NULL, depthwise)), "group", 6);
}

/* The same behind a function that factors do not go through, in front of a product by a matrix. */
static struct value *uneven_matrix(struct build *b, struct value *x,
                                   struct value *(*between)(struct build *, struct value *))
{
    struct tensor *up = random_tensor(2, (int64_t[]){8, 6}, 1), *down = random_tensor(2, (int64_t[]){6, 5}, 1);
    for (int64_t i = 0; i < up->count; i++)
        tensor_set_f64(up, i, tensor_get_f64(up, i) * pow(2, (double)(i % 6) - 5));
    for (int64_t i = 0; i < down->count; i++)
        tensor_set_f64(down, i, tensor_get_f64(down, i) * pow(2, 5 - (double)(i / 5)));
    struct value *y = BUILD(b, "Gelu", BUILD(b, "MatMul", x, build_constant(b, NULL, up)));
    return BUILD(b, "MatMul", between(b, y), build_constant(b, NULL, down));
}

static struct value *also_output(struct build *b, struct value *y)
{
    build_graph_output(b, BUILD(b, "Neg", y), "more");
    return y;
}

static struct value *as_rows(struct build *b, struct value *y)
{
    return build_reshape(b, y, 2, (int64_t[]){32, 6});
}

static struct value *uneven_function(struct build *b, struct value *x)
{
    return uneven_matrix(b, x, also_output);
}

static struct value *uneven_rows(struct build *b, struct value *x)
{
    return uneven_matrix(b, x, as_rows);
}

/* Behind normalisation, by a matrix and otherwise. */
static struct value *uneven_norm(struct build *b, struct value *x)
{
    struct value *scale = build_f32s(b, 8, (float[]){1, 2, 4, 8, 16, 32, 64, 128});
    struct tensor *down = random_tensor(2, (int64_t[]){8, 5}, 1);
    for (int64_t i = 0; i < down->count; i++)
        tensor_set_f64(down, i, tensor_get_f64(down, i) * pow(2, -(double)(i / 5)));
    struct value *y = also_output(b, BUILD(b, "RMSNormalization", x, scale));
    return BUILD(b, "MatMul", y, build_constant(b, NULL, down));
}

static void equalise(struct value *(*network)(struct build *b, struct value *x))
{
    struct error err = {""};
    struct graph *g = make(network, &err);
    struct quant_calibration c;
    struct quant_settings s = {.dtype = DTYPE_U8, .method = quant_range_find("mse")};
    CHECK_MSG(quant_calibration_init(&c, g, &s, &err) == 0 && c.channelled_count == 1, "%s", err.text);
    struct tensor *sample = random_tensor(4, (int64_t[]){1, 4, 8, 8}, 1);
    observe(&c, &sample, 1, &err);
    struct graph *result = quant_quantized(&c, NULL, &err);
    struct tensor **want = run(g, sample, &err), **same = run(c.g, sample, &err), **have = run(result, sample, &err);
    for (size_t i = 0; i < g->output_count; i++) {
        CHECK_MSG(noise_ratio(want[i], same[i]) > 100, "%g dB", noise_ratio(want[i], same[i]));
        CHECK_MSG(noise_ratio(want[i], have[i]) > 30, "%g dB", noise_ratio(want[i], have[i]));
    }
    drop(want, g->output_count);
    drop(same, g->output_count);
    drop(have, g->output_count);
    tensor_unref(sample);
    graph_free(result);
    quant_calibration_release(&c);
    graph_free(g);
}

static void equalisation(void)
{
    equalise(uneven);
    equalise(uneven_function);
    equalise(uneven_rows);
    equalise(uneven_norm);
}

/* A fold has no part in ranges that are chosen without it. */
static void held_back(void)
{
    struct error err = {""};
    struct graph *g = make(joined, &err);
    struct quant_calibration c;
    struct quant_settings s = {.dtype = DTYPE_U8, .method = quant_range_find("minmax")};
    CHECK_MSG(quant_calibration_init(&c, g, &s, &err) == 0, "%s", err.text);
    uint64_t from = seed;
    struct tensor *small = random_tensor(4, (int64_t[]){1, 4, 8, 8}, 1);
    seed = from;
    struct tensor *large = random_tensor(4, (int64_t[]){1, 4, 8, 8}, 10);
    observe(&c, &small, 1, &err);
    double scale = (double)c.ranges[0].scale;
    struct graph *watch = quant_watch_ranges(&c, &err);
    CHECK_MSG(watch && op_infer_graph(watch, &err) == 0, "%s", err.text);
    struct tensor **out = run(watch, large, &err);
    CHECK(quant_take_ranges(&c, out, 1, &err) == 0);
    CHECK(quant_choose_ranges(&c, 1, &err) == 0 && (double)c.ranges[0].scale == scale);
    CHECK(quant_choose_ranges(&c, QUANT_FOLDS, &err) == 0 && fabs((double)c.ranges[0].scale / scale - 10) < 1e-5);
    CHECK(quant_choose_ranges(&c, 1, &err) == 0 && (double)c.ranges[0].scale == scale);
    drop(out, watch->output_count);
    graph_free(watch);
    tensor_unref(small);
    tensor_unref(large);
    quant_calibration_release(&c);
    graph_free(g);
}

static float lopsidedness;

/* x by weights that make little of all channels but the last, and much of that. */
static struct value *lopsided(struct build *b, struct value *x)
{
    struct tensor *w = random_tensor(4, (int64_t[]){4, 1, 3, 3}, 0.1);
    for (int i = 27; i < 36; i++)
        ((float *)w->data)[i] *= lopsidedness;
    struct value *y = build_int(b, BUILD(b, "Conv", BUILD(b, "HardSwish", x), build_constant(b, NULL, w)), "group", 4);
    struct tensor *even = tensor_new(DTYPE_F32, 4, (int64_t[]){2, 4, 1, 1}, NULL);
    for (int i = 0; i < 8; i++)
        ((float *)even->data)[i] = 0.5f;
    return BUILD(b, "Conv", y, build_constant(b, NULL, even));
}

static void begin_lopsided(struct quant_calibration *c, struct graph **g, float factor, struct error *err)
{
    struct quant_settings s = {.dtype = DTYPE_U8, .method = quant_range_find("mse")};
    lopsidedness = factor;
    *g = make(lopsided, err);
    CHECK_MSG(quant_calibration_init(c, *g, &s, err) == 0, "%s", err->text);
    struct tensor *x = random_tensor(4, (int64_t[]){1, 4, 8, 8}, 1);
    for (int i = 0; i < 64; i++)
        ((float *)x->data)[192 + i] *= 0.01f;
    observe(c, &x, 1, err);
    tensor_unref(x);
}

/* What an error of a channel counts, and that a range is chosen by it: the last channel is the smallest. */
static void importance(void)
{
    struct error err = {""};
    struct graph *g[2];
    struct quant_calibration even, c;
    double wide = 0, narrow = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from = seed;
        begin_lopsided(&even, &g[0], 1, &err);
        seed = from;
        begin_lopsided(&c, &g[1], 1000, &err);
        const struct quant_importance *m = &c.importance[c.places.sites[0].value->index];
        CHECK(m->axis == 1 && m->channels == 4 && m->energy[3] > 1e4 * m->energy[0]);
        wide += (double)even.ranges[0].high;
        narrow += (double)c.ranges[0].high;
        uint8_t classes[4];
        double energy[QUANT_CLASSES];
        quant_importance_classes(m, classes, energy);
        CHECK(classes[3] == 0 && classes[0] > 0 && energy[0] == m->energy[3] && energy[classes[0]] < energy[0] / 1e4);
        quant_calibration_release(&even);
        quant_calibration_release(&c);
        graph_free(g[0]);
        graph_free(g[1]);
    }
    CHECK_MSG(narrow < 0.7 * wide, "%g, and %g where all weigh alike", narrow, wide);
}

int main(void)
{
    RUN(equalisation);
    RUN(networks);
    RUN(small_weights);
    RUN(held_back);
    RUN(importance);
    return TEST_END();
}
