/* Pairing the layers of two models: the same network in other forms, and one difference at a time. */
#include <math.h>
#include <stdlib.h>

#include "../../test.h"
#include "model_private.h"
#include "op/build.h"
#include "op/op.h"

/* ---- a small network, in many forms ---- */

struct form {
    const char *prefix; /* of all names */
    bool channels_last; /* input, activations and the flattened vector, between Transposes */
    bool swapped;       /* operands of the Add */
    bool shuffled;      /* nodes in another order, as far as that goes */
    bool with_matmul;   /* MatMul and Add for Gemm */
    bool open_batch;
    bool brief; /* up to act3, and without the Add */
    enum {
        AS_IT_IS,
        NEAR_WEIGHT,
        OTHER_STRIDE,
        OTHER_PAD,
        OTHER_ACTIVATION,
        NO_ACTIVATION,
        OTHER_POOL,
        NO_RESIDUAL,
        OTHER_SOURCE,
        TURNED_KERNEL,
        OTHER_EPSILON,
        NEAR_EPSILON
    } change;
};

struct maker {
    struct graph *g;
    const struct form *form;
    int count; /* names so far */
};

static const char *fresh(struct maker *m, char *text)
{
    sprintf(text, "%s%d", m->form->prefix, m->count++);
    return text;
}

static struct node *node(struct maker *m, const char *op, const char *name, struct value *a, struct value *b,
                         struct value *c)
{
    struct value *in[] = {a, b, c};
    char text[60];
    struct node *n = graph_add_node(m->g, "", op, NULL, NULL);
    sprintf(text, "%s%s", m->form->prefix, name);
    node_set_name(n, text, NULL);
    for (int i = 0; i < 3 && in[i]; i++)
        node_add_input(n, in[i], NULL);
    return n;
}

static struct value *out(struct maker *m, struct node *n)
{
    char text[60];
    return node_new_output(n, fresh(m, text), NULL);
}

/* Random numbers, the same for the same seed. */
static struct tensor *numbers(int rank, const int64_t *dims, unsigned seed)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++) {
        seed = seed * 1664525 + 1013904223;
        ((float *)t->data)[i] = (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
    }
    return t;
}

static struct value *constant(struct maker *m, struct tensor *t)
{
    char text[60];
    return graph_add_constant(m->g, fresh(m, text), t, NULL);
}

static struct value *transpose(struct maker *m, struct value *x, bool to_last)
{
    static const int64_t last[] = {0, 2, 3, 1}, first[] = {0, 3, 1, 2};
    if (!m->form->channels_last)
        return x;
    struct node *n = node(m, "Transpose", "t", x, NULL, NULL);
    node_set_ints(n, "perm", to_last ? last : first, 4, NULL);
    return out(m, n);
}

/* Takes and gives channels last, if that is the form. */
static struct value *convolution(struct maker *m, const char *name, struct value *x, unsigned seed, int64_t channels)
{
    int64_t dims[] = {6, channels, 3, 3}, pads[] = {1, 1, 1, 1}, strides[] = {1, 1};
    struct tensor *w = numbers(4, dims, seed);
    bool here = strcmp(name, "conv2") == 0;
    for (int64_t i = 0; here && m->form->change == NEAR_WEIGHT && i < w->count; i++) {
        float *k = (float *)w->data + i;
        *k = i == 77 ? *k + 1e-3f : nextafterf(*k, 1); /* rounding does not count */
    }
    for (int64_t i = 0; here && m->form->change == TURNED_KERNEL && i < 6 * channels; i++)
        for (int64_t y = 0; y < 3; y++)
            for (int64_t z = 0; z < y; z++) {
                float *k = (float *)w->data + i * 9, t = k[y * 3 + z];
                k[y * 3 + z] = k[z * 3 + y];
                k[z * 3 + y] = t;
            }
    if (here && m->form->change == OTHER_STRIDE)
        strides[0] = 2;
    if (here && m->form->change == OTHER_PAD)
        pads[0] = pads[1] = 0, pads[2] = pads[3] = 2;
    struct node *n = node(m, "Conv", name, transpose(m, x, false), constant(m, w), NULL);
    node_set_ints(n, "pads", pads, 4, NULL);
    node_set_ints(n, "strides", strides, 2, NULL);
    return transpose(m, out(m, n), true);
}

