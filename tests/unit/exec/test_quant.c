/* Operators of whole numbers: the same bits as the reference on every level. */
#include "quant_conv.h"

static void convolutions(void)
{
    static const struct {
        enum dtype x, w;
        int x_zero, y_zero, extreme;
    } types[] = {{DTYPE_U8, DTYPE_I8, 0, 0, -1},      {DTYPE_U8, DTYPE_I8, 255, 128, -1},
                 {DTYPE_I8, DTYPE_I8, -128, 127, -1}, {DTYPE_I8, DTYPE_U8, 5, -128, -1},
                 {DTYPE_U8, DTYPE_I8, 0, 128, 255},   {DTYPE_I8, DTYPE_I8, 0, 0, 0x80}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t j = i % one_of(6); j < sizeof types / sizeof *types; j += one_of(6)) {
            const struct conv_case *t = &cases[i];
            begin();
            struct value *x = byte_input("x", types[j].x, DIMS(t->n, t->c, t->h, t->w));
            struct node *n = conv_node(t, x, types[j].w, types[j].x_zero, types[j].y_zero);
            if (j % 2)
                node_set_string(n, "activation", "Relu", 4, &error);
            output(n->out[0]);
            check_bytes(types[j].extreme);
        }
}

/* Depthwise, by weights of 16 bits. */
static void wide_weights(void)
{
    result_scale = 8;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int j = 0; j < 4 && cases[i].group > 1 && is_depthwise(&cases[i]); j++) {
            const struct conv_case *t = &cases[i];
            begin();
            real_bias = j % 2;
            kernel_wanted = "depthwise_q8";
            struct value *x = byte_input("x", j < 2 ? DTYPE_U8 : DTYPE_I8, DIMS(t->n, t->c, t->h, t->w));
            output(conv_node(t, x, DTYPE_I16, j < 2 ? 7 : -128, 3)->out[0]);
            check_bytes(j == 1 ? 255 : -1);
        }
    result_scale = 0.05;
    real_bias = false;
}

/* Maps on which Winograd pays with fast products too: with filters that are transformed once, and others, for which
 * there is no room then: each run transforms them, in parts, and adds what these give. */
