/* Everything but convolutions against the reference. */
#include "exec_test.h"

static void test_matmul(void)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {5, 7, 3}, {17, 33, 40}, {1, 64, 100}, {49, 16, 33}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t m = sizes[i][0], k = sizes[i][1], n = sizes[i][2];
        begin();
        struct value *a = input("a", DIMS(2, 3, m, k));
        output(NODE("MatMul", a, weight(DIMS(k, n)))->out[0]);    /* one constant matrix */
        output(NODE("MatMul", a, weight(DIMS(3, k, n)))->out[0]); /* a constant for each head */
        output(
            NODE("MatMul", a, NODE("Relu", input("b", DIMS(2, 1, k, n)))->out[0])->out[0]); /* of the run, broadcast */
        struct node *t = NODE("Transpose", input("c", DIMS(2, 3, n, k)));
        node_set_ints(t, "perm", INTS(0, 1, 3, 2), &error);
        output(NODE("MatMul", a, t->out[0])->out[0]); /* a transposed view */
        check();
    }
}

/* Rows so many that panels are made anew for them, by each thread once; one row is not finite. */
static void test_many_rows(void)
{
    static const int64_t sizes[][3] = {{1300, 96, 200}, {330, 48, 64}, {161, 33, 47}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t m = sizes[i][0], k = sizes[i][1], n = sizes[i][2];
        begin();
        struct value *a = input("a", DIMS(2, m, k)), *log = NODE("Log", input("b", DIMS(2, 1, k)))->out[0];
        output(NODE("MatMul", a, weight(DIMS(k, n)))->out[0]);
        output(NODE("MatMul", a, NODE("Relu", input("c", DIMS(2, k, n)))->out[0])->out[0]);
        struct node *all = NODE("Concat", a, log);
        node_set_int(all, "axis", 1, &error);
        output(NODE("MatMul", all->out[0], weight(DIMS(k, n)))->out[0]);
        check();
    }
}

/* Windows of a map, as views: rows of more axes than a product has, which it has only where some are of one element. */
static void test_windows(void)
{
    for (int64_t batch = 1; batch <= 2; batch++) {
        begin();
        struct node *t = NODE("Transpose", input("x", DIMS(batch, 2, 3, 2, 5, 33)));
        node_set_ints(t, "perm", INTS(0, 1, 3, 2, 4, 5), &error);
        output(NODE("MatMul", t->out[0], weight(DIMS(33, 40)))->out[0]);
        struct value *rest = input("r", DIMS(batch, 2, 2, 3, 5, 7));
        output(FUSED("MatMul", t->out[0], weight(DIMS(33, 7)), weight(DIMS(7)), rest)->out[0]);
        check();
    }
}

static void test_gemm(void)
{
    for (int i = 0; i < 8; i++) {
        begin();
        struct value *a = i & 1 ? input("a", DIMS(9, 5)) : input("a", DIMS(5, 9)),
                     *b = i & 2 ? weight(DIMS(7, 9)) : weight(DIMS(9, 7));
        struct node *n = NODE("Gemm", a, b, i & 4 ? weight(DIMS(7)) : weight(DIMS(5, 7)));
        node_set_int(n, "transA", i & 1, &error);
        node_set_int(n, "transB", (i >> 1) & 1, &error);
        output(n->out[0]);
        struct node *f = FUSED("MatMul", n->out[0], weight(DIMS(7, 4)), weight(DIMS(4)), input("r", DIMS(5, 4)));
        node_set_string(f, "activation", "Gelu", 4, &error);
        node_set_int(f, "residual_last", i & 1, &error);
        output(f->out[0]);
        check();
    }
}

static void test_elementwise(void)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        begin();
        struct value *x = input("x", DIMS(2, 5, 6, 7)), *y = NODE("Relu", x)->out[0];
        struct value *c = NODE("Conv", x, weight(DIMS(5, 5, 1, 1)))->out[0];
        output(NODE(ops[i], x, input("y", DIMS(2, 5, 6, 7)))->out[0]);
        output(NODE(ops[i], c, input("channel", DIMS(5, 1, 1)))->out[0]);
        output(NODE(ops[i], weight(DIMS(1)), c)->out[0]);
        output(NODE(ops[i], c, weight(DIMS(7)))->out[0]);
        output(NODE(ops[i], input("column", DIMS(2, 1, 6, 1)), weight(DIMS(5, 1, 7)))->out[0]);
        output(NODE(ops[i], y, y)->out[0]);
        struct value *last = NODE("Add", NODE(ops[i], c, x)->out[0], c)->out[0];
        output(NODE("Tanh", last)->out[0]);
        check();
    }
}