static struct value *normalisation(struct maker *m, struct value *x)
{
    int64_t dims[] = {6};
    struct node *n = node(m, "BatchNormalization", "bn", transpose(m, x, false), NULL, NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct tensor *t = numbers(1, dims, 50 + i);
        for (int k = 0; i == 3 && k < 6; k++) /* variances, one of them small */
            ((float *)t->data)[k] = k == 2 ? 1e-6f : ((float *)t->data)[k] + 1;
        node_add_input(n, constant(m, t), NULL);
    }
    node_set_float(n, "epsilon",
                   m->form->change == OTHER_EPSILON  ? 1e-2f
                   : m->form->change == NEAR_EPSILON ? 1.001e-5f
                                                     : 1e-5f,
                   NULL);
    return transpose(m, out(m, n), true);
}

static struct value *activation(struct maker *m, const char *name, struct value *x)
{
    bool here = strcmp(name, "act2") == 0;
    if (here && m->form->change == NO_ACTIVATION)
        return x;
    return out(m, node(m, here && m->form->change == OTHER_ACTIVATION ? "Sigmoid" : "Relu", name, x, NULL, NULL));
}

static struct value *pool(struct maker *m, struct value *x)
{
    static const int64_t two[] = {2, 2};
    bool average = m->form->change == OTHER_POOL;
    struct node *n = node(m, average ? "AveragePool" : "MaxPool", "pool", transpose(m, x, false), NULL, NULL);
    node_set_ints(n, "kernel_shape", two, 2, NULL);
    node_set_ints(n, "strides", two, 2, NULL);
    return transpose(m, out(m, n), true);
}

/* The matrix, its rows in the order of the flattened elements of 6 x 4 x 4. */
static struct value *matrix(struct maker *m)
{
    static const int64_t dims[] = {96, 5};
    struct tensor *plain = numbers(2, dims, 9), *t = tensor_new(DTYPE_F32, 2, dims, NULL);
    for (int64_t k = 0; k < 96; k++) {
        int64_t channel = k / 16, place = k % 16, row = m->form->channels_last ? place * 6 + channel : k;
        memcpy((float *)t->data + row * 5, (float *)plain->data + k * 5, 5 * sizeof(float));
    }
    tensor_unref(plain);
    return constant(m, t);
}

static struct value *classifier(struct maker *m, struct value *x)
{
    static const int64_t dims[] = {5};
    struct value *bias = constant(m, numbers(1, dims, 10)), *w = matrix(m);
    x = out(m, node(m, "Flatten", "flat", x, NULL, NULL));
    if (!m->form->with_matmul)
        return out(m, node(m, "Gemm", "fc", x, w, bias));
    x = out(m, node(m, "MatMul", "fc", x, w, NULL));
    return out(m, node(m, "Add", "fc_bias", bias, x, NULL));
}

static struct value *network_input(struct maker *m)
{
    static const int64_t first[] = {1, 3, 8, 8}, last[] = {1, 8, 8, 3};
    char text[60];
    sprintf(text, "%sx", m->form->prefix);
    struct value *x = graph_add_value(m->g, text, NULL);
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = 4};
    memcpy(x->type.dims, m->form->channels_last ? last : first, sizeof first);
    if (m->form->open_batch)
        x->type.dims[0] = graph_symbol(m->g, "N", NULL);
    graph_add_input(m->g, x, NULL);
    return x;
}

/* Nodes as late as they may come, instead of in the order of making. */
static void shuffle(struct graph *g)
{
    for (struct node *n = g->last, *before; n; n = before) {
        before = n->prev;
        graph_move_node(n, NULL);
    }
    CHECK(graph_sort(g, NULL) == 0);
}

