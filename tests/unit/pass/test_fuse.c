/* Biases, residuals and activations into the node before. */
#include "lab.h"

#define FUSE "matmul-add,fuse-residual,fuse-activation,fold-shapes,remove-identity,dead-code"

static void build(struct lab *lab)
{
    lab_start(lab);
    lab->tolerance = 1e-5;
    lab_input(lab, 'x', DIMS(1, 4, 5, 6));
    lab_input(lab, 'z', DIMS(1, 4, 5, 6));
    lab_constant(lab, 'w', DIMS(4, 4, 3, 3));
    lab_constant(lab, 'v', DIMS(4, 4, 1, 1));
    lab_constant(lab, 'b', DIMS(4));
    lab_constant(lab, 'm', DIMS(6, 6));
    lab_constant(lab, 'n', DIMS(6));
    lab_constant(lab, 'g', DIMS(4, 4));
    lab_constant(lab, 'u', DIMS(4, 2, 2, 2));
}

static const char *activation(const struct lab *lab, const char *op)
{
    const struct node *n = lab_find(lab, op);
    return n && n->domain[0] ? op_string(n, "activation") : "none";
}

static void becomes(const char *expression, const char *ops)
{
    struct lab lab;
    build(&lab);
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, FUSE);
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became \"%s\", want \"%s\"", expression, lab_ops(&lab), ops);
    CHECK_STR(lab.g->outputs[0]->name, "y");
    lab_end(&lab);
}

#define CONV "Conv[pads=1;1;1;1](x,w,b)"

/* [2, 3, 4, 5] of Q, [2, 3, 5, 6] of K, [2, 3, 6, 4] of V, and what is added to scores. */
static void attends(const char *expression, const char *ops)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    lab_input(&lab, 'q', DIMS(2, 3, 4, 5));
    lab_input(&lab, 'k', DIMS(2, 3, 5, 6));
    lab_input(&lab, 'v', DIMS(2, 3, 6, 4));
    lab_input(&lab, 'u', DIMS(2, 1, 6, 4));
    lab_input(&lab, 'l', DIMS(2, 1, 5, 6));
    lab_input(&lab, 'm', DIMS(4, 6));
    lab_input(&lab, 'w', DIMS(2, 2, 3, 4, 6));
    lab_constant(&lab, 'c', DIMS(6, 4));
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, "fuse-attention,dead-code");
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became \"%s\", want \"%s\"", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

static void attention(void)
{
    attends("MatMul(Softmax(MatMul(q,k)),v)", "nn.Attention");
    attends("MatMul(Softmax[axis=3](Mul(MatMul(q,k),#0.5)),v)", "nn.Attention");
    attends("MatMul(Softmax(Add(Div(MatMul(q,k),#8),m)),v)", "nn.Attention");
    attends("MatMul(Softmax(Add(m,MatMul(q,k))),v)", "nn.Attention");
    attends("MatMul(Softmax(MatMul(Mul(q,#0.5),k)),v)", "nn.Attention"); /* scores of scaled operands */
    attends("MatMul(Softmax(Add(MatMul(Mul(#0.5,q),Mul(k,#0.75)),m)),v)", "nn.Attention");
    attends("MatMul(Softmax[axis=2](MatMul(q,k)),v)", "MatMul Softmax MatMul");
    attends("MatMul(Softmax(Add(w,MatMul(q,k))),v)", "MatMul Add Softmax MatMul"); /* it would widen the scores */
    attends("MatMul(Softmax(MatMul(q,k)),c)", "MatMul Softmax MatMul");
    attends("MatMul(Softmax(MatMul(q,k)),u)", "MatMul Softmax MatMul"); /* not the heads of K */
    attends("MatMul(Softmax(MatMul(q,l)),u)", "nn.Attention");
    attends("MatMul(Softmax(Where(Greater(m,#2),#-inf,MatMul(q,k))),v)", "Greater Where nn.Attention");
    attends("MatMul(Softmax(Where(Greater(m,#0),Div(MatMul(q,k),#2),#-3e38)),v)", "Greater Where nn.Attention");
    attends("MatMul(Softmax(Where(Greater(m,#0),#-9,MatMul(q,k))),v)", "Greater MatMul Where Softmax MatMul");
}