static void many_filters(void)
{
    static const struct conv_case large[] = {{1, 128, 28, 28, 128, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
                                             {1, 176, 16, 27, 168, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
                                             {1, 131, 28, 29, 107, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
                                             {1, 179, 16, 27, 168, 3, 3, 1, 1, 1, {1, 1, 1, 1}}};
    for (size_t i = 0; i < 4; i += one_of(3)) {
        begin();
        struct value *x = byte_input("x", DTYPE_I8, DIMS(large[i].n, large[i].c, large[i].h, large[i].w));
        output(conv_node(&large[i], x, DTYPE_I8, 3, -7)->out[0]);
        check_bytes(-1);
    }
}

/* Clip's bounds in the wrong order: the upper one counts, in full vectors and behind them. */
static void crossed_bounds(void)
{
    begin();
    const struct conv_case *t = &cases[2];
    struct node *n = conv_node(t, byte_input("x", DTYPE_U8, DIMS(t->n, t->c, t->h, t->w)), DTYPE_I8, 3, 100);
    node_set_string(n, "activation", "Clip", 4, &error);
    node_set_float(n, "activation_alpha", 1, &error);
    node_set_float(n, "activation_beta", -1, &error);
    output(n->out[0]);
    check_bytes(-1);
}

/* Sums that leave s32 once they are multiplied. */
static void steep(void)
{
    static const double results[] = {1e-4, 2e-5, 1e-8};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t j = i % one_of(3); j < sizeof results / sizeof *results; j += one_of(3)) {
            const struct conv_case *t = &cases[i];
            begin();
            result_scale = results[j];
            output(conv_node(t, byte_input("x", DTYPE_U8, DIMS(t->n, t->c, t->h, t->w)), DTYPE_I8, 100, 77)->out[0]);
            check_bytes(-1);
        }
    result_scale = 0.05;
}

/* Weights that do not fit s8 less their zero points. */
static void runs(void)
{
    static const int zeros[] = {0, 1, 60, 127, 129, 255};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t j = i % one_of(6); j < sizeof zeros / sizeof *zeros; j += one_of(6)) {
            const struct conv_case *t = &cases[i];
            begin();
            weight_zero = zeros[j];
            struct value *x = byte_input("x", j % 2 ? DTYPE_I8 : DTYPE_U8, DIMS(t->n, t->c, t->h, t->w));
            real_bias = j % 2;
            output(conv_node(t, x, DTYPE_U8, 3, 100)->out[0]);
            check_bytes(j == 5 ? 255 : -1);
            weight_zero = 128;
        }
}

static void transposed_convolutions(void)
{
    static const struct conv_case transposed_cases[] = {
        {1, 8, 5, 6, 9, 2, 2, 1, 2, 1, {0}},
        {2, 17, 4, 5, 33, 3, 3, 1, 2, 1, {1, 1, 1, 1}},
        {1, 16, 6, 6, 24, 4, 4, 1, 2, 1, {1, 1, 1, 1}},
        {1, 3, 5, 4, 2, 3, 2, 1, 3, 1, {0, 1, 1, 0}},
        {1, 5, 6, 7, 8, 3, 3, 1, 1, 2, {2, 1, 0, 2}},
        {1, 9, 4, 6, 1, 6, 6, 1, 3, 1, {3, 3, 3, 3}},
        {1, 1, 3, 3, 1, 1, 1, 1, 2, 1, {0}},
        {2, 24, 5, 7, 1, 2, 2, 1, 2, 1, {0}},
    };
    for (size_t i = 0; i < sizeof transposed_cases / sizeof *transposed_cases; i++)
        for (int form = 0; form < 4; form++) {
            const struct conv_case *t = &transposed_cases[i];
            enum dtype type = form % 2 ? DTYPE_I8 : DTYPE_U8;
            begin();
            conv_op = "QConvTranspose";
            weight_zero = form < 2 ? 128 : 40;
            kernel_wanted = "gemm_q8";
            struct value *x = byte_input("x", type, DIMS(t->n, t->c, t->h, t->w));
            real_bias = form == 1;
            struct node *n = conv_node(t, x, form == 1 ? DTYPE_I8 : DTYPE_U8, form == 3 ? -7 : 120, 5);
            if (form == 2)
                node_set_string(n, "activation", "Relu", 4, &error);
            output(n->out[0]);
            check_bytes(form == 3 ? 0x80 : -1);
            conv_op = "QConv";
            weight_zero = 128;
            real_bias = false;
        }
}

/* ConvInteger, with a zero point that only a run tells, a constant one and none. */
static void convolved_integers(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t form = i % one_of(3); form < 3; form += one_of(3)) {
            const struct conv_case *t = &cases[i];
            enum dtype type = form == 2 ? DTYPE_I8 : DTYPE_U8;
            begin();
            kernel_wanted = is_depthwise(t) ? "depthwise_q8" : "gemm_q8";
            struct value *x = byte_input("x", type, DIMS(t->n, t->c, t->h, t->w)),
                         *w = bytes(DTYPE_U8, DIMS(t->out, t->c / t->group, t->kh, t->kw), 0, 255);
            struct value *zero = form == 0   ? NULL
                                 : form == 1 ? scalar(type, 7)
                                             : byte_input("zero", type, 0, (const int64_t[]){0});
            struct node *n = NODE("ConvInteger", x, w, zero, bytes(DTYPE_U8, DIMS(t->out), 100, 128));
            node_set_ints(n, "strides", INTS(t->stride, t->stride), &error);
            node_set_ints(n, "dilations", INTS(t->dilation, t->dilation), &error);
            node_set_ints(n, "pads", t->pads, 4, &error);
            node_set_int(n, "group", t->group, &error);
            output(n->out[0]);
            check_bytes(-1);
        }
}

/* Consumers of one value that want borders of different bytes. */
static void two_zeros(void)
{
    static const struct conv_case t = {1, 8, 6, 7, 8, 3, 3, 1, 1, 1, {1, 1, 1, 1}};
    begin();
    struct value *x = byte_input("x", DTYPE_U8, DIMS(1, 8, 6, 7));
    struct node *first = conv_node(&t, x, DTYPE_I8, 3, 7);
    struct node *one = conv_node(&t, first->out[0], DTYPE_I8, 7, 9),
                *two = conv_node(&t, first->out[0], DTYPE_I8, 200, 9);
    struct node *joined = NODE("Concat", one->out[0], two->out[0]);
    node_set_int(joined, "axis", 1, &error);
    static const struct conv_case last = {1, 16, 6, 7, 8, 3, 3, 1, 1, 1, {1, 1, 1, 1}};
    output(conv_node(&last, joined->out[0], DTYPE_I8, 9, 0)->out[0]);
    output(conv_node(&t, one->out[0], DTYPE_I8, 1, 0)->out[0]);
    check_bytes(-1);
}

