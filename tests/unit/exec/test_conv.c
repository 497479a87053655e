/* Convolutions of all kinds against the reference. */
#include "exec_test.h"

struct conv_case {
    int64_t n, c, h, w, out, kh, kw, group, stride, dilation, pads[4];
};

static void conv_case(const struct conv_case *t)
{
    begin();
    struct value *x = input("x", DIMS(t->n, t->c, t->h, t->w));
    struct node *n = NODE("Conv", x, weight(DIMS(t->out, t->c / t->group, t->kh, t->kw)), weight(DIMS(t->out)));
    node_set_ints(n, "strides", INTS(t->stride, t->stride), &error);
    node_set_ints(n, "dilations", INTS(t->dilation, t->dilation), &error);
    node_set_ints(n, "pads", t->pads, 4, &error);
    node_set_int(n, "group", t->group, &error);
    output(n->out[0]);
    check();
}

static void test_shapes(void)
{
    static const struct conv_case cases[] = {
        {1, 3, 8, 8, 5, 1, 1, 1, 1, 1, {0}},
        {1, 16, 7, 9, 33, 1, 1, 1, 1, 1, {0}},
        {2, 3, 11, 10, 32, 3, 3, 1, 2, 1, {1, 1, 1, 1}},
        {1, 8, 9, 9, 17, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
        {1, 8, 9, 9, 17, 3, 3, 1, 1, 2, {2, 2, 2, 2}},
        {1, 3, 14, 15, 24, 7, 7, 1, 2, 1, {3, 3, 3, 3}},
        {1, 4, 6, 5, 4, 3, 2, 1, 1, 1, {0, 1, 2, 0}},
        {1, 12, 8, 8, 12, 3, 3, 12, 1, 1, {1, 1, 1, 1}},
        {2, 19, 9, 7, 19, 5, 5, 19, 2, 1, {2, 2, 2, 2}},
        {1, 16, 6, 6, 32, 3, 3, 4, 1, 1, {1, 1, 1, 1}},
        {1, 6, 7, 7, 12, 3, 3, 6, 1, 1, {1, 1, 1, 1}},
        {1, 4, 10, 10, 8, 3, 3, 2, 3, 2, {1, 0, 2, 3}},
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, {0}},
        {1, 5, 3, 3, 7, 3, 3, 1, 1, 1, {2, 2, 2, 2}},
        {1, 40, 13, 13, 40, 3, 3, 40, 1, 3, {3, 3, 3, 3}},
        {1, 5, 4, 4, 7, 1, 1, 1, 2, 1, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        conv_case(&cases[i]);
}

/* Most taps lie in the border, for some pixels all but one: dilated further than the map is wide, with borders that
 * differ before and behind, images that share a tile of pixels, groups, and rows longer than a tile. */
static void test_far_taps(void)
{
    static const struct conv_case cases[] = {
        {1, 8, 5, 5, 17, 3, 3, 1, 1, 12, {12, 12, 12, 12}}, {1, 8, 5, 6, 9, 3, 3, 1, 1, 18, {18, 18, 18, 18}},
        {3, 8, 3, 3, 17, 3, 3, 1, 1, 7, {7, 7, 7, 7}},      {1, 6, 4, 5, 7, 3, 3, 1, 1, 6, {12, 3, 0, 9}},
        {2, 6, 4, 5, 7, 3, 3, 1, 1, 6, {0, 9, 12, 3}},      {2, 12, 4, 4, 8, 3, 3, 4, 1, 9, {9, 9, 9, 9}},
        {2, 20, 4, 4, 20, 3, 3, 20, 1, 9, {9, 9, 9, 9}},    {2, 5, 6, 7, 9, 3, 3, 1, 2, 8, {8, 8, 9, 9}},
        {2, 5, 3, 70, 33, 3, 3, 1, 1, 2, {2, 2, 2, 2}},     {1, 5, 70, 3, 33, 5, 3, 1, 1, 4, {8, 4, 8, 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        conv_case(&cases[i]);
    begin();
    struct node *n = NODE("Conv", input("x", DIMS(2, 4, 3, 4, 5)), weight(DIMS(9, 4, 3, 3, 3)), weight(DIMS(9)));
    node_set_ints(n, "dilations", INTS(5, 6, 7), &error);
    node_set_ints(n, "pads", INTS(5, 8, 7, 6, 4, 9), &error);
    output(n->out[0]);
    check();
}

static void test_ranks(void)
{
    begin();
    struct value *x = input("x", DIMS(2, 5, 17));
    struct node *n = NODE("Conv", x, weight(DIMS(9, 5, 3)));
    node_set_ints(n, "pads", INTS(1, 2), &error);
    struct node *d = NODE("Conv", n->out[0], weight(DIMS(9, 1, 3)), weight(DIMS(9)));
    node_set_int(d, "group", 9, &error);
    output(d->out[0]);
    check();
    begin();
    x = input("x", DIMS(1, 3, 5, 6, 7));
    n = NODE("Conv", x, weight(DIMS(4, 3, 2, 3, 3)));
    node_set_ints(n, "pads", INTS(1, 1, 1, 0, 1, 1), &error);
    output(n->out[0]);
    check();
}

/* Every activation before and behind a residual, which may be overwritten or not. */
static void test_fused(void)
{
    static const char *const activations[] = {"", "Relu", "Clip", "HardSwish", "Sigmoid", "Swish", "Gelu"};
    for (size_t i = 0; i < 2 * sizeof activations / sizeof *activations; i++) {
        begin();
        struct value *x = input("x", DIMS(1, 20, 9, 8));
        struct value *r = NODE("Relu", NODE("Conv", x, weight(DIMS(20, 20, 1, 1)))->out[0])->out[0];
        struct node *n = FUSED("Conv", x, weight(DIMS(20, 20, 3, 3)), weight(DIMS(20)), r);
        node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        node_set_string(n, "activation", activations[i / 2], strlen(activations[i / 2]), &error);
        node_set_float(n, "activation_alpha", i / 2 == 5, &error);
        node_set_float(n, "activation_beta", 1, &error);
        node_set_int(n, "residual_last", i % 2, &error);
        output(n->out[0]);
        check();
    }
}

/* A value that is read with different borders, concatenated, and given back. */
static void test_shared(void)
{
    begin();
    struct value *x = input("x", DIMS(1, 8, 10, 10));
    struct value *a = NODE("Relu", x)->out[0];
    struct node *b = NODE("Conv", a, weight(DIMS(8, 8, 3, 3))), *c = NODE("Conv", a, weight(DIMS(8, 8, 5, 5)));
    node_set_ints(b, "pads", INTS(1, 1, 1, 1), &error);
    node_set_ints(c, "pads", INTS(2, 2, 2, 2), &error);
    struct node *e = FUSED("Conv", a, weight(DIMS(13, 8, 1, 1))); /* whose rows of results have gaps */
    node_set_string(e, "activation", "Swish", 5, &error);
    node_set_float(e, "activation_alpha", 1, &error);
    struct node *cat = NODE("Concat", a, b->out[0], c->out[0], x, b->out[0], e->out[0]);
    node_set_int(cat, "axis", 1, &error);
    struct node *d = NODE("Conv", cat->out[0], weight(DIMS(6, 53, 3, 3)));
    node_set_ints(d, "pads", INTS(1, 1, 1, 1), &error);
    output(d->out[0]);
    output(c->out[0]);
    output(a);
    check();
}

/* The growing Concats of a dense block. */
static void test_dense_block(void)
{
    begin();
    struct value *parts[5] = {NODE("Relu", input("x", DIMS(1, 6, 7, 7)))->out[0]}, *all = parts[0];
    for (int i = 1; i < 5; i++) {
        struct value *s = NODE("Sigmoid", all)->out[0];
        struct node *n = NODE("Conv", s, weight(DIMS(4, 6 + 4 * (i - 1), 3, 3)));
        node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        parts[i] = n->out[0];
        struct node *cat = graph_add_node(graph, "", "Concat", NULL, &error);
        for (int j = 0; j <= i; j++)
            node_add_input(cat, parts[j], &error);
        node_set_int(cat, "axis", 1, &error);
        all = node_new_output(cat, NULL, &error);
    }
    output(NODE("Tanh", all)->out[0]);
    check();
}

/* A value in parts, the second of which is read with a border, and joined again: it lies there as a whole, unless parts
 * are missing, overlap, have steps or another order. */
static void test_joined_parts(void)
{
    static const struct {
        int64_t start[2], end[2], step, count[2];
    } cases[] = {{{0, 5}, {5, 12}, 1, {5, 7}},  {{0, 5}, {5, 11}, 1, {5, 6}},     {{0, 5}, {4, 12}, 1, {4, 7}},
                 {{0, 6}, {12, 12}, 2, {6, 3}}, {{5, 0}, {12, 5}, 1, {7, 5}},     {{0, 0}, {12, 12}, 1, {12, 12}},
                 {{0, 4}, {5, 12}, 1, {5, 8}},  {{-12, -3}, {-3, 99}, 1, {9, 3}}, {{0}, {0}, 0, {5, 7}}};
    for (size_t i = 0; i < 9; i++) {
        begin();
        struct value *x = NODE("Conv", input("x", DIMS(1, 1, 6, 9)), weight(DIMS(12, 1, 1, 1)))->out[0], *part[2];
        struct node *split = NODE("Split", x, ints(INTS(5, 7)));
        node_set_int(split, "axis", 1, &error);
        node_new_output(split, NULL, &error);
        for (int j = 0; j < 2; j++)
            part[j] = cases[i].step == 0 ? split->out[j]
                                         : NODE("Slice", x, ints(INTS(cases[i].start[j])), ints(INTS(cases[i].end[j])),
                                                ints(INTS(1)), ints(INTS(cases[i].step)))
                                               ->out[0];
        const int64_t *count = cases[i].count;
        struct node *n = NODE("Conv", part[1], weight(DIMS(4, count[1], 3, 3)));
        node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        struct node *cat = NODE("Concat", part[0], part[1], n->out[0]);
        node_set_int(cat, "axis", 1, &error);
        output(NODE("Conv", cat->out[0], weight(DIMS(1, count[0] + count[1] + 4, 1, 1)))->out[0]);
        kernel_barred = i == 0 || i > 6 ? "copy" : NULL;
        check();
    }
}

/* Pixels of a row whose few channels are columns of one product: rows that are no multiple of them, shorter than them,
 * pads that differ, images, other ranks; results that overwrite a residual, and those that do not lie side by side. */
static void test_joined_pixels(void)
{
    static const struct conv_case cases[] = {
        {1, 8, 11, 37, 1, 9, 9, 1, 1, 1, {4, 4, 4, 4}}, {3, 5, 6, 23, 1, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
        {1, 5, 9, 18, 1, 1, 7, 1, 1, 1, {0, 3, 0, 2}},  {2, 6, 9, 3, 1, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
        {2, 7, 5, 19, 3, 9, 9, 1, 1, 1, {4, 4, 4, 4}},  {1, 3, 7, 31, 5, 5, 7, 1, 1, 1, {2, 3, 2, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kernel_wanted = i < 4 ? "joined_f32" : NULL;
        conv_case(&cases[i]);
    }
    for (int i = 0; i < 4; i++) { /* 3: in a Concat's memory */
        begin();
        struct value *x = input("x", DIMS(2, 5, 6, 19)), *r = NODE("Conv", x, weight(DIMS(1, 5, 1, 1)))->out[0];
        struct node *n = FUSED("Conv", x, weight(DIMS(1, 5, 3, 5)), weight(DIMS(1)), r);
        node_set_ints(n, "pads", INTS(1, 2, 1, 2), &error);
        node_set_string(n, "activation", i % 2 ? "Relu" : "Swish", i % 2 ? 4 : 5, &error);
        node_set_float(n, "activation_alpha", 1, &error);
        node_set_int(n, "residual_last", i / 2, &error);
        output(i < 3 ? n->out[0] : NODE("Concat", n->out[0], x)->out[0]);
        if (i == 3)
            node_set_int(n->out[0]->uses[0].node, "axis", 1, &error);
        kernel_wanted = i < 3 ? "joined_f32" : NULL;
        check();
    }
    begin();
    output(NODE("Conv", input("x", DIMS(1, 3, 4, 5, 11)), weight(DIMS(1, 3, 2, 3, 4)))->out[0]);
    kernel_wanted = "joined_f32";
    check();
}

/* Volumes of few planes, most of whose taps along the first axis lie in the padding; the other axes keep a border. */
static void test_short_volumes(void)
{
    static const struct {
        int64_t planes, pads[6], stride, dilation, group;
    } cases[] = {
        {1, {1, 1, 1, 1, 1, 1}, 1, 1, 1}, {2, {1, 0, 2, 1, 1, 0}, 1, 1, 1}, {4, {2, 1, 1, 1, 1, 1}, 2, 1, 1},
        {3, {1, 1, 0, 0, 1, 1}, 1, 1, 3}, {2, {2, 1, 2, 2, 1, 2}, 1, 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t group = cases[i].group;
        begin();
        struct value *x = input("x", DIMS(2, 33, cases[i].planes, 9, 7)), *w = weight(DIMS(48, 33 / group, 3, 3, 3));
        struct node *n = NODE("Conv", x, w);
        node_set_ints(n, "pads", cases[i].pads, 6, &error);
        node_set_ints(n, "strides", INTS(cases[i].stride, 2, 1), &error);
        node_set_ints(n, "dilations", INTS(cases[i].dilation, 1, cases[i].dilation), &error);
        node_set_int(n, "group", group, &error);
        output(n->out[0]);
        check();
    }
}

/* Few channels to a group, as many of them as results, and not; in the residual's memory, with any activation. */
static void test_narrow_groups(void)
{
    for (int64_t width = 2; width <= 16; width *= 2)
        for (int stride = 1; stride <= 2; stride++) {
            conv_case(&(struct conv_case){2, 32, 7, 19, 32, 3, 3, 32 / width, stride, 1, {1, 1, 1, 1}});
            conv_case(&(struct conv_case){1, 32, 9, 6, 64, 3, 3, 32 / width, stride, 1, {1, 1, 1, 1}});
            conv_case(&(struct conv_case){1, 32, 9, 9, 32, 2, 3, 32 / width, stride, 2, {0, 1, 2, 0}});
            conv_case(&(struct conv_case){1, 48, 6, 9, 48, 5, 3, 48 / width, stride, 1, {2, 0, 2, 2}});
        }
    for (int64_t width = 3; width <= 15; width += 2) /* that vectors hold with a rest */
        conv_case(&(struct conv_case){2, 3 * width, 6, 11, 3 * width, 3, 3, 3, 1 + width % 4 / 2, 1, {1, 1, 1, 1}});
    for (int last = 0; last < 2; last++) {
        begin();
        struct value *x = input("x", DIMS(1, 32, 6, 11)), *r = NODE("Relu", input("r", DIMS(1, 32, 6, 11)))->out[0];
        struct node *n = FUSED("Conv", x, weight(DIMS(32, 4, 3, 3)), weight(DIMS(32)), r);
        node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        node_set_int(n, "group", 8, &error);
        node_set_int(n, "residual_last", last, &error);
        node_set_string(n, "activation", last ? "Sigmoid" : "Relu", last ? 7 : 4, &error);
        output(n->out[0]);
        kernel_wanted = "depthwise_f32";
        check();
    }
}

/* Maps beyond the level-2 cache: of groups, all of which each row meets, and with rows that are new to each. */
static void test_large_maps(void)
{
    for (int stride = 1; stride <= 3; stride += (int)one_of(3)) {
        int64_t height = cpu_l2_bytes() * stride / 4 / 37 / 60 + 3, more = cpu_l2_bytes() * stride / 4 / 37 / 16 + 3;
        conv_case(&(struct conv_case){2, 60, height, 37, 51, 3, 3, 3, stride, 1, {1, 1, 0, 1}});
        conv_case(&(struct conv_case){1, 60, 2 * height, 37, 102, 1, 2, 3, stride, 1, {0}});
        conv_case(&(struct conv_case){1, 16, more, 37, 9, 3, 3, 1, stride, 1, {1, 1, 1, 1}});
        conv_case(&(struct conv_case){1, 16, more, 37, 9, 3, 3, 1, stride, 2, {2, 1, 0, 2}});
    }
}

/* Rows of many channels, which are done some channels at a time: the last of them fewer than a vector, and more. */
static void test_many_channels(void)
{
    static const int counts[] = {209, 225, 240, 256, 263};
    for (size_t i = 0; i < 5; i += one_of(2)) {
        conv_case(&(struct conv_case){2, counts[i], 14, 14, counts[i], 5, 5, counts[i], 1, 1, {2, 2, 2, 2}});
        conv_case(&(struct conv_case){1, counts[i], 5, 16, counts[i], 3, 3, counts[i], 2, 1, {1, 1, 1, 1}});
        conv_case(&(struct conv_case){1, counts[i] / 2, 9, 40, counts[i] / 2, 7, 7, counts[i] / 2, 1, 1, {3, 3, 3, 3}});
        conv_case(&(struct conv_case){1, counts[i] / 2, 2, 40, counts[i] / 2, 9, 9, counts[i] / 2, 1, 1, {4, 4, 4, 4}});
        for (int kind = 0; kind < 4; kind++) { /* an activation within or behind, with a residual, in a Concat */
            begin();
            struct value *r = NODE("Neg", input("r", DIMS(1, counts[i], 8, 14)))->out[0];
            struct node *n = FUSED("Conv", input("x", DIMS(1, counts[i], 8, 14)), weight(DIMS(counts[i], 1, 5, 5)),
                                   weight(DIMS(counts[i])), kind < 2 ? r : NULL);
            node_set_ints(n, "pads", INTS(2, 2, 2, 2), &error);
            node_set_int(n, "group", counts[i], &error);
            node_set_string(n, "activation", kind ? "Sigmoid" : "Relu", kind ? 7 : 4, &error);
            struct node *cat = kind == 3 ? NODE("Concat", n->out[0], r) : n;
            if (kind == 3)
                node_set_int(cat, "axis", 1, &error);
            output(cat->out[0]);
            kernel_wanted = "depthwise_f32";
            check();
        }
    }
}

/* Several results of each channel, in images and in rows. */
static void test_repeated_channels(void)
{
    for (int64_t times = 2; times <= 9; times++) {
        conv_case(&(struct conv_case){2, 5, 7, 11, 5 * times, 3, 3, 5, 1 + (int)(times % 2), 1, {1, 1, 1, 1}});
        conv_case(&(struct conv_case){1, 21, 9, 9, 21 * times, 7, 7, 21, 2, 1, {3, 3, 3, 3}});
        begin();
        struct node *n = NODE("Conv", input("x", DIMS(2, 6, 19)), weight(DIMS(6 * times, 1, 5)));
        node_set_int(n, "group", 6, &error);
        output(n->out[0]);
        check();
    }
}

/* Kernels of more than 64 taps along an axis, depthwise and not, and depthwise ones of more than 64 rows. */
static void test_long_kernels(void)
{
    for (int64_t group = 1; group <= 19; group += 18) {
        begin();
        struct node *n = NODE("Conv", input("x", DIMS(2, 19, 90)), weight(DIMS(19, 19 / group, 75)), weight(DIMS(19)));
        node_set_int(n, "group", group, &error);
        node_set_ints(n, "pads", INTS(37, 37), &error);
        output(n->out[0]);
        check();
    }
    conv_case(&(struct conv_case){1, 5, 9, 8, 5, 70, 3, 5, 1, 1, {40, 1, 40, 1}});
    conv_case(&(struct conv_case){1, 5, 8, 9, 5, 3, 70, 5, 1, 1, {1, 40, 1, 40}});
}

/* Images one pixel wide, which are done as rows, of however many taps; and where the one pixel is not what is read. */
static void test_columns(void)
{
    static const int64_t kernels[] = {3, 9, 75};
    for (int i = 0; i < 3 * 2 * 2 * 2; i++) {
        int64_t kernel = kernels[i % 3], times = 1 + i / 3 % 2, stride = 1 + i / 6 % 2, left = i / 12;
        begin();
        struct node *n = NODE("Conv", input("x", DIMS(2, 19, 90, 1)), weight(DIMS(19 * times, 1, kernel, 1)),
                              weight(DIMS(19 * times)));
        node_set_int(n, "group", 19, &error);
        node_set_ints(n, "strides", INTS(stride, 2), &error);
        node_set_ints(n, "pads", INTS(kernel / 2, left, kernel / 2, 0), &error);
        output(n->out[0]);
        kernel_wanted = left ? NULL : "depthwise_f32";
        check();
    }
}

/* Pads and dilations that no short integer holds; the last ones are for the reference, which needs no border. */
static void test_wide_windows(void)
{
    static const struct {
        int64_t dilation, pad;
        int references;
    } cases[] = {{40000, 40000, 0}, {(int64_t)1 << 22, (int64_t)1 << 22, 0}, {(int64_t)1 << 32, (int64_t)1 << 32, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int64_t group = 1; group <= 4; group += 3) {
            begin();
            struct node *n = NODE("Conv", input("x", DIMS(1, 4, 9)), weight(DIMS(4, 4 / group, 3)), weight(DIMS(4)));
            node_set_ints(n, "dilations", INTS(cases[i].dilation), &error);
            node_set_ints(n, "pads", INTS(cases[i].pad, cases[i].pad), &error);
            node_set_int(n, "group", group, &error);
            output(n->out[0]);
            reference_allowed = cases[i].references;
            check();
        }
    begin();
    struct node *n = NODE("Conv", input("x", DIMS(1, 2, 5, 5)), weight(DIMS(2, 2, 3, 3)));
    node_set_ints(n, "dilations", INTS(30000, 30000), &error);
    node_set_ints(n, "pads", INTS(30000, 30000, 30000, 30000), &error);
    output(n->out[0]);
    n = NODE("Conv", graph->inputs[0], weight(DIMS(2, 1, 1, 1)));
    node_set_int(n, "group", 2, &error);
    node_set_ints(n, "dilations", INTS((int64_t)1 << 32, (int64_t)1 << 32), &error);
    output(n->out[0]);
    n = NODE("MaxPool", graph->inputs[0]);
    node_set_ints(n, "kernel_shape", INTS(1, 1), &error);
    node_set_ints(n, "dilations", INTS((int64_t)1 << 40, (int64_t)1 << 40), &error);
    output(n->out[0]);
    reference_allowed = 2;
    check();
}

/* Boxes of outputs with the same taps: some have one, some none, in one axis, two and three; with groups, strides and
 * batches. */
static void test_dilated(void)
{
    static const struct conv_case cases[] = {
        {1, 64, 14, 14, 72, 3, 3, 1, 1, 12, {12, 12, 12, 12}}, {2, 64, 15, 13, 70, 3, 3, 1, 1, 6, {6, 6, 6, 6}},
        {1, 64, 14, 14, 64, 3, 3, 1, 1, 36, {36, 36, 36, 36}}, {1, 256, 9, 9, 256, 3, 5, 2, 2, 4, {9, 3, 8, 11}},
        {1, 48, 10, 11, 40, 2, 3, 1, 1, 9, {20, 13, 14, 12}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kernel_wanted = "dilated_f32";
        conv_case(&cases[i]);
    }
    begin();
    struct value *x = input("x", DIMS(1, 64, 14, 14));
    struct value *r = NODE("Conv", x, weight(DIMS(64, 64, 1, 1)))->out[0];
    struct node *n = FUSED("Conv", x, weight(DIMS(64, 64, 3, 3)), weight(DIMS(64)), r);
    node_set_ints(n, "pads", INTS(18, 18, 18, 18), &error);
    node_set_ints(n, "dilations", INTS(18, 18), &error);
    node_set_string(n, "activation", "Relu", 4, &error);
    output(n->out[0]);
    kernel_wanted = "dilated_f32";
    check();
}

/* Factors of channels before 1x1 convolutions: of each image or of all, on either side, where the weights are fewer
 * than the pixels and where they are not, with a stride, and with another user of the product. */
static void factor_case(int64_t images, int64_t out, int64_t stride, bool first, bool shared)
{
    begin();
    struct value *x = input("x", DIMS(3, 20, 9, 7)), *s = input("s", DIMS(images, 20, 1, 1));
    struct node *m = first ? NODE("Mul", s, x) : NODE("Mul", x, s);
    struct node *n = NODE("Conv", m->out[0], weight(DIMS(out, 20, 1, 1)), weight(DIMS(out)));
    node_set_ints(n, "strides", INTS(stride, stride), &error);
    output(n->out[0]);
    if (shared)
        output(NODE("Relu", m->out[0])->out[0]);
    check();
}

static void test_factors(void)
{
    for (int i = 0; i < 16; i++)
        factor_case(i & 1 ? 3 : 1, i & 8 ? 49 : 17, i & 2 ? 2 : 1, i & 4, false);
    factor_case(3, 600, 1, false, false);
    factor_case(3, 17, 1, false, true);
    begin(); /* not factors of channels */
    struct node *m = NODE("Mul", input("x", DIMS(2, 6, 9, 7)), input("s", DIMS(2, 6, 9, 1)));
    output(NODE("Conv", m->out[0], weight(DIMS(5, 6, 1, 1)))->out[0]);
    check();
    begin(); /* pixels that are the same in all places, and factors that are not alone */
    m = NODE("Mul", input("x", DIMS(1, 1, 9, 7)), input("s", DIMS(2, 6, 1, 1)));
    output(NODE("Conv", m->out[0], weight(DIMS(5, 6, 1, 1)))->out[0]);
    check();
}

static struct value *window(struct value *x, int64_t out, int64_t in, int64_t kernel, int64_t stride,
                            const char *activation)
{
    struct node *n = FUSED("Conv", x, weight(DIMS(out, in, kernel, kernel)), weight(DIMS(out)));
    node_set_ints(n, "strides", INTS(stride, stride), &error);
    node_set_ints(n, "pads", INTS(kernel / 2, kernel / 2, kernel / 2, kernel / 2), &error);
    node_set_int(n, "group", in == 1 ? out : 1, &error);
    node_set_string(n, "activation", activation, strlen(activation), &error);
    return n->out[0];
}

/* Maps well beyond the level-2 cache between a product and what follows. Those of a few long rows are cut badly for
 * several threads. */
struct streamed_case {
    int64_t images, width, in, wide, out; /* out 0: no 1x1 follows */
    int64_t first, first_stride, kernel, stride;
    const char *activation;
};

static void streamed_case(const struct streamed_case *t)
{
    int64_t height = cpu_l2_bytes() * 3 / 2 / 4 / t->wide / t->width + 2, scale = t->first_stride;
    bool residual = t->out == t->in;
    begin();
    struct value *x = NODE("Relu", input("x", DIMS(t->images, t->in, height * scale, t->width * scale)))->out[0];
    struct value *y = window(x, t->wide, t->in, t->first, t->first_stride, t->activation);
    y = window(y, t->wide, 1, t->kernel, t->stride, t->activation);
    if (residual)
        y = FUSED("Conv", y, weight(DIMS(t->out, t->wide, 1, 1)), weight(DIMS(t->out)), x)->out[0];
    else if (t->out)
        y = NODE("Conv", y, weight(DIMS(t->out, t->wide, 1, 1)))->out[0];
    output(NODE("Neg", y)->out[0]);
    kernel_wanted = height > 64 ? "streamed_f32" : NULL;
    check();
}

static void test_streamed(void)
{
    static const struct streamed_case cases[] = {
        {1, 33, 4, 20, 9, 1, 1, 3, 1, "Relu"},  {2, 17, 5, 48, 5, 1, 1, 3, 1, "HardSwish"},
        {1, 30, 3, 32, 7, 3, 2, 5, 1, "Swish"}, {2, 29, 4, 33, 0, 1, 1, 5, 2, "Gelu"},
        {1, 31, 6, 16, 8, 1, 1, 3, 2, "Relu"},  {1, 2000, 4, 20, 4, 1, 1, 7, 1, "Relu"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i += one_of(2))
        streamed_case(&cases[i]);
    begin(); /* a chain: each 1x1 goes with the depthwise convolution behind it */
    int64_t height = cpu_l2_bytes() * 3 / 2 / 4 / 24 / 32 + 2;
    struct value *y = input("x", DIMS(1, 24, height, 32));
    for (int i = 0; i < 3; i++)
        y = window(window(y, 24, 24, 1, 1, "Relu"), 24, 1, 3, 1, "Relu");
    output(window(y, 11, 24, 1, 1, "Relu"));
    kernel_wanted = "streamed_f32";
    check();
    begin(); /* rows of which each would be shared among threads, were it a step of its own */
    height = cpu_l2_bytes() * 3 / 2 / 4 / 192 / 64 + 32;
    y = window(window(input("x", DIMS(1, 96, height, 64)), 192, 96, 1, 1, "Relu"), 192, 1, 3, 1, "Relu");
    output(window(y, 40, 192, 1, 1, "Relu"));
    kernel_wanted = "streamed_f32";
    check();
}

/* Two maps before and behind the depthwise convolution, each of 0.8 of the level-2 cache; of 0.7 most of both stays
 * there. */
static void test_streamed_pairs(void)
{
    static const int tenths[] = {8, 7};
    for (int i = 0; i < 2; i++) {
        int64_t height = cpu_l2_bytes() / 4 / 32 / 7 * tenths[i] / 10;
        begin();
        struct value *x = NODE("Relu", input("x", DIMS(1, 5, height, 7)))->out[0];
        x = window(window(x, 32, 5, 1, 1, "Relu"), 32, 1, 3, 1, "Relu");
        output(window(x, 7, 32, 1, 1, "Relu"));
        kernel_wanted = i == 0 ? "streamed_f32" : "depthwise_f32";
        check();
    }
}

/* Weights that are packed, and let go, as soon as a unit's first convolution is lowered: just below 32 MiB wait then.
 */
static void test_streamed_packing(void)
{
    int64_t height = cpu_l2_bytes() * 3 / 2 / 4 / 1024 / 3 + 2, dims[] = {2048, 4064};
    begin();
    output(NODE("MatMul", input("a", DIMS(1, 2048)),
                graph_add_constant(graph, NULL, tensor_new(DTYPE_F32, 2, dims, &error), &error))
               ->out[0]);
    struct value *x = window(input("x", DIMS(1, 64, height, 3)), 1024, 64, 1, 1, "Relu");
    output(window(window(x, 1024, 1, 3, 1, "Relu"), 3, 1024, 1, 1, "Relu"));
    kernel_wanted = height > 64 ? "streamed_f32" : NULL;
    check();
}

static bool some_level_has_wanted(void)
{
    const struct kernels *const *k = kernel_levels();
    while (*k && !has_wanted(*k))
        k++;
    return *k;
}

/* Maps that are rounded before: their tiles end with a row, two rows or anywhere, or are rows of taps; with channels of
 * 0; in groups. */
static void test_rounded(void)
{
    static const struct conv_case cases[] = {
        {1, 64, 9, 40, 70, 3, 3, 1, 1, 1, {1, 1, 1, 1}},   {1, 32, 15, 14, 40, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
        {1, 32, 11, 33, 40, 3, 3, 1, 2, 1, {1, 0, 1, 2}},  {1, 32, 13, 16, 40, 3, 3, 1, 1, 1, {0}},
        {1, 64, 7, 7, 40, 3, 3, 1, 1, 1, {1, 1, 1, 1}},    {3, 32, 6, 20, 40, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
        {2, 512, 7, 6, 300, 1, 1, 1, 2, 1, {0}},           {1, 3, 30, 34, 40, 7, 7, 1, 2, 1, {3, 3, 3, 3}},
        {1, 1, 20, 20, 40, 9, 9, 1, 1, 1, {4, 4, 4, 4}},   {1, 70, 6, 17, 40, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
        {1, 128, 6, 14, 128, 3, 3, 2, 1, 1, {1, 1, 1, 1}}, {1, 1024, 5, 5, 140, 1, 1, 1, 1, 1, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        conv_case(&cases[i]);
}

/* Products of 16-bit floats, which need scratch memory. */
static void test_halves(void)
{
    for (int type = KERNEL_F16; type <= KERNEL_BF16; type++) {
        weights_wanted = (enum kernel_type)type;
        if (!some_level_has_wanted())
            continue;
        test_streamed();
        test_shapes();
        test_dilated();
        test_rounded();
    }
    weights_wanted = KERNEL_F32;
}

int main(void)
{
    RUN(test_streamed);
    RUN(test_streamed_pairs);
    RUN(test_streamed_packing);
    RUN(test_halves);
    RUN(test_factors);
    RUN(test_dilated);
    RUN(test_short_volumes);
    RUN(test_joined_pixels);
    RUN(test_narrow_groups);
    RUN(test_large_maps);
    RUN(test_many_channels);
    RUN(test_repeated_channels);
    RUN(test_long_kernels);
    RUN(test_columns);
    RUN(test_wide_windows);
    RUN(test_shapes);
    RUN(test_far_taps);
    RUN(test_ranks);
    RUN(test_fused);
    RUN(test_shared);
    RUN(test_dense_block);
    RUN(test_joined_parts);
    return TEST_END();
}
