/* What stands between DequantizeLinear and QuantizeLinear becomes one operator of whole numbers. */
#include "lab.h"
#include "op/quant.h"

static void number(struct lab *lab, char letter, enum dtype dtype, int rank, const int64_t *dims, double low,
                   double high)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &lab->err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, low + (high - low) * hash_uniform(&lab->seed));
    lab_tensor(lab, letter, t);
}

/* x, y, r: u8 images and rows, of scale s and t, zero point z and none; w, v: weights of one scale and of one a
 * channel, with the biases b and d; m: a matrix; h: real weights;
 * q: a bias of one element; n: a negative scale. */
static void start(struct lab *lab)
{
    static const int64_t channels = 6;
    lab_start(lab);
    lab->tolerance = 1.01 / 255; /* the whole sum is rounded once, and real ones twice: a step */
    lab->dtype = DTYPE_U8;
    lab->low = 0;
    lab->high = 255;
    lab_input(lab, 'x', DIMS(2, 4, 5, 6));
    lab_input(lab, 'y', DIMS(2, 4, 5, 6));
    lab_input(lab, 'r', DIMS(7, 6));
    lab->dtype = DTYPE_F32;
    number(lab, 's', DTYPE_F32, SCALAR, 0.03125, 0.03125);
    number(lab, 't', DTYPE_F32, SCALAR, 0.5, 0.5);
    number(lab, 'z', DTYPE_U8, SCALAR, 120, 120);
    number(lab, 'k', DTYPE_I8, SCALAR, -5, -5);
    number(lab, 'h', DTYPE_F32, DIMS(6, 4, 3, 3), -1, 1);
    number(lab, 'w', DTYPE_I8, DIMS(6, 4, 3, 3), -128, 127);
    number(lab, 'v', DTYPE_U8, DIMS(6, 2, 3, 3), 0, 255);
    number(lab, 'b', DTYPE_I32, DIMS(6), -3000, 3000);
    number(lab, 'm', DTYPE_I8, DIMS(6, 3), -128, 127);
    number(lab, 'j', DTYPE_I8, DIMS(3, 6), -128, 127);
    number(lab, 'e', DTYPE_I32, DIMS(3), -3000, 3000);
    number(lab, 'n', DTYPE_F32, SCALAR, -0.5, -0.5);
    number(lab, 'q', DTYPE_I32, DIMS(1), 3000, 3000);
    number(lab, 'u', DTYPE_I8, DIMS(6, 1), -128, 127);
    number(lab, 'p', DTYPE_F32, DIMS(6), 0.01, 0.02);
    number(lab, 'o', DTYPE_U8, DIMS(6), 100, 140);
    number(lab, 'a', DTYPE_F32, SCALAR, 0.0078125, 0.0078125);
    number(lab, 'c', DTYPE_F32, SCALAR, 0.03125 * 0.0078125, 0.03125 * 0.0078125);
    struct tensor *scales = tensor_new(DTYPE_F32, 1, &channels, &lab->err);
    for (int i = 0; i < 6; i++)
        tensor_set_f64(scales, i, (double)(float)(0.03125 * tensor_get_f64(lab->let['p']->constant, i)));
    lab_tensor(lab, 'd', scales);
    lab_let(lab, 'f', "DequantizeLinear(x,s,z)");
    lab_let(lab, 'g', "DequantizeLinear(y,t)");
}