static void products(void)
{
    static const int64_t shapes[][3] = {{1, 7, 5}, {4, 64, 33}, {17, 100, 140}, {3, 1, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int round = 0; round < 4; round++) {
            const int64_t *s = shapes[i];
            bool real = round % 2, turned = round / 2;
            begin();
            struct value *a = byte_input("a", real ? DTYPE_I8 : DTYPE_U8, DIMS(2, s[0], s[1]));
            struct value *b = bytes(DTYPE_I8, DIMS(s[turned ? 2 : 1], s[turned ? 1 : 2]), -127, 127);
            struct node *n = FUSED("QMatMul", a, scalar(DTYPE_F32, 0.02), scalar(a->type.dtype, 9), b, scales(s[2]),
                                   bytes(DTYPE_I8, DIMS(s[2]), 0, 0), real ? NULL : scalar(DTYPE_F32, 0.05),
                                   real ? NULL : scalar(DTYPE_U8, 100),
                                   i % 2 ? scales(s[2]) : bytes(DTYPE_I32, DIMS(s[2]), -300, 300));
            node_set_int(n, "transB", turned, &error);
            output(n->out[0]);
            check_bytes(-1);
        }
}

/* Two results: batches of both or of one, a turned operand, zero points of B that fit s8 and that do not. */
static void pairs(void)
{
    static const int64_t shapes[][3] = {{1, 7, 5}, {4, 64, 33}, {17, 301, 140}, {3, 2, 1}};
    static const int zeros[][2] = {{128, 0}, {90, -40}, {0, 127}, {255, -128}};
    for (int round = 0; round < 32; round++) {
        const int64_t *s = shapes[round % 4];
        enum dtype a_type = round / 4 % 2 ? DTYPE_I8 : DTYPE_U8, b_type = round / 8 % 2 ? DTYPE_I8 : DTYPE_U8;
        bool turned = round / 16 % 2, real = round % 5 == 0;
        begin();
        struct value *a = byte_input("a", a_type, DIMS(round % 7 ? 2 : 1, 3, s[0], s[1]));
        struct value *b = round % 3
                              ? byte_input("b", b_type, DIMS(turned ? 1 : 2, 3, s[turned ? 2 : 1], s[turned ? 1 : 2]))
                              : byte_input("b", b_type, DIMS(s[turned ? 2 : 1], s[turned ? 1 : 2]));
        if (turned) {
            struct node *t = NODE("Transpose", b);
            if (round % 3)
                node_set_ints(t, "perm", INTS(0, 1, 3, 2), &error);
            else
                node_set_ints(t, "perm", INTS(1, 0), &error);
            b = t->out[0];
        }
        struct node *n = FUSED("QMatMul", a, scalar(DTYPE_F32, 0.02), scalar(a_type, 9), b, scalar(DTYPE_F32, 0.03),
                               scalar(b_type, zeros[round / 2 % 4][b_type == DTYPE_I8]),
                               real ? NULL : scalar(DTYPE_F32, 0.5), real ? NULL : scalar(DTYPE_U8, 100));
        output(n->out[0]);
        check_bytes((const int[]){-1, -1, 0, 127, 128, 255}[round % 6]);
    }
}

/* MatMulInteger of two results, whose zero points are inputs, constants or absent. */
static void integer_pairs(void)
{
    static const int64_t shapes[][3] = {{1, 7, 5}, {4, 64, 33}, {17, 301, 70}, {3, 2, 1}};
    for (int round = 0; round < 24; round++) {
        const int64_t *s = shapes[round % 4];
        enum dtype a_type = round / 4 % 2 ? DTYPE_I8 : DTYPE_U8, b_type = round / 8 % 2 ? DTYPE_I8 : DTYPE_U8;
        begin();
        struct value *a = byte_input("a", a_type, DIMS(round % 7 ? 2 : 1, 3, s[0], s[1]));
        struct value *b =
            round % 2 ? byte_input("b", b_type, DIMS(2, 3, s[1], s[2])) : byte_input("b", b_type, DIMS(3, s[1], s[2]));
        struct value *zero[] = {NULL, scalar(a_type, 7), byte_input("zero", a_type, 0, (const int64_t[]){0})};
        struct value *other[] = {byte_input("other", b_type, 0, (const int64_t[]){0}), scalar(b_type, 3), NULL};
        kernel_wanted = "pack_q8";
        output(NODE("MatMulInteger", a, b, zero[round % 3], other[round / 3 % 3])->out[0]);
        check_bytes((const int[]){-1, 0, 127, 128, 255}[round % 5]);
    }
}

/* Biases that leave no room for the sums of a column: the byte is the same with all sums, or is not. */
static void large_biases(void)
{
    static const double step[] = {1e-10, 1e-10, 100.5 / INT32_MAX}, bias[] = {-2147268819, INT32_MAX, INT32_MAX};
    for (int form = 0; form < 6; form++) {
        begin();
        struct value *scale = scales(33), *add = bytes(DTYPE_I32, DIMS(33), -300, 300);
        for (int i = 3; i < 33; i += 9) {
            tensor_set_f64(scale->constant, i, step[form % 3]);
            tensor_set_f64(add->constant, i, bias[form % 3]);
        }
        struct node *n = FUSED("QMatMul", byte_input("a", DTYPE_U8, DIMS(3, 64)), scalar(DTYPE_F32, 1),
                               scalar(DTYPE_U8, 9), bytes(DTYPE_I8, DIMS(64, 33), -127, 127), scale,
                               bytes(DTYPE_I8, DIMS(33), 0, 0), scalar(DTYPE_F32, 1), scalar(DTYPE_U8, 100), add);
        if (form >= 3)
            node_set_string(n, "activation", "Relu", 4, &error);
        output(n->out[0]);
        reference_allowed = form % 3 == 2;
        kernel_wanted = form % 3 == 2 ? "reference" : "gemm_q8";
        check_bytes(form % 2 ? -1 : 255);
    }
}

/* Sums that a Cast makes numbers of, which are rounded where they are large, are written as such; not those that are
 * wanted themselves. */
static void cast_sums(void)
{
    for (int form = 0; form < 6; form++) {
        bool kept = form % 3 == 2;
        begin();
        struct value *zero = byte_input("zero", DTYPE_U8, 0, (const int64_t[]){0});
        struct node *n = form < 3 ? NODE("MatMulInteger", byte_input("a", DTYPE_U8, DIMS(3, 1000)),
                                         bytes(DTYPE_U8, DIMS(1000, 33), 0, 255), zero)
                                  : NODE("ConvInteger", byte_input("x", DTYPE_U8, DIMS(2, 64, 7, 5)),
                                         bytes(DTYPE_U8, DIMS(40, 32, 3, 3), 0, 255), zero);
        if (form >= 3) {
            node_set_int(n, "group", 2, &error);
            node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
        }
        struct node *cast = NODE("Cast", n->out[0]);
        node_set_int(cast, "to", 1, &error);
        struct node *joined = NODE("Concat", cast->out[0], cast->out[0]);
        node_set_int(joined, "axis", 0, &error);
        output(form % 2 ? joined->out[0] : form ? cast->out[0] : NODE("Mul", cast->out[0], cast->out[0])->out[0]);
        if (kept)
            output(n->out[0]);
        kernel_wanted = kept ? "numbers" : "gemm_q8";
        kernel_barred = kept ? NULL : "numbers";
        check_bytes(form % 3 ? -1 : 255);
    }
}

/* A zero point that is an input; and what QLinearConv makes of the operands of nn.QConv. */
static void integers(void)
{
    static const int64_t shapes[][3] = {{1, 7, 5}, {4, 64, 33}, {17, 100, 70}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int form = 0; form < 3; form++) {
            const int64_t *s = shapes[i];
            enum dtype type = form == 2 ? DTYPE_I8 : DTYPE_U8;
            begin();
            struct value *a = byte_input("a", type, DIMS(2, s[0], s[1])),
                         *b = bytes(DTYPE_U8, DIMS(s[1], s[2]), 1, 255);
            struct value *zero = form == 0 ? NULL : byte_input("zero", type, 0, (const int64_t[]){0});
            output(NODE("MatMulInteger", a, b, zero, scalar(DTYPE_U8, 128))->out[0]);
            check_bytes(-1);
        }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        conv_domain = "";
        conv_op = "QLinearConv";
        struct value *x = byte_input("x", DTYPE_U8, DIMS(cases[i].n, cases[i].c, cases[i].h, cases[i].w));
        struct node *n = conv_node(&cases[i], x, DTYPE_I8, 7, 130);
        output(n->out[0]);
        conv_domain = "nn";
        conv_op = "QConv";
        check_bytes(-1);
    }
}

