/* Winograd's convolutions against the reference. */
#include "exec_test.h"

struct winograd_case {
    const char *kernel;
    int64_t x[5], out, groups, taps, stride, dilation, pads[6]; /* stride, dilation: along the first axis */
};

/* With a residual if `adds`. */
static void winograd_case(const struct winograd_case *c, bool adds)
{
    begin();
    int64_t in = c->x[1] / c->groups;
    struct value *x = input("x", 5, c->x), *r = NULL;
    if (adds)
        r = NODE("Conv", x, weight(DIMS(c->out, c->x[1], 1, 1, 1)))->out[0];
    struct node *n = FUSED("Conv", x, weight(DIMS(c->out, in, c->taps, 3, 3)), weight(DIMS(c->out)), r);
    node_set_ints(n, "strides", INTS(c->stride, 1, 1), &error);
    node_set_ints(n, "dilations", INTS(c->dilation, 1, 1), &error);
    node_set_ints(n, "pads", c->pads, 6, &error);
    node_set_int(n, "group", c->groups, &error);
    node_set_string(n, "activation", "Relu", 4, &error);
    output(n->out[0]);
    kernel_wanted = c->kernel;
    check();
}

/* Pictures: many tiles and few, filters transformed before and in the run, maps that tiles do not fill, images
 * together, channels that vectors and panels do not fill, more than a strip of them, pads that differ. */
static void test_pictures(void)
{
    static const struct {
        const char *kernel;
        int64_t x[4], out, pads[4];
    } cases[] = {
        {"winograd_4_f32", {1, 24, 41, 43}, 40, {1, 1, 1, 1}},   {"winograd_4_f32", {3, 17, 22, 31}, 19, {0, 1, 2, 0}},
        {"winograd_4_f32", {1, 32, 44, 40}, 150, {1, 1, 1, 1}},  {"winograd_4_f32", {1, 40, 28, 29}, 72, {1, 1, 1, 1}},
        {"winograd_4_f32", {1, 150, 18, 15}, 87, {1, 1, 1, 1}},  {"winograd_4_f32", {1, 520, 12, 19}, 87, {1, 1, 1, 1}},
        {"winograd_2_f32", {2, 200, 5, 6}, 136, {1, 1, 1, 1}},   {"winograd_2_f32", {3, 131, 5, 5}, 130, {1, 1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i += one_of(3)) {
        begin();
        struct node *n = FUSED("Conv", input("x", 4, cases[i].x), weight(DIMS(cases[i].out, cases[i].x[1], 3, 3)),
                               weight(DIMS(cases[i].out)));
        node_set_ints(n, "pads", cases[i].pads, 4, &error);
        output(n->out[0]);
        kernel_wanted = cases[i].kernel;
        check();
    }
}

/* Volumes: taps, strides and steps along the first axis, pads that differ, planes that are one stack, several and none,
 * images, filters transformed before and in the run, and a residual. */
static void test_volumes(void)
{
    static const struct winograd_case cases[] = {
        {"winograd_4_f32", {1, 24, 7, 17, 19}, 40, 1, 3, 1, 1, {1, 1, 1, 1, 1, 1}},
        {"winograd_4_f32", {2, 19, 32, 14, 9}, 21, 1, 3, 1, 1, {1, 1, 0, 1, 2, 1}},
        {"winograd_4_f32", {1, 33, 17, 12, 12}, 33, 1, 1, 1, 1, {0, 1, 1, 0, 1, 1}},
        {"winograd_4_f32", {1, 24, 19, 13, 15}, 17, 1, 5, 2, 1, {2, 1, 1, 1, 1, 1}},
        {"winograd_4_f32", {1, 24, 9, 15, 15}, 40, 1, 2, 1, 3, {1, 1, 1, 2, 1, 1}},
        {"winograd_4_f32", {1, 150, 3, 16, 14}, 87, 1, 3, 1, 1, {1, 1, 1, 1, 1, 1}},
        {"winograd_4_f32", {2, 300, 2, 8, 8}, 87, 1, 2, 1, 1, {0, 1, 1, 1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i += one_of(3))
        winograd_case(&cases[i], false);
    winograd_case(&(struct winograd_case){"winograd_4_f32", {1, 16, 6, 15, 13}, 24, 1, 3, 1, 1, {1, 1, 1, 1, 1, 1}},
                  true);
}

/* Each group is a convolution of its own, in blocks of tiles, by strips and by panels of its channels; of pictures and
 * volumes. */
static void test_groups(void)
{
    static const struct winograd_case cases[] = {
        {"winograd_4_f32", {1, 72, 1, 41, 43}, 72, 3, 1, 1, 1, {0, 1, 1, 0, 1, 1}},
        {"winograd_4_f32", {2, 80, 1, 14, 17}, 120, 2, 1, 1, 1, {0, 1, 1, 0, 1, 1}},
        {"winograd_4_f32", {1, 132, 1, 14, 14}, 60, 4, 1, 1, 1, {0, 1, 1, 0, 1, 1}},
        {"winograd_4_f32", {1, 400, 1, 11, 12}, 174, 2, 1, 1, 1, {0, 1, 1, 0, 1, 1}},
        {"winograd_2_f32", {3, 260, 1, 5, 5}, 268, 2, 1, 1, 1, {0, 1, 1, 0, 1, 1}},
        {"winograd_4_f32", {1, 48, 7, 17, 19}, 80, 2, 3, 1, 1, {1, 1, 1, 1, 1, 1}},
        {"winograd_4_f32", {1, 80, 3, 16, 14}, 68, 2, 3, 1, 1, {1, 1, 1, 1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i += one_of(3))
        winograd_case(&cases[i], true);
}

/* A map that is larger than the caches: calls of the product fetch pieces of it, and of the result's place. */
static void test_large(void)
{
    static const struct winograd_case large = {
        "winograd_4_f32", {1, 64, 1, 161, 101}, 72, 1, 1, 1, 1, {0, 1, 1, 0, 1, 1}};
    if (!is_emulated())
        winograd_case(&large, false);
}

/* With what may stand behind: residual, activation, a place in a Concat, a wider border for who comes next. */
static void test_fused(void)
{
    for (int i = 0; i < 4; i++) {
        begin();
        struct value *x = input("x", DIMS(1, 16, 30, 27)), *r = NODE("Conv", x, weight(DIMS(24, 16, 1, 1)))->out[0];
        struct node *n = FUSED("Conv", x, weight(DIMS(24, 16, 3, 3)), weight(DIMS(24)), r);
        const char *activation = i < 2 ? "Relu" : "Swish";
        node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        node_set_string(n, "activation", activation, strlen(activation), &error);
        node_set_float(n, "activation_alpha", 1, &error);
        node_set_int(n, "residual_last", i % 2, &error);
        struct node *cat = NODE("Concat", n->out[0], NODE("Relu", x)->out[0]);
        node_set_int(cat, "axis", 1, &error);
        struct node *last = NODE("Conv", cat->out[0], weight(DIMS(32, 40, 3, 3)));
        node_set_ints(last, "pads", INTS(1, 1, 1, 1), &error);
        output(last->out[0]);
        kernel_wanted = "winograd_4_f32";
        check();
    }
}

int main(void)
{
    RUN(test_pictures);
    RUN(test_volumes);
    RUN(test_groups);
    RUN(test_large);
    RUN(test_fused);
    return TEST_END();
}