/* conv3 of what comes before it, and the residual that is added to its result. */
static struct value *block(struct maker *m, struct value *y, struct value *skip)
{
    bool crossed = m->form->change == OTHER_SOURCE;
    struct value *sum = convolution(m, "conv3", crossed ? skip : y, 3, 6), *more = crossed ? y : skip;
    if (m->form->brief || m->form->change == NO_RESIDUAL)
        return activation(m, "act3", sum);
    struct node *n = m->form->swapped ? node(m, "Add", "sum", more, sum, NULL) : node(m, "Add", "sum", sum, more, NULL);
    return activation(m, "act3", out(m, n));
}

static struct model *make(const struct form *form)
{
    struct error err = {""};
    struct maker m = {.g = graph_new(NULL), .form = form};
    struct value *x = network_input(&m);
    struct value *skip = activation(&m, "act1", normalisation(&m, convolution(&m, "conv1", x, 1, 3)));
    struct value *y = block(&m, activation(&m, "act2", convolution(&m, "conv2", skip, 2, 6)), skip);
    if (!form->brief)
        y = out(&m, node(&m, "Softmax", "prob", classifier(&m, pool(&m, y)), NULL, NULL));
    graph_add_output(m.g, y, NULL);
    if (form->shuffled)
        shuffle(m.g);
    op_resolve(m.g);
    CHECK_MSG(graph_check(m.g, &err) == 0 && op_infer_graph(m.g, &err) == 0, "%s", err.text);
    return model_of_graph(m.g, NULL);
}

/* ---- the same ---- */

static void check_same(struct model *a, struct model *b, double rounding)
{
    struct model_error err = {""};
    struct model_finding f;
    struct model_pairing *p = model_pairing_new(a, b, &err);
    CHECK_MSG(p != NULL, "%s", err.text);
    for (size_t i = 0; p && model_pairing_finding(p, i, &f); i++)
        CHECK_MSG(false, "%s: %s %s / %s: %s", f.what, f.op, f.first ? f.first : "", f.second ? f.second : "", f.text);
    if (p)
        CHECK_MSG(model_pairing_rounding(p) <= rounding, "%g", model_pairing_rounding(p));
    model_pairing_free(p);
}

/* The network, not what the form makes of it. */
static void check_same_summary(const struct model *a, const struct model *b, bool open)
{
    struct model_summary x, y;
    CHECK(model_summarize(a, &x, NULL) == 0 && model_summarize(b, &y, NULL) == 0);
    CHECK(x.layers == y.layers && x.parameters == y.parameters && x.op_count == y.op_count);
    for (size_t i = 0; i < x.op_count && i < y.op_count; i++)
        CHECK_MSG(strcmp(x.ops[i].name, y.ops[i].name) == 0 && x.ops[i].count == y.ops[i].count, "%s and %s",
                  x.ops[i].name, y.ops[i].name);
    CHECK_MSG(open || (x.macs == y.macs && x.activations == y.activations), "%g and %g", x.activations, y.activations);
    model_summary_release(&x);
    model_summary_release(&y);
}

/* A matrix that running would not turn for a single row: [700][600], or [600][700]. */
static struct model *large_product(bool as_gemm)
{
    static const struct form form = {.prefix = ""};
    static const int64_t turned[] = {700, 600}, dims[] = {600, 700}, row[] = {1, 600}, cube[] = {1, 1, 600};
    struct maker m = {.g = graph_new(NULL), .form = &form};
    struct tensor *w = numbers(2, dims, 1), *t = tensor_new(DTYPE_F32, 2, turned, NULL);
    for (int64_t i = 0; i < 700 * 600; i++)
        ((float *)t->data)[i] = ((const float *)w->data)[i % 600 * 700 + i / 600];
    struct value *x = graph_add_value(m.g, "x", NULL);
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = 3};
    memcpy(x->type.dims, cube, sizeof cube);
    graph_add_input(m.g, x, NULL);
    struct tensor *shape = tensor_new(DTYPE_I64, 1, (int64_t[]){2}, NULL);
    memcpy(shape->data, row, sizeof row);
    struct value *rows = out(&m, node(&m, "Reshape", "rows", x, constant(&m, shape), NULL)), *y;
    struct value *matrix = constant(&m, tensor_ref(as_gemm ? t : w)), *bias = constant(&m, numbers(1, dims + 1, 3));
    if (as_gemm) {
        struct node *n = node(&m, "Gemm", "fc", rows, matrix, bias);
        node_set_int(n, "transB", 1, NULL);
        y = out(&m, n);
    } else {
        y = out(&m, node(&m, "MatMul", "fc", rows, matrix, NULL));
        y = out(&m, node(&m, "Add", "bias", y, bias, NULL));
    }
    graph_add_output(m.g, y, NULL);
    tensor_unref(w);
    tensor_unref(t);
    op_resolve(m.g);
    CHECK(op_infer_graph(m.g, NULL) == 0);
    return model_of_graph(m.g, NULL);
}