/* Maps and images that are quantised by their own range, before convolutions of all channels and of each. */
static void dynamic_maps(void)
{
    static const int64_t sizes[][3] = {{3, 14, 37}, {19, 14, 37}};
    for (int i = 0; i < 2; i++)
        for (int each = 0; each < 2; each++) {
            const int64_t channels = sizes[i][0];
            begin();
            struct value *x = input("x", DIMS(2, channels, sizes[i][1], sizes[i][2]));
            struct node *n = NODE("DynamicQuantizeLinear", NODE("MaxPool", x)->out[0]);
            node_set_ints(x->uses[0].node, "kernel_shape", INTS(1, 1), &error);
            node_new_output(n, NULL, &error);
            node_new_output(n, NULL, &error);
            struct node *image = NODE("DynamicQuantizeLinear", x);
            node_new_output(image, NULL, &error);
            node_new_output(image, NULL, &error);
            struct value *w = bytes(DTYPE_I8, DIMS(channels, each ? 1 : channels, 3, 3), -127, 127);
            struct node *from[] = {n, image};
            for (int j = 0; j < 2; j++) {
                struct node *c = NODE("ConvInteger", from[j]->out[0], w, from[j]->out[2]);
                node_set_ints(c, "pads", INTS(1, 1, 1, 1), &error);
                node_set_int(c, "group", each ? channels : 1, &error);
                output(c->out[0]);
            }
            struct tensor *t = random_tensor(DTYPE_F32, 4, x->type.dims, 1);
            tensor_set_f64(t, t->count - 1, 9); /* the very last counts, too */
            struct item *in[8] = {item_of_tensor(t, &error)};
            exact_wanted = true;
            check_with(in);
            exact_wanted = false;
        }
}