/* Short rows of which an operand has one for all, alone and behind another function; either operand, odd sizes. */
static void test_repeated_rows(void)
{
    static const int64_t sizes[] = {1, 3, 16, 200, 256, 257};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int first = 0; first < 2; first++) {
            begin();
            struct value *x = input("x", DIMS(3, 37, sizes[i])), *y = input("y", DIMS(3, 37, sizes[i])),
                         *row = input("row", DIMS(3, 1, sizes[i]));
            struct node *n = first ? NODE("Sub", row, x) : NODE("Sub", x, row);
            output(NODE("Mul", n->out[0], y)->out[0]);
            check();
        }
}

/* Parts of rows, as heads of detectors cut them: functions in their place, of any operand, with a constant for each row
 * or element; the parts are joined again. */
static void test_cut_rows(void)
{
    static const int64_t sizes[] = {1, 2, 5, 64, 65};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t n = sizes[i];
        begin();
        struct value *x = NODE("Sigmoid", input("x", DIMS(3, 301, n + 4)))->out[0];
        struct value *a = NODE("Slice", x, ints(INTS(1)), ints(INTS(n + 1)), ints(INTS(2)))->out[0];
        struct value *b = NODE("Slice", x, ints(INTS(4)), ints(INTS(n + 4)), ints(INTS(2)))->out[0];
        struct value *c = NODE("Sub", NODE("Exp", a)->out[0], input("r", DIMS(3, 301, 1)))->out[0];
        struct value *d = NODE("Mul", c, b)->out[0];
        struct value *p = NODE("Add", input("g", DIMS(1, 301, n)), NODE("Mul", b, weight(DIMS(1)))->out[0])->out[0];
        struct value *first = NODE("Slice", x, ints(INTS(0)), ints(INTS(1)), ints(INTS(2)))->out[0];
        struct node *all = NODE("Concat", NODE("Neg", first)->out[0], d, p);
        node_set_int(all, "axis", 2, &error);
        output(all->out[0]);
        check();
    }
}

static void test_scale_shift(void)
{
    begin();
    struct value *x = input("x", DIMS(2, 21, 5, 3));
    struct node *n = FUSED("ScaleShift", x, weight(DIMS(21)), weight(DIMS(21)));
    node_set_string(n, "activation", "Relu", 4, &error);
    output(n->out[0]);
    struct value *spread = weight(DIMS(21));
    for (int64_t i = 0; i < 21; i++)
        tensor_set_f64(spread->constant, i, fabs(tensor_get_f64(spread->constant, i)));
    struct node *b = NODE("BatchNormalization", x, weight(DIMS(21)), weight(DIMS(21)), weight(DIMS(21)), spread);
    output(b->out[0]);
    check();
}

/* Slopes of channels, of numbers of channels that vectors do and do not divide; of one number, of pixels, of a row. */
static void test_prelu(void)
{
    static const int64_t channels[] = {1, 3, 16, 70};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        int64_t c = channels[i];
        begin();
        struct value *x = input("x", DIMS(2, c, 5, 6)), *y = NODE("Conv", x, weight(DIMS(c, c, 1, 1)))->out[0];
        output(NODE("PRelu", y, weight(DIMS(c, 1, 1)))->out[0]);
        output(NODE("Clip", NODE("PRelu", y, weight(DIMS(1, c, 1, 1)))->out[0])->out[0]);
        output(NODE("PRelu", y, weight(DIMS(1)))->out[0]);
        output(NODE("PRelu", y, weight(DIMS(c, 5, 1)))->out[0]);
        output(NODE("PRelu", x, weight(DIMS(6)))->out[0]);
        output(NODE("PRelu", input("flat", DIMS(7, c)), weight(DIMS(c)))->out[0]);
        kernel_wanted = c > 1 ? "scale_shift_f32" : NULL;
        check();
    }
}