static void activations(void)
{
    static const char *const functions[] = {
        "Relu(%s)",
        "Clip(%s,#0,#6)",
        "Clip(%s,-,#2)",
        "LeakyRelu[alpha=0.2f](%s)",
        "Elu(%s)",
        "Selu(%s)",
        "HardSigmoid[alpha=0.3f,beta=0.4f](%s)",
        "HardSwish(%s)",
        "Sigmoid(%s)",
        "Tanh(%s)",
        "Softplus(%s)",
        "Swish[alpha=1.5f](%s)",
        "Gelu(%s)",
        "Gelu[approximate=tanh](%s)",
        "Mish(%s)",
        "ThresholdedRelu[alpha=0.5f](%s)",
    };
    char text[200];
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        snprintf(text, sizeof(text), functions[i], CONV);
        becomes(text, "nn.Conv");
        snprintf(text, sizeof(text), functions[i], "Mul(x,z)");
        becomes(text, "nn.Mul");
        snprintf(text, sizeof(text), functions[i], "ConvTranspose(x,u)");
        becomes(text, "nn.ConvTranspose");
        snprintf(text, sizeof(text), functions[i], "MatMul(x,m)");
        becomes(text, "nn.MatMul");
    }
    becomes("Shrink(" CONV ")", "Conv Shrink");
    becomes("Clip(" CONV ",#0,ReduceMax[keepdims=0](z))", "Conv ReduceMax Clip");
    becomes("Relu(Sigmoid(Sub(x,z)))", "nn.Sub Relu");
    becomes("Relu(Reshape(Transpose(Div(x,z)),#i4;30))", "nn.Div Transpose Reshape");
}

static void shared_results(void)
{
    struct lab lab;
    build(&lab);
    lab_let(&lab, 'c', CONV);
    lab_output(&lab, "y", "Relu(c)");
    lab_output(&lab, "p", "Neg(c)");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "Conv Relu Neg");
    lab_end(&lab);

    build(&lab);
    lab.let['c'] = lab_output(&lab, "p", CONV);
    lab_output(&lab, "y", "Relu(c)");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "Conv Relu");
    lab_end(&lab);
}

static void residuals(void)
{
    struct lab lab;
    build(&lab);
    lab_output(&lab, "y", "Relu(Add(" CONV ",z))");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "nn.Conv");
    CHECK(op_int(lab_find(&lab, "Conv"), "residual_last") == 0);
    CHECK_STR(activation(&lab, "Conv"), "Relu");
    lab_end(&lab);

    build(&lab);
    lab_output(&lab, "y", "Add(z,Relu(" CONV "))");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "nn.Conv");
    CHECK(op_int(lab_find(&lab, "Conv"), "residual_last") == 1);
    lab_end(&lab);

    becomes("Add(" CONV ",Conv(x,v))", "Conv nn.Conv");
    becomes("Relu(Add(z,Relu(" CONV ")))", "nn.Conv nn.Add");
    becomes("Add(" CONV ",Exp(z))", "Exp nn.Conv");                    /* the residual comes first */
    becomes("Add(" CONV ",ReduceMax(z,#i2;3))", "Conv ReduceMax Add"); /* broadcast */
    becomes("Add(" CONV ",#1)", "Conv Add");
    becomes("Add(MatMul(x,m),z)", "nn.MatMul");
    becomes("Add(ConvTranspose[pads=0;0;1;1,group=2](x,u),z)", "ConvTranspose Add");
    becomes("Add(Transpose[perm=0;2;1;3](MatMul(Transpose[perm=0;2;1;3](x),m)),z)",
            "Transpose Transpose nn.MatMul Transpose");
    becomes("Add(Transpose[perm=0;3;1;2](MatMul(Transpose[perm=0;2;3;1](x),g)),z)",
            "Transpose Transpose nn.MatMul Transpose");
}