static struct node *pool(struct value *x)
{
    struct node *n = NODE("MaxPool", x);
    node_set_ints(n, "kernel_shape", INTS(3, 3), &error);
    node_set_ints(n, "pads", INTS(1, 1, 1, 1), &error);
    return n;
}

/* Pixels of 2 KiB lie apart. Between them is what the memory held before: numbers of a map that are far larger. */
static void dynamic_map_with_gaps(void)
{
    begin();
    struct value *large = input("large", DIMS(2, 544, 8, 8)), *x = input("x", DIMS(2, 512, 8, 8)),
                 *most = NODE("ReduceMax", pool(large)->out[0], ints(INTS(1, 2, 3)))->out[0],
                 *one = NODE("Min", most, scalar(DTYPE_F32, 1))->out[0];
    struct node *n = NODE("DynamicQuantizeLinear", pool(NODE("Mul", x, one)->out[0])->out[0]);
    node_new_output(n, NULL, &error);
    node_new_output(n, NULL, &error);
    struct node *sums = NODE("ConvInteger", n->out[0], bytes(DTYPE_I8, DIMS(512, 1, 3, 3), -127, 127), n->out[2]);
    node_set_int(sums, "group", 512, &error);
    output(sums->out[0]);
    output(n->out[1]);
    struct item *in[8] = {item_of_tensor(random_tensor(DTYPE_F32, 4, large->type.dims, 1000), &error),
                          item_of_tensor(random_tensor(DTYPE_F32, 4, x->type.dims, 1), &error)};
    exact_wanted = true;
    check_with(in);
    exact_wanted = false;
}