static void test_views(void)
{
    begin();
    struct value *x = input("x", DIMS(2, 12, 6, 10));
    struct value *c = NODE("Conv", x, weight(DIMS(12, 12, 1, 1)))->out[0];
    struct value *s =
        NODE("Slice", c, ints(INTS(3, -2)), ints(INTS(11, INT64_MIN)), ints(INTS(1, 3)), ints(INTS(2, -3)))->out[0];
    output(NODE("Relu", s)->out[0]);
    struct node *t = NODE("Transpose", c);
    node_set_ints(t, "perm", INTS(2, 0, 3, 1), &error);
    output(NODE("Sigmoid", t->out[0])->out[0]);
    struct value *shuffled = NODE("Reshape", c, ints(INTS(2, 3, 4, 6, 10)))->out[0];
    t = NODE("Transpose", shuffled);
    node_set_ints(t, "perm", INTS(0, 2, 1, 3, 4), &error);
    output(
        NODE("Conv", NODE("Reshape", t->out[0], ints(INTS(0, -1, 6, 10)))->out[0], weight(DIMS(4, 12, 1, 1)))->out[0]);
    output(
        NODE("Expand", NODE("Slice", c, ints(INTS(0)), ints(INTS(1)), ints(INTS(2)))->out[0], ints(INTS(2, 12, 3, 10)))
            ->out[0]);
    output(NODE("Tile", c, ints(INTS(1, 2, 1, 3)))->out[0]);
    output(NODE("Pad", c, ints(INTS(0, 1, 2, 0, 1, 0, 0, 3)), weight(0, NULL))->out[0]);
    struct node *d = NODE("DepthToSpace", c);
    node_set_int(d, "blocksize", 2, &error);
    node_set_string(d, "mode", "CRD", 3, &error);
    output(d->out[0]);
    d = NODE("SpaceToDepth", c);
    node_set_int(d, "blocksize", 2, &error);
    output(d->out[0]);
    check();
}

static void test_split_gather(void)
{
    begin();
    struct value *x = NODE("Conv", input("x", DIMS(1, 12, 4, 5)), weight(DIMS(12, 12, 1, 1)))->out[0];
    struct node *s = NODE("Split", x, ints(INTS(3, 4, 5)));
    node_set_int(s, "axis", 1, &error);
    node_new_output(s, NULL, &error);
    node_new_output(s, NULL, &error);
    struct node *cat = NODE("Concat", s->out[2], s->out[0], s->out[1]);
    node_set_int(cat, "axis", -3, &error);
    output(NODE("Tanh", cat->out[0])->out[0]);
    struct node *g = NODE("Gather", x, ints(INTS(3, -1, 0, 3)));
    node_set_int(g, "axis", 1, &error);
    output(g->out[0]);
    g = NODE("Gather", x, graph_add_constant(graph, NULL, tensor_scalar_i64(-2, &error), &error));
    node_set_int(g, "axis", 2, &error);
    output(g->out[0]);
    check();
}

static void test_pools(void)
{
    static const int64_t cases[][8] = {
        /* kernel, stride, pad begin, pad end, ceil, dilation, h, w */
        {2, 2, 0, 0, 0, 1, 8, 8}, {3, 2, 1, 1, 0, 1, 9, 7}, {3, 2, 0, 0, 1, 1, 8, 9},   {5, 1, 2, 2, 0, 1, 6, 6},
        {2, 1, 0, 1, 0, 1, 5, 6}, {2, 1, 0, 0, 0, 2, 7, 7}, {3, 3, 1, 0, 1, 1, 10, 11},
    };
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        const int64_t *t = cases[i / 3];
        begin();
        struct value *x = input("x", DIMS(2, 19, t[6], t[7]));
        struct node *n = NODE(i % 3 == 0 ? "MaxPool" : "AveragePool", x);
        node_set_ints(n, "kernel_shape", INTS(t[0], t[0]), &error);
        node_set_ints(n, "strides", INTS(t[1], t[1]), &error);
        node_set_ints(n, "pads", INTS(t[2], t[2], t[3], t[3]), &error);
        node_set_ints(n, "dilations", INTS(t[5], t[5]), &error);
        node_set_int(n, "ceil_mode", t[4], &error);
        if (i % 3 == 2)
            node_set_int(n, "count_include_pad", 1, &error);
        output(n->out[0]);
        output(NODE("GlobalAveragePool", x)->out[0]);
        output(NODE("GlobalMaxPool", n->out[0])->out[0]);
        check();
    }
}