/* The other operand made of the convolution's result, and of what is made after it. */
static void residuals_in_order(void)
{
    struct lab lab;
    build(&lab);
    lab_let(&lab, 'c', CONV);
    lab_output(&lab, "y", "Add(c,Exp(c))");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "Conv Exp Add");
    lab_end(&lab);

    build(&lab);
    lab_let(&lab, 'c', CONV);
    lab_let(&lab, 'e', "Exp(Neg(z))");
    lab_output(&lab, "y", "Add(c,e)");
    lab_output(&lab, "p", "Abs(e)");
    CHECK(lab_same(&lab, FUSE));
    CHECK(lab_count(&lab, "", "Add") == 0);
    lab_end(&lab);

    build(&lab);
    lab_let(&lab, 'c', CONV);
    lab_output(&lab, "y", "Add(c,c)");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "Conv Add");
    lab_end(&lab);
}

static void symbolic_dims(void)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    for (int i = 0; i < 2; i++) {
        struct value *v = lab_input(&lab, "xz"[i], DIMS(1, 4, 3, 3));
        v->type.dims[2] = graph_symbol(lab.g, "H", &lab.err);
    }
    lab_constant(&lab, 'w', DIMS(4, 4, 3, 3));
    lab_output(&lab, "y",
               "Add("
               "Conv[pads=1;1;1;1](x,w)"
               ",z)");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "nn.Conv");
    lab_end(&lab);

    /* another symbol may be 1: then it is a broadcast */
    lab_start(&lab);
    lab.tolerance = 1e-5;
    for (int i = 0; i < 2; i++) {
        struct value *v = lab_input(&lab, "xz"[i], DIMS(1, 4, 3, 3));
        v->type.dims[2] = graph_symbol(lab.g, i ? "H" : "K", &lab.err);
    }
    lab_constant(&lab, 'w', DIMS(4, 4, 3, 3));
    lab_output(&lab, "y",
               "Add("
               "Conv[pads=1;1;1;1](x,w)"
               ",z)");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "Conv Add");
    lab_end(&lab);
}

/* x [2, 3, 8], w [8, 6]. */
static void product(const char *expression, const char *ops)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    lab_input(&lab, 'x', DIMS(2, 3, 8));
    lab_input(&lab, 'r', DIMS(2, 3, 6));
    lab_constant(&lab, 'w', DIMS(8, 6));
    lab_constant(&lab, 'v', DIMS(6, 8));
    lab_constant(&lab, 'b', DIMS(6));
    lab_constant(&lab, 'c', DIMS(1, 1, 6));
    lab_constant(&lab, 'd', DIMS(3, 6));
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, FUSE);
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became \"%s\", want \"%s\"", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

#define ROWS "Reshape(x,#i6;8)"
#define GEMM "Gemm[transB=1](" ROWS ",v,b)"