/* Numbers above zero, below, around it, all of them zero, and some that are none. */
static void dynamic(void)
{
    static const float shift[] = {0, 5, -5, 0, 0};
    for (int i = 0; i < 5; i++) {
        begin();
        struct node *n = NODE("DynamicQuantizeLinear", input("x", DIMS(3, 7, 11)));
        node_new_output(n, NULL, &error);
        node_new_output(n, NULL, &error);
        struct value *product =
            NODE("MatMulInteger", n->out[0], bytes(DTYPE_I8, DIMS(11, 20), -127, 127), n->out[2])->out[0];
        output(product);
        output(n->out[0]);
        output(n->out[1]);
        struct tensor *t = random_tensor(DTYPE_F32, 3, (const int64_t[]){3, 7, 11}, i == 3 ? 0 : 1);
        for (int64_t j = 0; j < t->count; j++)
            tensor_set_f64(t, j, i == 4 && j % 10 == 0 ? NAN : tensor_get_f64(t, j) + (double)shift[i]);
        struct item *in[8] = {item_of_tensor(t, &error)};
        exact_wanted = true;
        check_with(in);
        exact_wanted = false;
    }
}

/* Sums that are done with the convolution or matrix product that makes an operand, either one: with scales for which
 * multiply-adds give the same bytes, and others; differences; operands of two kinds; and a result that is wanted
 * elsewhere too. */