static void products_are_the_same(void)
{
    struct model *a = large_product(true), *b = large_product(false);
    check_same(a, b, 0);
    check_same_summary(a, b, false);
    CHECK(model_optimize(b, NULL, NULL, NULL) == 0);
    check_same(a, b, 0);
    model_free(a);
    model_free(b);
}

static void forms_are_the_same(void)
{
    static const struct form plain = {.prefix = ""}, forms[] = {
                                                         {.prefix = ""},
                                                         {.prefix = "other_"},
                                                         {.prefix = "", .channels_last = true},
                                                         {.prefix = "z", .swapped = true, .shuffled = true},
                                                         {.prefix = "", .with_matmul = true},
                                                         {.prefix = "", .open_batch = true},
                                                         {.prefix = "y",
                                                          .channels_last = true,
                                                          .swapped = true,
                                                          .shuffled = true,
                                                          .with_matmul = true},
                                                     };
    struct model *a = make(&plain);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct model *b = make(&forms[i]);
        check_same(a, b, 0);
        check_same(b, a, 0);
        check_same_summary(a, b, forms[i].open_batch);
        CHECK(model_optimize(b, NULL, NULL, NULL) == 0);
        check_same(a, b, 4e-6);
        check_same_summary(a, b, forms[i].open_batch);
        model_free(b);
    }
    model_free(a);
}

static void stored_otherwise(void)
{
    static const struct form plain = {.prefix = ""};
    static const struct {
        const char *scheme;
        double least, most;
    } ways[] = {{"f16", 1e-5, 5.2e-4}, {"bf16", 1e-4, 4.1e-3}, {"int8", 1e-4, 4.2e-3}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct model *a = make(&plain), *b = model_copy(a, NULL);
        CHECK(model_quantize(b, ways[i].scheme, NULL, NULL, NULL) == 0);
        check_same(a, b, ways[i].most);
        struct model_pairing *p = model_pairing_new(a, b, NULL);
        CHECK(model_pairing_rounding(p) >= ways[i].least);
        model_pairing_free(p);
        model_free(a);
        model_free(b);
    }
}

/* Keras has 1.001e-5 for 1e-5, which channels of small variance show. */
static void folded_with_another_epsilon(void)
{
    static const struct form plain = {.prefix = ""}, near = {.prefix = "", .change = NEAR_EPSILON};
    struct model *a = make(&plain), *b = make(&near);
    struct model_pairing *p = model_pairing_new(a, b, NULL);
    check_same(a, b, 1e-3);
    CHECK(p && model_pairing_rounding(p) > 1e-5);
    model_pairing_free(p);
    model_free(a);
    model_free(b);
}

/* ---- one difference ---- */

/* What the pairing with the plain network says first, and how many findings there are. */
static void check_finding(const struct form *form, size_t count, const char *what, const char *first,
                          const char *second, const char *text)
{
    const struct form plain = {.prefix = "", .brief = form->brief};
    struct model_finding f;
    struct model_error err = {""};
    struct model *a = make(&plain), *b = make(form);
    struct model_pairing *p = model_pairing_new(a, b, &err);
    size_t n = 0;
    CHECK_MSG(p != NULL, "%s", err.text);
    for (; p && model_pairing_finding(p, n, &f); n++) {
        if (n > 0)
            continue;
        CHECK_STR(f.what, what);
        CHECK_STR(f.first ? f.first : "", first);
        CHECK_STR(f.second ? f.second : "", second);
        CHECK_MSG(strstr(f.text, text), "got \"%s\", want \"%s\"", f.text, text);
    }
    CHECK_MSG(n == count, "%zu findings, want %zu, the first: %s %s", n, count, what, first);
    model_pairing_free(p);
    model_free(a);
    model_free(b);
}