static void fused_forms(void)
{
    static const struct {
        const char *expression, *op;
        int left; /* DequantizeLinear and QuantizeLinear nodes */
    } cases[] = {
        {"QuantizeLinear(Conv(f,DequantizeLinear(w,a)),t,z)", "QConv", 0},
        {"QuantizeLinear(Conv[pads=1;1;1;1,strides=2;2](f,DequantizeLinear(w,a),DequantizeLinear(b,c)),t,k)", "QConv",
         0},
        {"QuantizeLinear(Conv[group=2](f,DequantizeLinear[axis=0](v,p,o),DequantizeLinear[axis=0](b,d)),t,z)", "QConv",
         0},
        {"QuantizeLinear(Relu(Conv(f,DequantizeLinear(w,a))),t)", "QConv", 0},
        {"QuantizeLinear(Clip(Conv(f,DequantizeLinear(w,a),DequantizeLinear(b,c)),#-1,#6),s,k)", "QConv", 0},
        {"QuantizeLinear(Clip(Conv(f,DequantizeLinear(w,a)),#2,#1),s,k)", "QConv", 0},
        {"QuantizeLinear(Relu(Conv(f,DequantizeLinear(w,a))),n,z)", NULL, 3},
        {"QuantizeLinear(MatMul(f,DequantizeLinear(m,a)),t,z)", "QMatMul", 0},
        {"QuantizeLinear(Relu(Add(MatMul(f,DequantizeLinear(m,a)),DequantizeLinear(e,c))),t,z)", "QMatMul", 0},
        {"QuantizeLinear(Gemm(DequantizeLinear(r,s,z),DequantizeLinear(m,a),DequantizeLinear(e,c)),t)", "QMatMul", 0},
        {"QuantizeLinear(Gemm[transB=1](DequantizeLinear(r,s,z),DequantizeLinear(j,a)),t)", "QMatMul", 0},
        {"QuantizeLinear(Add(DequantizeLinear(e,c),Gemm[transB=1](DequantizeLinear(r,s,z),DequantizeLinear(j,a))),t,z)",
         "QMatMul", 0},
        {"Add(Gemm[transB=1](DequantizeLinear(r,s,z),DequantizeLinear(j,a)),DequantizeLinear(e,c))", "QMatMul", 0},
        {"QuantizeLinear(Gemm[alpha=2f](DequantizeLinear(r,s,z),DequantizeLinear(m,a)),t)", NULL, 3},
        {"QuantizeLinear(Add(f,g),t,z)", "QAdd", 0},
        {"QuantizeLinear(Relu(Mul(f,f)),t,z)", "QMul", 0},
        {"QuantizeLinear(Conv(f,DequantizeLinear(w,a),DequantizeLinear(b,a)),t,z)", NULL, 4},        /* another unit */
        {"QuantizeLinear(Add(MatMul(f,DequantizeLinear(m,a)),DequantizeLinear(q,c)),t,z)", NULL, 4}, /* one for all */
        {"QuantizeLinear(Gemm(DequantizeLinear(r,s,z),DequantizeLinear(m,a),DequantizeLinear(q,c)),t)", NULL, 4},
        {"QuantizeLinear(Add(MatMul(f,DequantizeLinear(u,a)),DequantizeLinear(e,c)),t,z)", NULL, 4}, /* it broadcasts */
        {"QuantizeLinear(Tanh(Conv(f,DequantizeLinear(w,a))),t,z)", "QConv", 1},
        {"Conv[pads=1;1;1;1](f,DequantizeLinear(w,a),DequantizeLinear(b,c))", "QConv", 0},
        {"Add(MatMul(f,DequantizeLinear(m,a)),DequantizeLinear(e,c))", "QMatMul", 0},
        {"Gemm[transB=1](DequantizeLinear(r,s,z),DequantizeLinear(j,a))", "QMatMul", 0},
        {"QuantizeLinear(MatMul(Transpose[perm=0;1;3;2](f),g),t,z)", NULL, 3},
        {"QuantizeLinear(ConvTranspose[strides=2;2,output_padding=1;0](f,l,DequantizeLinear(i,c)),t,z)",
         "QConvTranspose", 0},
        {"QuantizeLinear(Relu(ConvTranspose[group=2,pads=1;1;0;0](f,l)),t,z)", "QConvTranspose", 0},
        {"QuantizeLinear(AveragePool[kernel_shape=3;2,pads=1;0;1;1,strides=2;1](f),t,z)", "QAveragePool", 0},
        {"QuantizeLinear(AveragePool[kernel_shape=3;2,pads=1;0;1;1,count_include_pad=1,ceil_mode=1](f),t,z)",
         "QAveragePool", 0},
        {"QuantizeLinear(GlobalAveragePool(f),t,z)", "QReduceMean", 0},
        {"QuantizeLinear(ReduceMean[keepdims=0](f,#i1;3),t,z)", "QReduceMean", 0},
        {"QuantizeLinear(ReduceMean(f),t,z)", "QReduceMean", 0},
        {"QuantizeLinear(Relu(GlobalAveragePool(f)),t,z)", NULL, 2},
        {"QuantizeLinear(GlobalAveragePool(f),t,k)", NULL, 2}, /* of another type */
        {"QLinearConv(x,s,z,w,a,k,t,z,b)", "QConv", 0},
        {"QLinearMatMul(r,s,z,m,a,k,t,z)", "QMatMul", 0},
        {"QuantizeLinear(Conv(f,h),t,z)", NULL, 2},
        {"QuantizeLinear(Add(f,Neg(g)),t,z)", NULL, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        start(&lab);
        number(&lab, 'l', DTYPE_I8, DIMS(4, 2, 3, 2), -128, 127);
        number(&lab, 'i', DTYPE_I32, DIMS(2), -3000, 3000);
        lab_let(&lab, 'l', "DequantizeLinear(l,a)");
        const char *text = cases[i].expression;
        lab_output(&lab, "out", text);
        CHECK_MSG(lab_same(&lab, "fuse-qdq,fold-constants,dead-code"), "%s", text);
        if (cases[i].op)
            CHECK_MSG(lab_count(&lab, "nn", cases[i].op) == 1 && (cases[i].left || lab_count(&lab, NULL, NULL) == 1),
                      "%s: %s", text, lab_ops(&lab));
        int left = lab_count(&lab, "", "DequantizeLinear") + lab_count(&lab, "", "QuantizeLinear");
        CHECK_MSG(left == cases[i].left, "%s: %s", text, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* A bias of floats, weights of 4 bits, a difference; what moves elements between, parts of a Split, Where. */
static void loose_forms(void)
{
    static const struct {
        const char *expression, *op;
        int count;
    } cases[] = {
        {"QuantizeLinear(Conv(f,DequantizeLinear(w,a),i),t,z)", "QConv", 1},
        {"QuantizeLinear(Conv(f,DequantizeLinear(l,a),i),t,z)", "QConv", 1},
        {"Conv(f,DequantizeLinear(l,a),i)", "QConv", 1},
        {"Sigmoid(Conv(f,DequantizeLinear(w,a)))", "QConv", 1},
        {"QuantizeLinear(Sub(f,g),t,z)", "QAdd", 1},
        {"QuantizeLinear(Transpose[perm=0;2;3;1](Conv(f,DequantizeLinear(w,a))),t,z)", "QConv", 1},
        {"QuantizeLinear(MaxPool[kernel_shape=2;2](Relu(Conv(f,DequantizeLinear(w,a)))),t,z)", "QConv", 1},
        {"Conv(MaxPool[kernel_shape=2;2](f),DequantizeLinear(w,a))", "QConv", 1},
        {"Conv(Pad(Concat[axis=2](f,f),#i0;0;1;1;0;0;0;1),DequantizeLinear(w,a))", "QConv", 1},
        {"QuantizeLinear(Where(Greater(x,y),f,g),t,z)", "QTable", 2},
        {"QuantizeLinear(Split#2[axis=1,num_outputs=2](f),t,z)", "QTable", 1},
        /* A bias of more axes than the product has gives the sum its own; a negative scale turns the order round. */
        {"QuantizeLinear(Add(MatMul(DequantizeLinear(r,s,z),DequantizeLinear(m,a)),e),t,z)", "QMatMul", 0},
        {"QuantizeLinear(MaxPool[kernel_shape=2;2](Relu(Conv(f,DequantizeLinear(w,a)))),n,z)", "QConv", 1},
        {"Conv(MaxPool[kernel_shape=2;2](DequantizeLinear(x,n,z)),DequantizeLinear(w,a))", "QConv", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        start(&lab);
        number(&lab, 'i', DTYPE_F32, DIMS(6), -1, 1);
        struct tensor *deep = tensor_new(DTYPE_F32, DIMS(1, 1, 3), &lab.err);
        lab.let['e'] = graph_add_constant(lab.g, NULL, deep, &lab.err);
        number(&lab, 'l', DTYPE_I4, DIMS(6, 4, 3, 3), -8, 7);
        lab_output(&lab, "out", cases[i].expression);
        CHECK_MSG(lab_same(&lab, "tabulate,fuse-qdq,fuse-activation,fold-constants,dead-code"), "%s",
                  cases[i].expression);
        CHECK_MSG(lab_count(&lab, "nn", cases[i].op) == cases[i].count, "%s: %s", cases[i].expression, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* Values that are needed as numbers, too, stay; a chain of layers has nothing real inside. */
static void chains(void)
{
    struct lab lab;
    start(&lab);
    lab_let(&lab, 'n', "Conv[pads=1;1;1;1](f,DequantizeLinear(w,a))");
    lab_output(&lab, "q", "QuantizeLinear(n,t,z)");
    lab_output(&lab, "out", "Neg(n)");
    CHECK(lab_same(&lab, "fuse-qdq,dead-code"));
    CHECK_MSG(strcmp(lab_ops(&lab), "nn.QConv QuantizeLinear Neg") == 0, "%s", lab_ops(&lab));
    lab_end(&lab);

    start(&lab);
    lab_let(&lab, 'f', "DequantizeLinear(QuantizeLinear(Relu(Conv[pads=1;1;1;1](f,DequantizeLinear(w,a))),t,z),t,z)");
    lab_let(&lab, 'g', "DequantizeLinear(QuantizeLinear(Add(f,f),t,z),t,z)");
    lab_output(&lab, "out", "QuantizeLinear(MatMul(g,DequantizeLinear(m,a)),t,z)");
    CHECK(lab_same(&lab, "fuse-qdq,dead-code"));
    CHECK_MSG(strcmp(lab_ops(&lab), "nn.QConv nn.QAdd nn.QMatMul") == 0, "%s", lab_ops(&lab));
    lab_end(&lab);

    start(&lab);
    number(&lab, 'l', DTYPE_I8, DIMS(4, 1, 3, 3), -128, 127);
    lab_output(&lab, "out", "Neg(Conv[group=4](f,DequantizeLinear(l,a)))"); /* channel by channel, and not rounded */
    CHECK(lab_same(&lab, "fuse-qdq,fold-constants,dead-code"));
    CHECK_MSG(strcmp(lab_ops(&lab), "DequantizeLinear DequantizeLinear Conv Neg") == 0, "%s", lab_ops(&lab));
    lab_end(&lab);
}

/* Integers are moved as they are where the scale is one, and only there. */
static void moves(void)
{
    static const struct {
        const char *expression;
        const char *ops; /* what is left */
    } cases[] = {
        {"Identity(QuantizeLinear(DequantizeLinear(x,s,z),s,z))", "Identity"},
        {"QuantizeLinear(Reshape(f,#i2;20;6),s,z)", "Reshape"},
        {"QuantizeLinear(Transpose[perm=0;2;3;1](f),s,z)", "Transpose"},
        {"QuantizeLinear(Concat[axis=1](f,DequantizeLinear(y,s,z),f),s,z)", "Concat"},
        {"QuantizeLinear(Slice(f,#i1,#i3,#i1),s,z)", "Slice"},
        {"QuantizeLinear(Unsqueeze(Tile(f,#i1;2;1;1),#i0),s,z)", "DequantizeLinear Tile Unsqueeze QuantizeLinear"},
        {"QuantizeLinear(Concat[axis=1](f,g),s,z)", "DequantizeLinear DequantizeLinear Concat QuantizeLinear"},
        {"QuantizeLinear(Reshape(f,#i2;20;6),t,z)", "DequantizeLinear Reshape QuantizeLinear"},
        {"QuantizeLinear(Reshape(f,#i2;20;6),s,i)", "DequantizeLinear Reshape QuantizeLinear"},
        {"QuantizeLinear(Reshape(f,#i2;20;6),s,k)", "DequantizeLinear Reshape QuantizeLinear"},
        {"QuantizeLinear(Neg(f),s,z)", "DequantizeLinear Neg QuantizeLinear"},
        {"QuantizeLinear(MaxPool[kernel_shape=3;3,pads=1;1;1;1](f),s,z)", "MaxPool"},
        {"QuantizeLinear(Resize(f,-,c),s,z)", "Resize"},
        {"QuantizeLinear(Pad(f,#i0;1;0;0;0;0;2;0),s,z)", "Pad"},
        {"QuantizeLinear(Pad(f,#i0;1;0;0;0;0;2;0,#0),s,z)", "Pad"},
        {"QuantizeLinear(Pad[mode=reflect](f,#i0;1;0;0;0;0;2;0),s,z)", "Pad"},
        {"QuantizeLinear(Pad(f,#i0;1;0;0;0;0;2;0,#1),s,z)", "DequantizeLinear Pad QuantizeLinear"},
        {"QuantizeLinear(Resize[mode=linear](f,-,c),s,z)", "DequantizeLinear Resize QuantizeLinear"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        start(&lab);
        number(&lab, 'i', DTYPE_U8, SCALAR, 3, 3);
        number(&lab, 'l', DTYPE_F32, DIMS(4), 1, 1);
        tensor_set_f64(lab.let['l']->constant, 3, 2);
        lab.let['c'] = lab.let['l'];
        lab.tolerance = 0;
        lab_output(&lab, "out", cases[i].expression);
        CHECK_MSG(lab_same(&lab, "move-quantized,dead-code") && strcmp(lab_ops(&lab), cases[i].ops) == 0, "%s: %s",
                  cases[i].expression, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* In numbers, to the bit. */
static void in_numbers(void)
{
    static const struct {
        const char *expression;
        int left; /* DequantizeLinear and QuantizeLinear nodes */
    } cases[] = {
        {"DequantizeLinear(QuantizeLinear(l,s,z),s,z)", 0},
        {"DequantizeLinear(QuantizeLinear(l,s,k),s,k)", 0},
        {"DequantizeLinear(QuantizeLinear(l,s),s)", 0},
        {"DequantizeLinear(QuantizeLinear(l,s,z),t,z)", 2},
        {"DequantizeLinear(QuantizeLinear(l,s,z),s)", 2},
        {"DequantizeLinear(QuantizeLinear(l,p,o),p,o)", 0},
        {"DequantizeLinear(QuantizeLinear(l,p),p)", 0},
        {"DequantizeLinear[axis=0](QuantizeLinear[axis=0](Slice(l,#i0,#i6),p),p)", 0},
        {"DequantizeLinear(Abs(QuantizeLinear(l,s,k)),s,k)", 2},
        {"DequantizeLinear(QuantizeLinear(Mul(l,#0),i,z),i,z)", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        start(&lab);
        lab.dtype = DTYPE_F32;
        lab.low = -9;
        lab.high = 9;
        lab_input(&lab, 'l', DIMS(50, 6)); /* beyond both ends */
        number(&lab, 'i', DTYPE_F32, SCALAR, 0, 0);
        lab.tolerance = 0;
        lab_output(&lab, "out", cases[i].expression);
        CHECK_MSG(lab_same(&lab, "fake-quantize,fold-constants,dead-code"), "%s", cases[i].expression);
        int left = lab_count(&lab, "", "DequantizeLinear") + lab_count(&lab, "", "QuantizeLinear");
        CHECK_MSG(left == cases[i].left, "%s: %s", cases[i].expression, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* Channels with scales of their own between convolutions, the second one depthwise. */
static void channel_scales(void)
{
    static const struct {
        const char *before, *after; /* what is rounded, and what becomes of it */
        const char *ops;            /* NULL: the scales stay */
    } cases[] = {
        {"Conv(f,DequantizeLinear(w,a))", "DequantizeLinear[axis=0](l,p)", "nn.QConv nn.QConv"},
        {"Relu(Conv(f,DequantizeLinear[axis=0](w,p),i))", "DequantizeLinear(l,a)", "nn.QConv nn.QConv"},
        {"Clip(Conv(f,DequantizeLinear(w,a)),#0,#6)", "g", "nn.QConv nn.QConv"}, /* no scale goes beyond 6 */
        {"Clip(Conv(f,DequantizeLinear(w,a)),#0,#2)", "g", "nn.QConv Clip Div QuantizeLinear nn.QConv"},
        {"Relu(Conv(f,h))", "g", "DequantizeLinear Conv Relu QuantizeLinear nn.QConv"},
        {"Slice(Concat[axis=1](f,f),#i0,#i6,#i1)", "g", "DequantizeLinear Concat Slice Div QuantizeLinear nn.QConv"},
        {"Conv(f,DequantizeLinear(w,a))", "DequantizeLinear(v,a)", NULL}, /* not depthwise */
    };
    static const char passes[] = "common-scale,fold-scale,fuse-qdq,fold-constants,dead-code,recognise-activations";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lab lab;
        char text[300];
        start(&lab);
        number(&lab, 'l', DTYPE_I8, DIMS(6, 1, 3, 2), -128, 127);
        number(&lab, 'g', DTYPE_F32, DIMS(6, 1, 3, 2), -2, 2);
        number(&lab, 'i', DTYPE_F32, DIMS(6), -3, 3);
        snprintf(text, sizeof text, "DequantizeLinear[axis=1](QuantizeLinear[axis=1](%s,p),p)", cases[i].before);
        lab_let(&lab, 'y', text);
        snprintf(text, sizeof text, "QuantizeLinear(Relu(Conv[group=%d,pads=1;0;1;1](y,%s)),s,z)",
                 cases[i].ops ? 6 : 3, cases[i].after);
        lab_output(&lab, "out", text);
        CHECK_MSG(lab_same(&lab, passes), "%s", cases[i].before);
        if (cases[i].ops)
            CHECK_MSG(strcmp(lab_ops(&lab), cases[i].ops) == 0, "%s: %s", cases[i].before, lab_ops(&lab));
        else
            CHECK_MSG(lab_count(&lab, "", "Mul") == 0, "%s: %s", cases[i].before, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* Arithmetic that quantises comes back as such when range, zero point and scale belong together. */
static void recognised(void)
{
#define BY(bounds) "Clip(Round(Div(l,#0.25))," bounds ")"
    static const struct {
        const char *expression, *ops;
    } cases[] = {
        {"Mul(" BY("#-128,#127") ",#0.25)", "QuantizeLinear DequantizeLinear"},
        {"Mul(" BY("#0,#255") ",#0.25)", "QuantizeLinear DequantizeLinear"},
        {"Mul(" BY("#-7,#248") ",#0.25)", "QuantizeLinear DequantizeLinear"},
        {"Mul(Round(Clip(Div(l,#0.25),#-9,#246)),#0.25)", "QuantizeLinear DequantizeLinear"},
        {"Mul(Sub(Clip(Add(Round(Div(l,#0.25)),#3),#0,#255),#3),#0.25)", "QuantizeLinear DequantizeLinear"},
        {"Mul(Sub(Clip(Add(Round(Div(l,#0.25)),#-5),#-128,#127),#-5),#0.25)", "QuantizeLinear DequantizeLinear"},
        {"Mul(" BY("#-127,#127") ",#0.25)", "Div Round Clip Mul"},
        {"Mul(" BY("#1,#256") ",#0.25)", "Div Round Clip Mul"},
        {"Mul(" BY("#-7.5,#247.5") ",#0.25)", "Div Round Clip Mul"},
        {"Mul(" BY("#0,#255") ",#0.5)", "Div Round Clip Mul"},
        {"Mul(Sub(Clip(Add(Round(Div(l,#0.25)),#3),#0,#255),#2),#0.25)", "Div Round Add Clip Sub Mul"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab.low = -90;
        lab.high = 90;
        lab_input(&lab, 'l', DIMS(50, 6)); /* beyond both ends */
        lab.tolerance = 0;
        lab_output(&lab, "out", cases[i].expression);
        CHECK_MSG(lab_same(&lab, "recognise-quantize,dead-code"), "%s", cases[i].expression);
        CHECK_MSG(strcmp(lab_ops(&lab), cases[i].ops) == 0, "%s: %s", cases[i].expression, lab_ops(&lab));
        lab_end(&lab);
    }
#undef BY
}

/* What works on each element alone is a table, to the bit; other scales come before what moves. */
static void tables(void)
{
    static const struct {
        const char *expression, *ops;
    } cases[] = {
        {"QuantizeLinear(Sigmoid(f),a)", "nn.QTable"},
        {"QuantizeLinear(Mul(f,DequantizeLinear(QuantizeLinear(Sigmoid(f),a),a)),t,k)", "nn.QTable"},
        {"QuantizeLinear(Clip(Div(Add(f,#3),#6),#0,#1),t,z)", "nn.QTable"},
        {"QuantizeLinear(DequantizeLinear(QuantizeLinear(Neg(f),a,k),a,k),t)", "nn.QTable"},
        {"QuantizeLinear(f,t,k)", "nn.QTable"},
        {"QuantizeLinear(Mul(f,DequantizeLinear(k,a)),t,z)", "nn.QTable"},
        {"QuantizeLinear(Mul(f,DequantizeLinear(QuantizeLinear(Add(Erf(f),DequantizeLinear(k,a)),a,k),a,k)),t,z)",
         "nn.QTable"},
        {"QuantizeLinear(Tanh(DequantizeLinear(QuantizeLinear(Add(f,g),t,z),t,z)),a)",
         "DequantizeLinear DequantizeLinear Add QuantizeLinear nn.QTable"},
        {"QuantizeLinear(Mul(f,g),t)", "DequantizeLinear DequantizeLinear Mul QuantizeLinear"},
        {"QuantizeLinear(Add(f,h),t)", "DequantizeLinear Add QuantizeLinear"},
        {"QuantizeLinear(Reshape(f,#i2;20;6),t,z)", "nn.QTable Reshape"},
        {"QuantizeLinear(Concat[axis=1](f,g),s,z)", "nn.QTable Concat"},
        {"QuantizeLinear(MaxPool[kernel_shape=2;2](f),t,k)", "nn.QTable MaxPool"},
        {"QuantizeLinear(Pad(f,#i0;1;0;0;0;0;2;0),t,k)", "nn.QTable Pad"},
        {"QuantizeLinear(Resize[mode=linear](f,-,i),s,z)", "Resize"},
        {"QuantizeLinear(Resize[mode=cubic](f,-,i),s,z)", "Resize"},
        {"QuantizeLinear(Resize[mode=linear](f,-,i),t,z)", "DequantizeLinear Resize QuantizeLinear"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        start(&lab);
        lab.dtype = DTYPE_F32;
        lab.low = -1;
        lab.high = 1;
        lab_constant(&lab, 'l', DIMS(4, 1, 1));
        lab.let['h'] = lab.let['l'];
        number(&lab, 'i', DTYPE_F32, DIMS(4), 1, 1);
        tensor_set_f64(lab.let['i']->constant, 3, 2);
        lab.tolerance = 0;
        lab_output(&lab, "out", cases[i].expression);
        CHECK_MSG(lab_same(&lab, "tabulate,move-quantized,dead-code") && strcmp(lab_ops(&lab), cases[i].ops) == 0,
                  "%s: %s", cases[i].expression, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* A chain that branches and meets again is looked through in bounded time. */
static void long_chains(void)
{
    struct lab lab;
    start(&lab);
    lab.tolerance = 0;
    for (int i = 0; i < 60; i++)
        lab_let(&lab, 'f', "DequantizeLinear(QuantizeLinear(Add(f,Mul(f,#0.5)),t,z),t,z)");
    lab_output(&lab, "out", "QuantizeLinear(f,t,z)");
    CHECK(lab_same(&lab, "tabulate,dead-code") && lab_count(&lab, "nn", "QTable") >= 1);
    lab_end(&lab);
}

/* A bias of floats that are whole numbers of units, to rounding, is these. */
static void whole_biases(void)
{
    for (int whole = 0; whole < 2; whole++) {
        struct lab lab;
        start(&lab);
        number(&lab, 'i', DTYPE_F32, DIMS(6), -1, 1);
        const struct tensor *counts = lab.let['b']->constant, *unit = lab.let['c']->constant;
        for (int64_t k = 0; whole && k < 6; k++)
            tensor_set_f64(lab.let['i']->constant, k, tensor_get_f64(counts, k) * tensor_get_f64(unit, 0));
        lab_output(&lab, "out", "QuantizeLinear(Conv(f,DequantizeLinear(w,a),i),t,z)");
        CHECK(lab_same(&lab, "fuse-qdq"));
        const struct node *n = lab_find(&lab, "QConv");
        CHECK(n && node_in(n, 8) && n->in[8]->type.dtype == (whole ? DTYPE_I32 : DTYPE_F32));
        for (int64_t k = 0; n && whole && k < 6; k++)
            CHECK(tensor_get_i64(n->in[8]->constant, k) == tensor_get_i64(counts, k));
        lab_end(&lab);
    }
}

/* Bytes that only scales and what moves them see change their type and nothing else; l: of s8 from elsewhere. */
static void turned_bytes(void)
{
    static const struct {
        const char *expression;
        int below, turned; /* QuantizeLinear and DequantizeLinear nodes */
    } cases[] = {
        {"DequantizeLinear(QuantizeLinear(f,t,k),t,k)", QUANT_ANY, 2},
        {"DequantizeLinear(QuantizeLinear(f,t,k),t,k)", -4, 2},
        {"DequantizeLinear(QuantizeLinear(f,t,k),t,k)", -5, 0},
        {"DequantizeLinear(MaxPool[kernel_shape=2;2](Concat[axis=2](QuantizeLinear(f,t,k),QuantizeLinear(g,t,k))),t,k)",
         QUANT_ANY, 3},
        {"DequantizeLinear(Concat[axis=0](QuantizeLinear(f,t,k),l),t,k)", QUANT_ANY, 0},
        {"DequantizeLinear(Neg(QuantizeLinear(f,t,k)),t,k)", QUANT_ANY, 0},
        {"QuantizeLinear(f,t,k)", QUANT_ANY, 0},
        {"DequantizeLinear(QuantizeLinear(f,t,z),t,z)", QUANT_ANY, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        int turned = 0;
        start(&lab);
        lab.tolerance = 0;
        number(&lab, 'l', DTYPE_I8, DIMS(2, 4, 5, 6), -128, 127);
        lab_output(&lab, "out", cases[i].expression);
        op_resolve(lab.g);
        CHECK(op_infer_graph(lab.g, &lab.err) == 0);
        struct graph *before = graph_clone(lab.g, &lab.err);
        CHECK(op_turn_bytes(lab.g, DTYPE_U8, cases[i].below, &lab.err) == 0);
        CHECK_MSG(lab_sound(&lab, lab.g) && lab_compare(&lab, before, lab.g), "%s", cases[i].expression);
        for (const struct node *n = lab.g->first; n; n = n->next)
            turned += node_in(n, 2) && n->in[2]->constant && tensor_get_i64(n->in[2]->constant, 0) == 123;
        CHECK_MSG(turned == cases[i].turned, "%s: %d", cases[i].expression, turned);
        graph_free(before);
        lab_end(&lab);
    }
}

int main(void)
{
    RUN(fused_forms);
    RUN(loose_forms);
    RUN(whole_biases);
    RUN(turned_bytes);
    RUN(recognised);
    RUN(tables);
    RUN(long_chains);
    RUN(chains);
    RUN(moves);
    RUN(in_numbers);
    RUN(channel_scales);
    return TEST_END();
}