static void test_rows(void)
{
    for (int64_t axis = -2; axis < 4; axis++) {
        begin();
        struct value *x = input("x", DIMS(2, 5, 6, 7)), *c = NODE("Conv", x, weight(DIMS(5, 5, 1, 1)))->out[0];
        for (int i = 0; i < 4; i++) {
            struct node *n = NODE(i & 1 ? "LogSoftmax" : "Softmax", i & 2 ? c : x);
            node_set_int(n, "axis", axis, &error);
            output(n->out[0]);
        }
        struct value *of[] = {x, c, NODE("Relu", NODE("Neg", NODE("Abs", x)->out[0])->out[0])->out[0]};
        for (int i = 0; i < 3 && (axis == 1 || axis == 3 || axis == -1); i++) {
            struct node *n = NODE("LpNormalization", of[i]);
            node_set_int(n, "axis", axis, &error);
            output(n->out[0]);
        }
        check();
    }
    begin();
    struct value *x = input("x", DIMS(2, 5, 6, 7));
    struct node *n = NODE("LayerNormalization", x, weight(DIMS(7)), weight(DIMS(7)));
    output(n->out[0]);
    n = NODE("LayerNormalization", NODE("Relu", x)->out[0], weight(DIMS(6, 7)));
    node_set_int(n, "axis", 2, &error);
    output(n->out[0]);
    output(NODE("RMSNormalization", x, weight(DIMS(7)))->out[0]);
    check();
}

/* Rows side by side or one behind the other, short and long, more and fewer than are done at a time. */
static void test_softmax(void)
{
    static const int64_t shapes[][3] = {{3, 5, 300}, {16, 2, 129}, {5, 3, 17}, {300, 2, 3}, {70, 40, 2}, {1, 130, 64}};
    for (int i = 0; i < 24; i++) {
        const int64_t *d = shapes[i % 6];
        begin();
        struct value *x = input("x", DIMS(2, d[0], d[1], d[2]));
        struct value *c = NODE("Conv", x, weight(DIMS(d[0], d[0], 1, 1)))->out[0];
        struct value *of[] = {x, c, NODE("Transpose", x)->out[0]};
        for (int j = 0; j < 6; j++) {
            struct node *n = NODE(j & 1 ? "LogSoftmax" : "Softmax", of[j / 2]);
            node_set_int(n, "axis", i / 6, &error);
            output(j == 2 ? NODE("Relu", n->out[0])->out[0] : n->out[0]);
        }
        check();
    }
}

static void test_group_norms(void)
{
    begin();
    struct value *x = NODE("Conv", input("x", DIMS(2, 6, 5, 7)), weight(DIMS(6, 6, 1, 1)))->out[0];
    output(NODE("InstanceNormalization", x, weight(DIMS(6)), weight(DIMS(6)))->out[0]);
    struct node *n = NODE("GroupNormalization", x, weight(DIMS(6)), weight(DIMS(6)));
    node_set_int(n, "num_groups", 3, &error);
    output(n->out[0]);
    for (int64_t size = 1; size < 6; size++) {
        struct node *l = NODE("LRN", x);
        node_set_int(l, "size", size, &error);
        node_set_float(l, "alpha", 0.5f, &error);
        node_set_float(l, "beta", size % 2 ? 0.75f : 0.6f, &error);
        output(l->out[0]);
    }
    check();
}

static void test_mean_variance(void)
{
    begin();
    struct node *n = NODE("MeanVarianceNormalization", input("x", DIMS(2, 3, 5, 7)));
    node_set_ints(n, "axes", INTS(3, -2), &error);
    output(n->out[0]);
    output(NODE("MeanVarianceNormalization", input("one", DIMS(1, 3, 9, 8)))->out[0]);
    check();
}

/* Functions one behind the other become one step, also in place, with operands of fewer elements, results that are
 * wanted on the way, and rows too long for one piece. */
static void test_chains(void)
{
    for (int64_t size = 1; size < 60000; size = size * 37 + 3)
        for (int way = 0; way < 3; way++) {
            begin();
            struct value *x = input("x", DIMS(2, 3, size)), *y = input("y", DIMS(2, 3, size)),
                         *z = input("z", DIMS(3, 1));
            struct value *a = NODE("Mul", x, NODE("Sigmoid", x)->out[0])->out[0];
            struct value *b = NODE("Add", a, way == 1 ? z : y)->out[0];
            struct value *c = NODE("Sub", NODE("Tanh", b)->out[0], a)->out[0];
            if (way == 2)
                output(a);
            output(NODE("Max", NODE("Neg", c)->out[0], b)->out[0]);
            kernel_wanted = "chain_f32";
            check();
        }
}