static void one_difference_is_named(void)
{
    static const struct {
        int change;
        size_t count;
        const char *what, *first, *second, *text;
    } cases[] = {
        {NEAR_WEIGHT, 1, "weights", "conv2", "conv2", "W: 1 of 324 elements differ, by 0.001 at most"},
        {TURNED_KERNEL, 1, "weights", "conv2", "conv2", "W: the same values"},
        {OTHER_PAD, 1, "attribute", "conv2", "conv2", "pads: 1,1 and 0,0"},
        {OTHER_ACTIVATION, 1, "operator", "act2", "act2", "Relu and Sigmoid"},
        {NO_ACTIVATION, 1, "only", "act2", "", "Relu"},
        {OTHER_POOL, 1, "operator", "pool", "pool", "MaxPool and AveragePool"},
        {OTHER_EPSILON, 2, "weights", "conv1", "conv1", "W: the same but for a factor for each channel"},
        {OTHER_SOURCE, 2, "input", "conv3", "conv3", "X: from act2 and from act1"},
        {OTHER_STRIDE, 1, "attribute", "conv2", "conv2", "strides: 1,1 and 2,1"},
        {NO_RESIDUAL, 1, "only", "sum", "", "Add"},
    };
    for (int last = 0; last < 2; last++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct form form = {.prefix = "", .channels_last = last == 1, .brief = cases[i].change == OTHER_STRIDE};
            memcpy(&form.change, &cases[i].change, sizeof form.change);
            check_finding(&form, cases[i].count, cases[i].what, cases[i].first, cases[i].second, cases[i].text);
        }
}

/* ---- running both ---- */

struct told {
    double allowed; /* of the reference's range */
    int layers, outputs, parted;
    char first[60]; /* that is beyond */
};

static int tell(void *arg, const struct model_layer_error *e)
{
    struct told *t = arg;
    t->layers++;
    t->outputs += strcmp(e->op, "output") == 0;
    CHECK_MSG(e->comparable, "%s %s", e->op, e->layer);
    if (e->difference.largest <= t->allowed * e->difference.reference)
        return 0;
    CHECK(e->snr < 200);
    if (t->parted++ == 0)
        snprintf(t->first, sizeof t->first, "%s", e->layer);
    return 0;
}

static struct told run_both(const struct form *form, double allowed)
{
    static const struct form plain = {.prefix = ""};
    struct told t = {.allowed = allowed};
    struct model_error err = {""};
    struct model *a = make(&plain), *b = make(form);
    struct model_session_options o = {.threads = 1};
    struct model_pairing *p = model_pairing_new(b, a, &err);
    CHECK_MSG(p && model_pairing_run(p, &o, NULL, NULL, tell, &t, &err) == 0, "%s", err.text);
    model_pairing_free(p);
    model_free(a);
    model_free(b);
    return t;
}

static void run_side_by_side(void)
{
    for (int last = 0; last < 2; last++) {
        struct form form = {.prefix = "other_", .channels_last = last, .swapped = true, .shuffled = true};
        struct told t = run_both(&form, 1e-5);
        CHECK_MSG(t.layers == 11 && t.outputs == 1 && t.parted == 0, "%d layers, %d parted, first %s", t.layers,
                  t.parted, t.first);
        form.change = NEAR_WEIGHT;
        t = run_both(&form, 1e-5);
        CHECK_MSG(t.parted > 1 && strcmp(t.first, "other_conv2") == 0, "%s", t.first);
        form.change = OTHER_ACTIVATION;
        t = run_both(&form, 1e-5);
        CHECK_MSG(t.parted > 1 && strcmp(t.first, "other_act2") == 0, "%s", t.first);
    }
}