static void products(void)
{
    product("Add(MatMul(x,w),b)", "nn.MatMul");
    product("Add(c,MatMul(x,w))", "nn.MatMul");
    product("Add(MatMul(x,w),#2)", "nn.MatMul");
    product("Add(MatMul(x,w),d)", "MatMul Add");
    product("Reshape(" GEMM ",#i2;3;6)", "nn.MatMul");
    product("Reshape(Gemm[alpha=0.5f,beta=3.0f](" ROWS ",w,b),#i2;3;6)", "nn.MatMul");
    product("Reshape(Gemm[transB=1,alpha=0.5f](" ROWS ",v,b),#i2;3;6)", "nn.MatMul");
    product("Reshape(Gemm[alpha=0.5f](" ROWS ",w,#2),#i2;3;6)", "nn.MatMul");
    product("Gelu(Reshape(" GEMM ",#i2;3;6))", "nn.MatMul");
    product("Add(r,Reshape(" GEMM ",#i2;3;6))", "nn.MatMul");
    product("MatMul(Relu(Reshape(" GEMM ",#i2;3;6)),v)", "nn.MatMul MatMul");
    product("Add(r,Transpose[perm=1;0;2](Reshape(" GEMM ",#i3;2;6)))", "Transpose Reshape nn.MatMul Reshape Transpose");
    product("Reshape(Gemm(Reshape(Transpose[perm=0;2;1](x),#i6;8),w,b),#i2;3;6)", "Transpose Reshape nn.MatMul");
    product("Reshape(Gemm[transB=1](Reshape(Transpose[perm=0;2;1](x),#i6;8),v,b),#i2;3;6)",
            "Transpose Reshape nn.MatMul");
    product("Gemm[transA=1](Transpose(" ROWS "),w,b)", "Reshape Transpose Gemm");
    product("Reshape(Add(Gemm(" ROWS ",nn.Dequantize(Cast[to=10](w))),b),#i2;3;6)", "Cast nn.Dequantize nn.MatMul");
    product("Reshape(Gemm[transB=1](" ROWS ",nn.Dequantize(Cast[to=10](v)),b),#i2;3;6)",
            "Cast nn.Dequantize nn.MatMul");
    product("Gemm[alpha=0.5f](" ROWS ",nn.Dequantize(Cast[to=10](w)),b)", "Reshape Cast nn.Dequantize Gemm");
}

/* A matrix stays as it is stored: large ones are neither copied nor turned. */
static void matrix_as_stored(void)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    lab_input(&lab, 'x', DIMS(40, 8));
    struct value *v = lab_constant(&lab, 'v', DIMS(6, 8));
    const struct tensor *stored = v->constant;
    lab_constant(&lab, 'b', DIMS(6));
    lab_output(&lab, "y", "Relu(Gemm[transB=1](x,v,b))");
    CHECK(lab_same(&lab, FUSE));
    CHECK_STR(lab_ops(&lab), "nn.MatMul");
    CHECK(lab.g->last && lab.g->last->in[1]->constant == stored);
    lab_end(&lab);
}

/* Convolutions over one value, added up, are one: smaller kernels inside larger ones, scales and shifts as a tap, in
 * chains; not where taps would lie outside, or anything else differs. */