/* Channels last and not, one block of pixels and several, as exporters write it, with a mean far from zero. */
static void test_large_group_norms(void)
{
    for (int64_t size = 3; size < 40; size += 16)
        for (int conv = 0; conv < 2; conv++) {
            begin();
            struct value *x = input("x", DIMS(2, 24, size, 11));
            if (conv)
                x = NODE("Conv", x, weight(DIMS(24, 24, 1, 1)), weight(DIMS(24)))->out[0];
            struct node *n = NODE("GroupNormalization", x, weight(DIMS(24)), weight(DIMS(24)));
            node_set_int(n, "num_groups", 4, &error);
            n = NODE("InstanceNormalization", n->out[0], weight(DIMS(24)), weight(DIMS(24)));
            output(NODE("Conv", n->out[0], weight(DIMS(24, 24, 3, 3)))->out[0]);
            kernel_wanted = "group_norm_f32";
            check();
        }
}

static void test_reductions(void)
{
    static const char *const ops[] = {"ReduceSum", "ReduceMean", "ReduceMax",      "ReduceMin",
                                      "ReduceL1",  "ReduceL2",   "ReduceSumSquare"};
    static const int64_t axes[][3] = {{1, 2, 3}, {2, 3, -1}, {3, 3, 3}, {0, 2, 2}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        begin();
        struct value *x = input("x", DIMS(2, 5, 6, 7)), *c = NODE("Conv", x, weight(DIMS(5, 5, 1, 1)))->out[0];
        for (size_t j = 0; j < sizeof axes / sizeof *axes; j++) {
            size_t count = j == 0 ? 3 : j == 1 || j == 3 ? 2 : 1;
            struct node *n = NODE(ops[i], j & 1 ? c : x, ints(axes[j], count));
            node_set_int(n, "keepdims", j & 1, &error);
            output(n->out[0]);
        }
        check();
    }
}

/* Every set of axes of a value in either layout, wide enough to be summed as columns; half of them into a Concat. */
static void test_reduced_axes(void)
{
    for (int set = 1; set < 16; set++) {
        int64_t axes[4], count = 0;
        for (int i = 0; i < 4; i++)
            if (set >> i & 1)
                axes[count++] = i;
        begin();
        struct value *x = input("x", DIMS(2, 19, 5, 17)), *c = NODE("Conv", x, weight(DIMS(70, 19, 1, 1)))->out[0];
        for (int i = 0; i < 4; i++) {
            struct node *n = NODE(i & 1 ? "ReduceMean" : "ReduceMax", i & 2 ? c : x, ints(axes, (size_t)count));
            node_set_int(n, "keepdims", i & 1, &error);
            output(n->out[0]);
            n = NODE("ReduceL2", i & 2 ? c : x, ints(axes, (size_t)count));
            struct node *both = NODE("Concat", n->out[0], NODE("Relu", n->out[0])->out[0]);
            node_set_int(both, "axis", i, &error);
            output(both->out[0]);
        }
        check();
    }
}

static void test_resize(void)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const places[] = {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"};
    for (int i = 0; i < 24; i++) { /* from 12 on the channels are the last axis */
        int64_t height = i & 1 ? 11 : 3, width = i & 1 ? 13 : 8, channels = i % 5 == 1 ? 512 : 18; /* 512: with gaps */
        begin();
        struct value *x = i < 12 ? input("x", DIMS(2, channels, 5, 6)) : input("x", DIMS(2, 5, 6, channels));
        struct value *sizes = i < 12 ? ints(INTS(2, channels, height, width)) : ints(INTS(2, height, width, channels));
        struct node *n = NODE("Resize", x, NULL, NULL, sizes);
        node_set_string(n, "mode", modes[i % 3], strlen(modes[i % 3]), &error);
        node_set_string(n, "coordinate_transformation_mode", places[i % 12 / 3], strlen(places[i % 12 / 3]), &error);
        output(n->out[0]);
        check();
    }
}

/* Half precision runs in single, and comes back. The reference rounds at every step, so it is only near. */
static void test_halves(void)
{
    begin();
    struct value *x = input("x", DIMS(1, 3, 8, 8));
    x->type.dtype = DTYPE_F16;
    struct value *w =
        graph_add_constant(graph, NULL, random_tensor(DTYPE_F16, 4, (const int64_t[]){8, 3, 3, 3}, 0.25), &error);
    output(NODE("Relu", NODE("Conv", x, w)->out[0])->out[0]);
    op_resolve(graph);
    struct item *in = item_of_tensor(random_tensor(DTYPE_F16, 4, x->type.dims, 1), &error), *want = NULL, *got = NULL;
    CHECK_MSG(op_infer_graph(graph, &error) == 0 && op_run(graph, &in, &want, MEMORY, 0, &error) == 0, "%s",
              error.text);
    CHECK_MSG(run_exec(kernel_select("generic", &error), 1, &in, &got) == 0, "%s", error.text);
    CHECK(got && got->tensor->dtype == DTYPE_F16);
    for (int64_t i = 0; got && i < got->tensor->count; i++)
        CHECK(fabs(tensor_get_f64(got->tensor, i) - tensor_get_f64(want->tensor, i)) < 1e-2);
    item_unref(in);
    item_unref(want);
    item_unref(got);
    graph_free(graph);
}