static void joined_sums(void)
{
    static const struct conv_case shapes[] = {{1, 16, 9, 7, 96, 1, 1, 1, 1, 1, {0}},
                                              {2, 8, 10, 9, 64, 3, 3, 2, 2, 1, {1, 1, 1, 1}},
                                              {1, 64, 16, 19, 64, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
                                              {1, 16, 5, 7, 40, 1, 1, 1, 1, 1, {0}},
                                              {1, 1536, 2, 3, 160, 1, 1, 1, 1, 1, {0}}};
    static const double other_scales[] = {0.05, 0.0317, 0.021276595, -0.0731, 12.5};
    for (int i = 5 % (int)one_of(7); i < 42; i += (int)one_of(7)) {
        const struct conv_case *t = i < 40 ? &shapes[i % 4] : &shapes[4];
        enum dtype type = i % 3 ? DTYPE_U8 : DTYPE_I8, kind = i / 4 % 2 ? type : i % 3 ? DTYPE_I8 : DTYPE_U8;
        begin();
        struct value *x = byte_input("x", type, DIMS(t->n, t->c, t->h, t->w)), *zero = scalar(type, i % 7),
                     *y = kind == type ? x : byte_input("y", kind, DIMS(t->n, t->c, t->h, t->w)),
                     *y_zero = scalar(kind, i % 7), *scale = scalar(DTYPE_F32, result_scale),
                     *other = scalar(DTYPE_F32, other_scales[i % 5]), *out = scalar(DTYPE_F32, 0.0613), *first, *second;
        first = conv_node(t, x, DTYPE_I8, 3, i % 7)->out[0];
        second = conv_node(t, y, DTYPE_I8, 3, i % 7)->out[0];
        struct node *sum = i % 2 ? FUSED("QAdd", second, scale, y_zero, first, other, zero, out, zero)
                                 : FUSED("QAdd", first, other, zero, second, scale, y_zero, out, zero);
        if (i % 5 == 1)
            node_set_string(sum, "activation", "Relu", 4, &error);
        if (i % 9 == 8)
            output(second);
        struct value *w = bytes(DTYPE_I8, DIMS(t->out, t->out), -128, 127), *turned, *product;
        turned = NODE("Transpose", sum->out[0])->out[0];
        node_set_ints(turned->producer, "perm", INTS(0, 2, 3, 1), &error);
        product = node("nn", "QMatMul",
                       (struct value *[]){turned, out, zero, w, scales(t->out), bytes(DTYPE_I8, DIMS(t->out), 0, 0),
                                          scale, zero, &none})
                      ->out[0];
        output(FUSED("QAdd", product, scale, zero, turned, out, zero, scale, zero)->out[0]);
        check_bytes(-1);
    }
}

/* The other operand has its place, in part, before the product is made, and its second half behind it. */
static void sum_of_concat(void)
{
    static const struct conv_case whole = {1, 16, 5, 7, 64, 1, 1, 1, 1, 1, {0}},
                                  half = {1, 16, 5, 7, 32, 1, 1, 1, 1, 1, {0}};
    begin();
    struct value *x = byte_input("x", DTYPE_U8, DIMS(1, 16, 5, 7)), *zero = scalar(DTYPE_U8, 3),
                 *scale = scalar(DTYPE_F32, result_scale);
    struct value *first = conv_node(&half, x, DTYPE_I8, 3, 3)->out[0],
                 *product = conv_node(&whole, x, DTYPE_I8, 3, 3)->out[0],
                 *second = conv_node(&half, x, DTYPE_I8, 3, 3)->out[0];
    struct node *joined = NODE("Concat", first, second);
    node_set_int(joined, "axis", 1, &error);
    output(FUSED("QAdd", product, scale, zero, joined->out[0], scale, zero, scale, zero)->out[0]);
    check_bytes(-1);
}

/* Tables that are looked up by what makes their bytes: products, depthwise convolutions, parts of a Concat. One that
 * has another user has a step of its own. */
static void joined_tables(void)
{
    static const struct conv_case shapes[] = {{1, 16, 9, 7, 96, 1, 1, 1, 1, 1, {0}},
                                              {2, 8, 10, 9, 37, 3, 3, 1, 2, 1, {1, 1, 1, 1}},
                                              {1, 64, 16, 19, 64, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
                                              {2, 72, 9, 7, 72, 3, 3, 72, 1, 1, {1, 1, 1, 1}},
                                              {1, 8, 6, 32, 8, 5, 5, 8, 1, 1, {2, 2, 2, 2}}};
    for (size_t i = 3 % one_of(4); i < 40; i += one_of(4)) {
        const struct conv_case *t = &shapes[i % 5];
        enum dtype type = i / 5 % 2 ? DTYPE_I8 : DTYPE_U8, to = i / 10 % 2 ? DTYPE_I8 : DTYPE_U8;
        begin();
        struct value *x = byte_input("x", type, DIMS(t->n, t->c, t->h, t->w)),
                     *one = conv_node(t, x, DTYPE_I8, 3, (int)i % 7)->out[0],
                     *two = conv_node(t, x, DTYPE_I8, 3, (int)i % 7)->out[0],
                     *table = bytes(to, DIMS(256), to == DTYPE_I8 ? -128 : 0, 127);
        for (int j = 0; i / 4 % 2 && j < 256; j++) /* a line: it only changes scale and zero point */
            ((uint8_t *)table->constant->data)[j] = (uint8_t)((j * 180 / 256 + 9) ^ (to == DTYPE_I8 ? 0x80 : 0));
        struct node *joined = NODE("Concat", FUSED("QTable", one, table)->out[0], FUSED("QTable", two, table)->out[0]);
        node_set_int(joined, "axis", 1, &error);
        struct value *turned = NODE("Transpose", joined->out[0])->out[0];
        node_set_ints(turned->producer, "perm", INTS(0, 2, 3, 1), &error);
        struct value *product =
            node("nn", "QMatMul",
                 (struct value *[]){turned, scalar(DTYPE_F32, 0.02), scalar(to, 3),
                                    bytes(DTYPE_I8, DIMS(2 * t->out, 70), -128, 127), scales(70),
                                    bytes(DTYPE_I8, DIMS(70), 0, 0), scalar(DTYPE_F32, 0.5), scalar(to, 9), &none})
                ->out[0];
        output(FUSED("QTable", product, table)->out[0]);
        if (i % 8 == 7)
            output(two);
        else if (i % 5 != 2) /* Winograd's has one */
            kernel_barred = "table_8";
        check_bytes(-1);
    }
}

/* The bytes of a picture are what the network gives: a convolution was looked for beyond the list of their uses. */
static void a_picture_of_bytes(void)
{
    begin();
    output(
        NODE("QuantizeLinear", input("x", DIMS(1, 3, 9, 40)), scalar(DTYPE_F32, 0.02), scalar(DTYPE_U8, 131))->out[0]);
    check_bytes(-1);
}

int main(void)
{
    RUN(convolutions);
    RUN(wide_weights);
    RUN(many_filters);
    RUN(crossed_bounds);
    RUN(steep);
    RUN(runs);
    RUN(transposed_convolutions);
    RUN(convolved_integers);
    RUN(two_zeros);
    RUN(products);
    RUN(pairs);
    RUN(integer_pairs);
    RUN(dynamic_maps);
    RUN(dynamic_map_with_gaps);
    RUN(large_biases);
    RUN(cast_sums);
    RUN(integers);
    RUN(dynamic);
    RUN(joined_sums);
    RUN(sum_of_concat);
    RUN(joined_tables);
    RUN(a_picture_of_bytes);
    return TEST_END();
}