static void merged_branches(void)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"Add(Conv(x,p),Conv(x,q))", "Conv"},
        {"Add(Conv(x,p,b),Conv[pads=1;1;1;1](x,w))", "Conv"},
        {"Add(Conv[strides=2;1](x,p),Conv[pads=1;0;1;2,strides=2;1](x,w,b))", "Conv"},
        {"Add(Add(Conv[pads=1;1;1;1](x,w,b),Conv(x,p,b)),BatchNormalization(x,b,b,b,a))", "Conv"},
        {"Add(Mul(x,#2),Conv[pads=1;1;1;1,group=2](x,g))", "Conv"},
        {"Add(Conv[pads=2;2;2;2,dilations=2;2](x,w),Conv[pads=2;2;2;2,dilations=2;2](x,v))", "Conv"},
        {"Relu(Add(Conv[pads=1;1;1;1,group=4](x,d),Conv[group=4](x,c,b)))", "Conv Relu"},
        {"Add(Conv[pads=2;2;2;2,dilations=2;2](x,w),Conv(x,p))", "Conv Conv Add"},
        {"Add(Conv[pads=0;1;2;1](x,w),Conv[pads=1;1;1;1](x,v))", "Conv Conv Add"},
        {"Add(Conv(x,p),Conv(Neg(x),q))", "Conv Neg Conv Add"},
        {"Add(Conv(x,p),Conv[group=4](x,c))", "Conv Conv Add"},
        {"Add(Mul(Neg(x),#2),Conv(x,p))", "Neg Mul Conv Add"},
        {"Add(Conv[pads=1;1;1;1](x,w),Mul(x,f))", "Conv Mul Add"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab_input(&lab, 'x', DIMS(2, 4, 7, 6));
        for (const char *name = "pq"; *name; name++)
            lab_constant(&lab, *name, DIMS(4, 4, 1, 1));
        for (const char *name = "wv"; *name; name++)
            lab_constant(&lab, *name, DIMS(4, 4, 3, 3));
        lab_constant(&lab, 'g', DIMS(4, 2, 3, 3));
        lab_constant(&lab, 'd', DIMS(4, 1, 3, 3));
        lab_constant(&lab, 'c', DIMS(4, 1, 1, 1));
        lab_constant(&lab, 'b', DIMS(4));
        lab_constant(&lab, 'f', DIMS(7, 6));
        lab_let(&lab, 'a', "Abs(b)");
        lab_output(&lab, "y", cases[i].from);
        bool same = lab_same(&lab, "fold-constants,merge-branches,dead-code");
        CHECK_MSG(same && strcmp(lab_ops(&lab), cases[i].to) == 0, "%s: \"%s\"", cases[i].from, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* u and v are the halves of x, of four channels each. */
static void joined_groups(void)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"Concat[axis=1](Conv(u,p),Conv(v,q))", "Conv"},
        {"Concat[axis=-3](Conv[pads=1;1;1;1,strides=2;2](u,w,b),Conv[pads=1;1;1;1,strides=2;2](v,z,c))", "Conv"},
        {"Concat[axis=1](Relu(Conv(u,p)),Relu(Conv(v,q)))", "Conv Relu"},
        {"Concat[axis=1](Clip(Conv(u,p),l,h),Clip(Conv(v,q),l,h))", "Conv Clip"},
        {"Concat[axis=1](Conv[group=2](u,g),Conv[group=2](v,k))", "Conv"},
        {"Concat[axis=1](Conv(v,p),Conv(u,q))", "Split Conv Conv Concat"},
        {"Concat[axis=0](Conv(u,p),Conv(v,q))", "Split Conv Conv Concat"},
        {"Concat[axis=1](Conv(u,p),Conv(v,q,b))", "Split Conv Conv Concat"},
        {"Concat[axis=1](Conv[pads=1;1;1;1](u,w),Conv(v,q))", "Split Conv Conv Concat"},
        {"Concat[axis=1](Relu(Conv(u,p)),Conv(v,q))", "Split Conv Relu Conv Concat"},
        {"Concat[axis=1](Clip(Conv(u,p),l,h),Clip(Conv(v,q),l))", "Split Conv Clip Conv Clip Concat"},
        {"Concat[axis=1](Mul(Conv(u,p),e),Mul(Conv(v,q),e))", "Split Conv Mul Conv Mul Concat"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab_input(&lab, 'x', DIMS(2, 8, 7, 6));
        for (const char *name = "pq"; *name; name++)
            lab_constant(&lab, *name, DIMS(4, 4, 1, 1));
        for (const char *name = "wz"; *name; name++)
            lab_constant(&lab, *name, DIMS(4, 4, 3, 3));
        for (const char *name = "gk"; *name; name++)
            lab_constant(&lab, *name, DIMS(6, 2, 3, 3));
        for (const char *name = "bc"; *name; name++)
            lab_constant(&lab, *name, DIMS(4));
        for (const char *name = "lh"; *name; name++)
            lab_constant(&lab, *name, SCALAR);
        lab_constant(&lab, 'e', DIMS(4, 1, 1));
        lab_let(&lab, 'v', "Split#2[axis=1,num_outputs=2](x)");
        lab.let['u'] = lab.g->last->out[0];
        lab_output(&lab, "y", cases[i].from);
        bool same = lab_same(&lab, "join-groups,fold-constants,dead-code");
        CHECK_MSG(same && strcmp(lab_ops(&lab), cases[i].to) == 0, "%s: \"%s\"", cases[i].from, lab_ops(&lab));
        lab_end(&lab);
    }
}

int main(void)
{
    RUN(joined_groups);
    RUN(merged_branches);
    RUN(attention);
    RUN(activations);
    RUN(shared_results);
    RUN(residuals);
    RUN(residuals_in_order);
    RUN(symbolic_dims);
    RUN(products);
    RUN(matrix_as_stored);
    return TEST_END();
}