/* Shapes that only the data tell. */
static void test_dynamic(void)
{
    begin();
    reference_allowed = 6;
    struct value *x = input("x", DIMS(1, 4, 5, 5));
    struct value *kept = NODE("Compress", NODE("Reshape", x, ints(INTS(4, 25)))->out[0],
                              NODE("Cast", NODE("Relu", weight(DIMS(4)))->out[0])->out[0])
                             ->out[0];
    node_set_int(kept->producer->in[1]->producer, "to", DTYPE_BOOL, &error);
    node_set_int(kept->producer, "axis", 0, &error);
    struct value *where = NODE("NonZero", NODE("Relu", kept)->out[0])->out[0];
    struct node *float_where = NODE("Cast", where);
    node_set_int(float_where, "to", DTYPE_F32, &error);
    output(NODE("MatMul", kept, weight(DIMS(25, 6)))->out[0]);
    output(NODE("ReduceSum", float_where->out[0])->out[0]);
    output(NODE("Conv", x, weight(DIMS(3, 4, 3, 3)))->out[0]);
    check();
}

/* Operators that are only written as others run by the kernels of those, and priors are constants. */
static void test_written_out(void)
{
    reference_allowed = 0;
    begin();
    struct value *x = input("x", DIMS(1, 6, 4, 5));
    struct node *shuffle = FUSED("ShuffleChannel", x), *pool = FUSED("MaxPool", shuffle->out[0]);
    struct node *normal = FUSED("Normalize", pool->out[0], weight(DIMS(6))),
                *prior = FUSED("PriorBox", normal->out[0], x);
    node_set_int(shuffle, "group", 3, &error);
    node_set_ints(pool, "kernel_shape", INTS(2, 2), &error);
    node_set_ints(pool, "strides", INTS(2, 2), &error);
    node_set_string(pool, "rounding", "ceil_full", 9, &error);
    node_set_floats(prior, "min_sizes", (float[]){2, 3}, 2, &error);
    output(normal->out[0]);
    output(prior->out[0]);
    check();
    begin(); /* and what has an evaluation of its own is a step, or cut off */
    x = input("loc", DIMS(1, 8));
    struct node *found =
        FUSED("DetectionOutput", NODE("Abs", x)->out[0], input("conf", DIMS(1, 6)), weight(DIMS(1, 2, 8)));
    node_set_int(found, "num_classes", 3, &error);
    output(NODE("Neg", found->out[0])->out[0]);
    reference_allowed = 2;
    check();
}

/* Rows of whole pages between products have gaps; where others read them they have none. */
static void test_pages_between(void)
{
    for (int i = 0; i < 3; i++) {
        begin();
        struct value *h = NODE("MatMul", input("x", DIMS(2, 10, 24)), weight(DIMS(24, 1024)))->out[0];
        h = i == 1 ? NODE("Relu", h)->out[0] : h;
        if (i == 2)
            output(NODE("Softmax", h)->out[0]);
        struct value *a = NODE("MatMul", h, weight(DIMS(1024, 7)))->out[0];
        output(NODE("Add", a, NODE("MatMul", h, weight(DIMS(1024, 7)))->out[0])->out[0]);
        check();
    }
}

int main(void)
{
    RUN(test_pages_between);
    RUN(test_matmul);
    RUN(test_many_rows);
    RUN(test_windows);
    RUN(test_gemm);
    RUN(test_elementwise);
    RUN(test_repeated_rows);
    RUN(test_cut_rows);
    RUN(test_scale_shift);
    RUN(test_prelu);
    RUN(test_views);
    RUN(test_split_gather);
    RUN(test_pools);
    RUN(test_rows);
    RUN(test_softmax);
    RUN(test_chains);
    RUN(test_group_norms);
    RUN(test_mean_variance);
    RUN(test_large_group_norms);
    RUN(test_reductions);
    RUN(test_reduced_axes);
    RUN(test_resize);
    RUN(test_halves);
    RUN(test_dynamic);
    RUN(test_written_out);
    return TEST_END();
}