/* Sizes that one model leaves open, the other gives; a tensor may come in either's layout. */
static void inputs_are_carried_over(void)
{
    static const struct form open = {.prefix = "", .open_batch = true}, last = {.prefix = "", .channels_last = true};
    static const int64_t dims[] = {1, 8, 8, 3}, wrong[] = {1, 8, 8, 4};
    struct model_error err = {""};
    struct told t = {.allowed = 1e-5};
    struct model *a = make(&last), *b = make(&open);
    struct model_pairing *p = model_pairing_new(a, b, &err);
    struct tensor *x = numbers(4, dims, 3), *y = numbers(4, wrong, 3);
    struct model_tensor *in[] = {model_outer_tensor(x)}, *odd[] = {model_outer_tensor(y)};
    CHECK_MSG(model_pairing_run(p, NULL, in, NULL, tell, &t, &err) == 0, "%s", err.text);
    CHECK(t.layers == 11 && t.parted == 0);
    CHECK(model_pairing_run(p, NULL, odd, NULL, tell, &t, &err) < 0);
    CHECK_MSG(strstr(err.text, "given 1x8x8x4 for 'x', wants 1x3x8x8"), "%s", err.text);
    tensor_unref(x);
    tensor_unref(y);
    model_pairing_free(p);
    model_free(a);
    model_free(b);
}

/* ---- branches ---- */

static struct value *branch(struct build *b, struct value *x, const char *act, int depth, unsigned seed)
{
    static const int64_t dims[] = {3, 3, 1, 1};
    for (int i = 0; i < depth; i++) {
        struct value *w = build_constant(b, "w", numbers(4, dims, seed + (unsigned)i));
        x = BUILD(b, act, BUILD(b, "Conv", x, w));
    }
    return x;
}

/* Two branches of these depths, joined with the first before the second, or after it, or two outputs. */
static struct model *forked(int first, int second, bool swapped, bool joined)
{
    static const int64_t dims[] = {1, 3, 8, 8};
    struct error err = {""};
    struct build b = {.graph = graph_new(NULL), .err = &err};
    struct value *stem = branch(&b, build_input(&b, "x", DTYPE_F32, 4, dims), "Relu", 2, 1);
    struct value *heads[] = {branch(&b, stem, "Relu", first, 20), branch(&b, stem, "Tanh", second, 40)};
    struct value *all = joined ? BUILD(&b, "Concat", heads[swapped], heads[!swapped]) : NULL;
    if (joined)
        build_graph_output(&b, build_int(&b, all, "axis", 1), "y");
    for (int i = 0; i < 2 && !joined; i++)
        build_graph_output(&b, heads[swapped ^ i], i ? "z" : "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err.text);
    return model_of_graph(b.graph, NULL);
}

/* Whether branches are joined, and in which order, does not hide that their layers are the same. */
static void branches_find_each_other(void)
{
    static const struct {
        int first, second;
        bool joined;
    } cases[] = {{5, 2, true}, {5, 2, false}, {2, 5, false}, {3, 3, true}, {3, 3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model *a = forked(cases[i].first, cases[i].second, false, true);
        struct model *b = forked(cases[i].first, cases[i].second, true, cases[i].joined);
        struct model_error err = {""};
        struct model_finding f;
        struct model_pairing *p = model_pairing_new(a, b, &err);
        size_t found = 0;
        CHECK_MSG(p != NULL, "%s", err.text);
        for (; p && model_pairing_finding(p, found, &f); found++)
            CHECK_MSG(strcmp(f.op, "Concat") == 0 || strcmp(f.op, "output") == 0, "case %zu: %s %s: %s", i, f.what,
                      f.op, f.text);
        CHECK(found > 0);
        model_pairing_free(p);
        model_free(a);
        model_free(b);
    }
}

int main(void)
{
    RUN(forms_are_the_same);
    RUN(products_are_the_same);
    RUN(stored_otherwise);
    RUN(folded_with_another_epsilon);
    RUN(one_difference_is_named);
    RUN(branches_find_each_other);
    RUN(run_side_by_side);
    RUN(inputs_are_carried_over);
    return TEST_END();
}
