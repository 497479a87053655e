/* Transposes around operators of channels-first convolution, in graphs whose other nodes work channels-last, cancel. */
#include "lab.h"

#define CANCEL   "cancel-transposes,fold-constants,fold-shapes,remove-identity,common-subexpressions,dead-code"
#define TO_LAST  "Transpose[perm=0;2;3;1]"
#define TO_FIRST "Transpose[perm=0;3;1;2]"

/* A negative size is a symbol. x, z: images of 8 channels, h and g: what a layer makes of them, channels last; c, s, m,
 * q, k: for the cases. */
static void start(struct lab *lab, int64_t n, int64_t height, int64_t width)
{
    lab_start(lab);
    n = n < 0 ? graph_symbol(lab->g, "N", &lab->err) : n;
    height = height < 0 ? graph_symbol(lab->g, "H", &lab->err) : height;
    width = width < 0 ? graph_symbol(lab->g, "W", &lab->err) : width;
    lab->tolerance = 1e-5;
    lab_input(lab, 'x', DIMS(n, 8, height, width));
    lab_input(lab, 'z', DIMS(n, 8, height, width));
    lab_let(lab, 'h', TO_LAST "(LRN[size=3](x))");
    lab_let(lab, 'g', TO_LAST "(LRN[size=5](z))");
    lab_constant(lab, 'c', DIMS(8));
    lab_constant(lab, 's', DIMS(1, 1, 8));
    lab_constant(lab, 'm', DIMS(8, 8));
    lab->low = 0.1;
    lab_constant(lab, 'q', DIMS(8));
    lab->dtype = DTYPE_U8;
    lab_constant(lab, 'k', DIMS(8));
    lab_constant(lab, 'u', SCALAR);
    lab->dtype = DTYPE_F32;
    lab->low = -4;
}

/* Once more changes nothing. */
static bool settles(struct lab *lab)
{
    size_t count;
    const struct pass *table = pass_table(&count);
    bool chosen[64] = {false};
    int changes[64] = {0};
    for (size_t i = 0; i < count; i++)
        chosen[i] = strstr(CANCEL, table[i].name) != NULL;
    if (pass_run(lab->g, chosen, changes, &lab->err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (changes[i])
            return false;
    return true;
}

static void check(struct lab *lab, const char *name, int left)
{
    CHECK_MSG(lab_same(lab, CANCEL), "%s", name);
    int count = lab_count(lab, "", "Transpose");
    CHECK_MSG(count == left, "%s: %d left, want %d", name, count, left);
    CHECK_MSG(settles(lab), "%s", name);
    lab_end(lab);
}

/* One expression of h and g between layers, and how many Transposes are left. */
static const struct {
    const char *expression;
    int left;
} between[] = {
    {"Relu(h)", 0},
    {"Clip(h,#0,#6)", 0},
    {"Add(h,g)", 0},
    {"Sub(c,h)", 0},
    {"Mul(h,#3)", 0},
    {"PRelu(h,s)", 0},
    {"Where(Less(h,g),h,c)", 0},
    {"Max(h,g,c)", 0},
    {"Cast[to=1](Cast[to=11](h))", 0},
    {"Softmax[axis=-1](h)", 0},
    {"LogSoftmax[axis=1](h)", 0},
    {"LpNormalization[axis=3](h)", 0},
    {"MeanVarianceNormalization[axes=1;2](h)", 0},
    {"MeanVarianceNormalization(h)", 0},
    {"Concat[axis=3](h,g,h)", 0},
    {"Concat[axis=-2](h,g)", 0},
    {"Split#2[axis=3,num_outputs=2](h)", 0},
    {"TopK[axis=3](h,#i3)", 0},
    {"Gather[axis=3](h,#i3;1;0)", 0},
    {"Unsqueeze(Gather[axis=1](h,#s2),#i1)", 0},
    {"ReduceMean(h,#i1;2)", 0},
    {"ReduceSum(h)", 0},
    {"ReduceL2(h,#i-1)", 0},
    {"Unsqueeze(ReduceMax[keepdims=0](h,#i1),#i1)", 0},
    {"Cast[to=1](ArgMax[axis=3](h))", 0},
    {"Unsqueeze(Cast[to=1](ArgMin[axis=-1,keepdims=0](h)),#i3)", 0},
    {"Pad(h,#i0;1;2;0;0;1;0;3)", 0},
    {"Pad[mode=reflect](h,#i1;2;3;0,-,#i1;-2)", 0},
    {"Slice(h,#i1;0,#i4;6,#i-1;1)", 0},
    {"Slice(h,#i0;1,#i2;9223372036854775807)", 0},
    {"Slice(h,#i4;0,#i-1000;6,#i1;3,#i-2;1)", 0},
    {"Tile(h,#i1;2;1;3)", 0},
    {"Expand(ReduceMean(h,#i1;2),#i2;5;7;8)", 0},
    {"Resize[mode=linear](h,-,-,#i2;10;14;8)", 0},
    {"Resize[axes=1;2](h,-,-,#i10;7)", 0},
    {"DequantizeLinear(QuantizeLinear(h,#0.1,u),#0.1,u)", 0},
    {"DequantizeLinear[axis=3](QuantizeLinear[axis=3](h,q,k),q,k)", 0},
    {"Mul(h,Reshape(Sigmoid(MatMul(ReduceMean[keepdims=0](h,#i1;2),m)),#i2;1;1;8))", 0},
    {"Mul(h," TO_LAST "(LRN[size=3](" TO_FIRST "(ReduceMean(h,#i1;2)))))", 0},
    {"Add(h," TO_LAST "(LRN[size=3](" TO_FIRST "(Relu(h)))))", 0},
    {"Reshape(h,#i2;35;1;8)", 0},
    {"Reshape(Reshape(h,#i2;5;7;2;4),#i2;5;14;4)", 2},
    {"Reshape(Transpose[perm=0;1;2;4;3](Reshape(h,#i2;5;7;2;4)),#i2;5;7;8)", 1},
    {"LayerNormalization(h,c,c)", 2},
    {"GatherElements[axis=3](h,Cast[to=7](Clip(g,#0,#7)))", 0},
    {"CumSum(h,#s3)", 2},
};

static void between_layers(void)
{
    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
        struct lab lab;
        char text[400];
        start(&lab, 2, 5, 7);
        snprintf(text, sizeof(text), "LRN[size=3](" TO_FIRST "(%s))", between[i].expression);
        lab_output(&lab, "y", text);
        check(&lab, between[i].expression, between[i].left);
    }
}

/* Dims that are not known do not matter where no list of dims must be made. */
static void open_dims(void)
{
    static const char *const cases[] = {"Relu(h)",
                                        "Add(h,c)",
                                        "PRelu(h,s)",
                                        "Softmax[axis=3](h)",
                                        "Concat[axis=3](h,g)",
                                        "Split#2[axis=3,num_outputs=2](h)",
                                        "ReduceMean(h,#i1;2)",
                                        "Unsqueeze(ReduceMax[keepdims=0](h,#i1),#i1)",
                                        "Pad(h,#i0;1;2;0;0;1;0;3)",
                                        "Slice(h,#i1;0,#i4;6,#i-1;1)",
                                        "Tile(h,#i1;2;1;3)",
                                        "Mul(h,Reshape(Sigmoid(MatMul(ReduceMean[keepdims=0](h,#i1;2),m)),#i-1;1;1;8))",
                                        "Expand(ReduceMean(h,#i1;2),Shape(g))",
                                        "Resize[mode=linear](h,-,-,Concat[axis=0](Slice(Shape(h),#i0,#i3),#i8))",
                                        "Add(h," TO_LAST "(LRN[size=3](" TO_FIRST "(Relu(h)))))"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        char text[400];
        start(&lab, -1, -1, -1);
        snprintf(text, sizeof(text), "LRN[size=3](" TO_FIRST "(%s))", cases[i]);
        lab_output(&lab, "y", text);
        check(&lab, cases[i], 0);
    }
}

/* A Transpose before a product's rows goes into the weights, if all of them are constant. */
static void before_weights(void)
{
    static const struct {
        const char *expression;
        int left;
    } cases[] = {
        {"MatMul(Reshape(h,#i2;280),w)", 0},
        {"Gemm(Flatten(h),w,c)", 0},
        {"Gemm[transB=1](Reshape(h,#i0;-1),v)", 0},
        {"MatMul(Relu(Mul(Flatten(h),#3)),w)", 0},
        {"MatMul(DequantizeLinear(QuantizeLinear(Flatten(h),#0.1,u),#0.1,u),w)", 0},
        {"MatMul(Flatten(h),DequantizeLinear(QuantizeLinear(w,#0.1,u),#0.1,u))", 0},
        {"MatMul(Flatten(h),DequantizeLinear[axis=1](QuantizeLinear[axis=1](w,q,k),q,k))", 0},
        {"Add(MatMul(Flatten(h),w),Gemm[transB=1](Flatten(h),v))", 0},
        {"MatMul(Reshape(h,#i2;5;56),MatMul(o,w))", 1},
        {"MatMul(Reshape(h,#i2;5;56),o)", 1},
        {"Mul(Flatten(h),Flatten(h))", 1},
        {"MatMul(Mul(Flatten(h),j),w)", 1},
        {"Gemm[transA=1](Flatten(h),Flatten(g))", 2},
        {"MatMul(Flatten(Slice(h,#i1,#i4,#i1)),n)", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        start(&lab, 2, 5, 7);
        lab_constant(&lab, 'w', DIMS(280, 8));
        lab_constant(&lab, 'v', DIMS(8, 280));
        lab_constant(&lab, 'o', DIMS(56, 280));
        lab_constant(&lab, 'n', DIMS(168, 3));
        lab_constant(&lab, 'j', DIMS(280));
        lab_output(&lab, "y", cases[i].expression);
        check(&lab, cases[i].expression, cases[i].left);
    }
}

/* Large weights stay as they are where a graph says so: in files just read, and in what is run. */
static void before_large_weights(void)
{
    for (int stay = 0; stay < 2; stay++) {
        struct lab lab;
        start(&lab, 2, 5, 7);
        struct value *v = lab_tensor(&lab, 'v', tensor_new(DTYPE_F32, 2, (int64_t[]){280, 32768}, &lab.err));
        lab_output(&lab, "y", "MatMul(Flatten(h),v)");
        lab.g->large_stay = stay;
        op_resolve(lab.g);
        CHECK(pass_run_unfused(lab.g, &lab.err) == 0);
        CHECK(lab_count(&lab, "", "Transpose") == stay);
        CHECK(!stay || lab.g->last->in[1] == v);
        lab_end(&lab);
    }
}

/* Weights in another order are called as they were, unless they are there in both. */
static void names_of_weights(void)
{
    static const char *const cases[] = {"MatMul(Flatten(h),w)", "Add(MatMul(Flatten(h),w),MatMul(Flatten(x),w))"};
    for (int shared = 0; shared < 2; shared++) {
        struct lab lab;
        start(&lab, 2, 5, 7);
        const char *name = lab_constant(&lab, 'w', DIMS(280, 8))->name;
        lab_output(&lab, "y", cases[shared]);
        CHECK_MSG(lab_same(&lab, CANCEL), "%s", cases[shared]);
        const struct node *n = lab.g->first;
        while (n && (!node_is(n, "MatMul") || (n->in[0]->producer && n->in[0]->producer->in[0]->is_input) != shared))
            n = n->next;
        CHECK_MSG(n && strcmp(n->in[1]->name, name) == 0, "%s", cases[shared]);
        lab_end(&lab);
    }
}

/* Other permutations: of any rank, of matrices, of heads. */
static void other_orders(void)
{
    static const struct {
        const char *expression;
        int left;
    } cases[] = {
        {"Transpose[perm=1;0](Add(Transpose[perm=1;0](x),Transpose[perm=1;0](z)))", 0},
        {"MatMul(Transpose[perm=1;0](x),m)", 1},
        {"Transpose[perm=1;0;2](MatMul(Transpose[perm=1;0;2](Unsqueeze(x,#i2)),o))", 0},
        {"Transpose[perm=1;0](Sub(Transpose[perm=1;0](x),z))", 1},
        {"Add(Transpose[perm=1;0](Relu(x)),Transpose[perm=1;0](Neg(x)))", 1},
        {"Reshape(Transpose[perm=2;0;1](Reshape(x,#i8;4;2)),#i2;32)", 1},
        {"LayerNormalization(Transpose[perm=1;0](Relu(Transpose[perm=1;0](x))),m)", 0},
        {"Transpose[perm=0;2;1;3](LayerNormalization(Transpose[perm=0;2;1;3](Unsqueeze(x,#i0;3)),o))", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab_input(&lab, 'x', DIMS(8, 8));
        lab_input(&lab, 'z', DIMS(8, 8));
        lab_constant(&lab, 'm', DIMS(8, 8));
        lab_constant(&lab, 'o', DIMS(1, 1));
        lab.tolerance = 1e-5;
        lab_output(&lab, "y", cases[i].expression);
        check(&lab, cases[i].expression, cases[i].left);
    }
}

/* What is needed in both orders is transposed once, and where that is cheapest. */
static void outputs_in_both_orders(void)
{
    struct lab lab;
    start(&lab, 2, 5, 7);
    lab_let(&lab, 'r', "Relu(h)");
    lab_output(&lab, "last", "Identity(r)");
    lab_output(&lab, "more", "Neg(r)");
    lab_output(&lab, "first", "LRN[size=3](" TO_FIRST "(r))");
    check(&lab, "outputs", 1);

    start(&lab, 2, 5, 7);
    lab_output(&lab, "large", "Tile(h,#i1;3;3;1)");
    check(&lab, "transposed while it is small", 1);
    start(&lab, 2, 5, 7);
    lab_output(&lab, "small", "ReduceMean(h,#i1;2)");
    CHECK(lab_same(&lab, CANCEL) && lab_count(&lab, "", "Transpose") == 0); /* a Reshape: only axes of 1 move */
    lab_end(&lab);

    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3));
    lab_output(&lab, "y", "Transpose(Transpose(x))"); /* an input cannot be an output */
    CHECK(lab_same(&lab, CANCEL) && settles(&lab) && strcmp(lab.g->outputs[0]->name, "y") == 0);
    lab_end(&lab);
}

/* Subgraphs use values of the graph around them: these stay as they are. */
static void branches(void)
{
    struct lab lab;
    start(&lab, 2, 5, 7);
    lab_let(&lab, 'r', "Relu(h)");
    lab_let(&lab, 'f', "Less(ReduceSum[keepdims=0](r),#1)");
    struct node *n = graph_add_node(lab.g, "", "If", NULL, &lab.err);
    node_add_input(n, lab.let['f'], &lab.err);
    for (int i = 0; i < 2; i++) {
        struct graph *branch = graph_new_subgraph(lab.g, &lab.err), *whole = lab.g;
        node_set_graph(n, i ? "else_branch" : "then_branch", branch, &lab.err);
        lab.g = branch;
        lab_output(&lab, NULL, i ? "Neg(r)" : TO_LAST "(Abs(" TO_FIRST "(r)))");
        lab.g = whole;
    }
    lab.let['v'] = node_new_output(n, NULL, &lab.err);
    lab_output(&lab, "y", "LRN[size=3](" TO_FIRST "(v))");
    lab_output(&lab, "z", "LRN[size=3](" TO_FIRST "(r))");
    check(&lab, "branches", 3);
}

/* Each from values x and z of [2, 6, 5, 4], channels last, to one of the same dims. */
static const char *const links[] = {
    TO_LAST "(Conv[pads=1;1;1;1](" TO_FIRST "(x),w,b))",
    TO_LAST "(Conv[group=4](" TO_FIRST "(x),d))",
    TO_LAST "(ConvTranspose[pads=1;1;1;1](" TO_FIRST "(x),w))",
    TO_LAST "(MaxPool[kernel_shape=3;3,pads=1;1;1;1](" TO_FIRST "(x)))",
    TO_LAST "(BatchNormalization(" TO_FIRST "(x),b,b,b,k))",
    TO_LAST "(Conv(" TO_FIRST "(Pad(x,#i0;1;1;0;0;1;1;0)),w))",
    "Relu(x)",
    "Clip(Add(x,#3),#0,#6)",
    "Add(x,z)",
    "Mul(x,z)",
    "Add(x,b)",
    "Mul(x,p)",
    "PRelu(x,p)",
    "Mul(x,Sigmoid(x))",
    "Mul(x,ReduceMean(z,#i1;2))",
    "Mul(x,Reshape(HardSigmoid(MatMul(ReduceMean[keepdims=0](z,#i1;2),m)),#i2;1;1;4))",
    "Mul(x," TO_LAST "(HardSigmoid(Conv(" TO_FIRST "(ReduceMax(z,#i1;2)),v))))",
    "Split#2[axis=3,num_outputs=2](Concat[axis=3](x,z))",
    "Slice(Concat[axis=3](x,z),#i2,#i6,#i3)",
    "Slice(Pad(x,#i0;1;2;3;0;1;0;3),#i1;0;1;3,#i7;2;6;7,#i1;0;2;3)",
    "Gather[axis=3](Concat[axis=3](x,z),#i1;3;5;7)",
    "Softmax[axis=3](x)",
    "Where(Less(x,z),x,#2)",
    "Tile(ReduceMax(x,#i2),#i1;1;5;1)",
    "Expand(ReduceSum(x,#i1;2),#i2;6;5;4)",
    "Resize(Slice(x,#i0;0,#i3;5,#i1;2),-,-,#i2;6;5;4)",
    "DequantizeLinear(QuantizeLinear(x,#0.0625,u),#0.0625,u)",
    "DequantizeLinear[axis=3](QuantizeLinear[axis=3](x,q,e),q,e)",
    "Reshape(Relu(Reshape(x,#i2;30;4)),#i2;6;5;4)",
};

static const char *const ends[] = {"MatMul(ReduceMean[keepdims=0](x,#i1;2),m)", "MatMul(Flatten(x),f)",
                                   "Gemm[transB=1](Relu(Reshape(x,#i-1;120)),g)"};

#define LINKS (sizeof(links) / sizeof(links[0]))
#define ENDS  (sizeof(ends) / sizeof(ends[0]))
#define NODES 12

static size_t pick(struct lab *lab, size_t n)
{
    return (size_t)(hash_random(&lab->seed) % n);
}

static void build(struct lab *lab, uint64_t seed)
{
    struct value *made[NODES + 2];
    lab_start(lab);
    lab->seed = seed;
    lab->low = -1;
    lab->high = 1;
    lab->tolerance = 1e-4;
    made[0] = made[1] = lab_input(lab, 'x', DIMS(2, 6, 5, 4));
    lab_constant(lab, 'w', DIMS(4, 4, 3, 3));
    lab_constant(lab, 'v', DIMS(4, 4, 1, 1));
    lab_constant(lab, 'd', DIMS(4, 1, 1, 1));
    lab_constant(lab, 'b', DIMS(4));
    lab_constant(lab, 'm', DIMS(4, 4));
    lab_constant(lab, 'p', DIMS(1, 1, 4));
    lab_constant(lab, 'f', DIMS(120, 3));
    lab_constant(lab, 'g', DIMS(3, 120));
    lab->low = 0.25;
    lab_constant(lab, 'k', DIMS(4));
    for (char c = 'q'; c == 'q' || c == 'e'; c = c == 'q' ? 'e' : 0) {
        struct tensor *t = tensor_new(c == 'q' ? DTYPE_F32 : DTYPE_U8, DIMS(4), &lab->err);
        for (int64_t i = 0; i < 4; i++)
            tensor_set_f64(t, i, c == 'q' ? 0.03125 * (double)(i + 1) : 120 + (double)i);
        lab_tensor(lab, c, t);
    }
    lab->dtype = DTYPE_U8;
    lab->low = lab->high = 128;
    lab_constant(lab, 'u', SCALAR);
    lab->dtype = DTYPE_F32;
    lab->low = -1;
    lab->high = 1;
    for (size_t i = 2; i < NODES + 2; i++) {
        lab->let['x'] = pick(lab, 4) ? made[i - 1] : made[pick(lab, i)];
        lab->let['z'] = made[pick(lab, i)];
        made[i] = lab_let(lab, 'y', links[pick(lab, LINKS)]);
    }
    lab->let['x'] = made[NODES + 1];
}

/* The elements that all Transposes move. */
static int64_t moved(const struct lab *lab)
{
    int64_t sum = 0;
    for (const struct node *n = lab->g->first; n; n = n->next)
        if (node_is(n, "Transpose"))
            sum += tensor_count(n->in[0]->type.rank, n->in[0]->type.dims);
    return sum;
}

/* The input is channels last: it, or less that is made of it, is transposed, and nothing inside. */
static void random_networks(void)
{
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct lab lab;
        build(&lab, seed);
        lab_output(&lab, "y", ends[pick(&lab, ENDS)]);
        CHECK_MSG(lab_same(&lab, CANCEL), "seed %d", (int)seed);
        CHECK_MSG(moved(&lab) <= 2 * 6 * 5 * 4, "seed %d: %d moved: %s", (int)seed, (int)moved(&lab), lab_ops(&lab));
        CHECK_MSG(settles(&lab), "seed %d", (int)seed);
        lab_end(&lab);
    }
}

/* With outputs of both layouts anywhere inside it is never more than before. */
static void random_outputs(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct lab lab;
        build(&lab, seed);
        lab_output(&lab, "y", "Identity(x)");
        lab_output(&lab, "z", "Identity(z)");
        lab_output(&lab, "u", TO_FIRST "(z)");
        CHECK(lab_same(&lab, "common-subexpressions,fold-shapes,remove-identity,dead-code"));
        int64_t before = moved(&lab);
        CHECK_MSG(lab_same(&lab, CANCEL), "seed %d", (int)seed);
        CHECK_MSG(moved(&lab) <= before, "seed %d: %d of %d moved: %s", (int)seed, (int)moved(&lab), (int)before,
                  lab_ops(&lab));
        CHECK_MSG(settles(&lab), "seed %d", (int)seed);
        lab_end(&lab);
    }
}

/* Regions larger than are seen at once, and values with many uses, take no long time. */
static void large(void)
{
    struct lab lab;
    start(&lab, 1, 2, 2);
    for (int i = 0; i < 20000; i++)
        lab_let(&lab, 'h', i % 100 ? "Relu(h)" : TO_LAST "(LRN[size=3](" TO_FIRST "(h)))");
    lab_output(&lab, "y", "Neg(h)");
    op_resolve(lab.g);
    CHECK(pass_run_safe(lab.g, &lab.err) == 0 && lab_count(&lab, "", "Transpose") <= 1);
    lab_end(&lab);

    start(&lab, 1, 2, 2);
    lab_let(&lab, 'r', "Relu(h)");
    for (int i = 0; i < 3000; i++) {
        lab_let(&lab, 'a', i % 3 ? "Mul(r,h)" : TO_LAST "(LRN[size=3](" TO_FIRST "(r)))");
        lab_let(&lab, 'h', i % 2 ? "Add(h,a)" : "CumSum(a,#s3)");
    }
    lab_output(&lab, "y", "Neg(h)");
    op_resolve(lab.g);
    CHECK(pass_run_safe(lab.g, &lab.err) == 0);
    lab_end(&lab);
}

/* A chain of nothing but Transposes is gone after one run: what was skipped does not gather at the chain's beginning.
 */
static void chain(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'h', DIMS(2, 3));
    for (int i = 0; i < 20001; i++)
        lab_let(&lab, 'h', "Transpose[perm=1;0](h)");
    lab_output(&lab, "y", "Neg(h)");
    op_resolve(lab.g);
    CHECK(op_infer_graph(lab.g, &lab.err) == 0);
    CHECK(pass_named("cancel-transposes")->run(lab.g, &lab.err) > 0);
    CHECK(lab_count(&lab, "", "Transpose") == 1);
    lab_end(&lab);
}

/* After reading no constant is computed with: one of half precision stays so. */
static void wraps_of_readers(void)
{
    struct lab lab;
    start(&lab, 2, 5, 7);
    lab.dtype = DTYPE_F16;
    lab_constant(&lab, 'e', DIMS(1, 1, 8));
    lab.dtype = DTYPE_F32;
    lab_output(&lab, "y", "Mul(LRN[size=3](" TO_FIRST "(Mul(h,Cast[to=1](e)))),#2)");
    op_resolve(lab.g);
    struct graph *before = graph_clone(lab.g, &lab.err);
    CHECK_MSG(pass_cancel_wraps(lab.g, &lab.err) == 0, "%s", lab.err.text);
    CHECK(lab_compare(&lab, before, lab.g) && lab_sound(&lab, lab.g));
    CHECK(lab_count(&lab, "", "Transpose") == 0 && lab_count(&lab, "", "Cast") == 1);
    graph_free(before);
    lab_end(&lab);

    start(&lab, 2, 5, 7);
    lab.dtype = DTYPE_F16;
    lab_constant(&lab, 'w', DIMS(280, 3));
    lab.dtype = DTYPE_F32;
    lab_output(&lab, "y", "MatMul(Flatten(h),Cast[to=1](w))");
    op_resolve(lab.g);
    before = graph_clone(lab.g, &lab.err);
    CHECK(pass_cancel_wraps(lab.g, &lab.err) == 0 && lab_compare(&lab, before, lab.g) && lab_sound(&lab, lab.g));
    CHECK(lab_count(&lab, "", "Transpose") == 0 && lab_count(&lab, "", "Cast") == 1);
    graph_free(before);
    lab_end(&lab);

    start(&lab, 2, 5, 7);
    lab_let(&lab, 'c', "Sub(h,ReduceMean(h,#i-1))"); /* whose axis would move */
    lab_output(&lab, "y", "LRN[size=3](" TO_FIRST "(Mul(Div(c,Sqrt(Add(ReduceMean(Mul(c,c),#i3),#0.001))),s)))");
    op_resolve(lab.g);
    before = graph_clone(lab.g, &lab.err);
    CHECK_MSG(pass_cancel_wraps(lab.g, &lab.err) == 0, "%s", lab.err.text);
    CHECK(lab_compare(&lab, before, lab.g) && lab_sound(&lab, lab.g));
    CHECK(lab_count(&lab, "", "LayerNormalization") == 1 && lab_count(&lab, "", "ReduceMean") == 0);
    graph_free(before);
    lab_end(&lab);

    start(&lab, -1, 1, 1); /* of one pixel: as a Reshape it would stay */
    lab_output(&lab, "y", "LRN[size=3](" TO_FIRST "(Relu(Add(h,Unsqueeze(c,#i0)))))");
    op_resolve(lab.g);
    CHECK_MSG(pass_cancel_wraps(lab.g, &lab.err) == 0, "%s", lab.err.text);
    CHECK(lab_count(&lab, "", "Transpose") == 0 && lab_count(&lab, "", "Reshape") == 0);
    lab_end(&lab);

    start(&lab, 2, 5, 7);
    lab_output(&lab, "y", "Add(h,x)"); /* cannot be inferred */
    op_resolve(lab.g);
    CHECK(pass_cancel_wraps(lab.g, &lab.err) == 0 && lab_count(&lab, "", "Add") == 1);
    lab_end(&lab);
}

int main(void)
{
    RUN(between_layers);
    RUN(open_dims);
    RUN(before_weights);
    RUN(before_large_weights);
    RUN(names_of_weights);
    RUN(other_orders);
    RUN(outputs_in_both_orders);
    RUN(branches);
    RUN(random_networks);
    RUN(random_outputs);
    RUN(wraps_of_readers);
    RUN(large);
    RUN(chain);
    return TEST_END();
}
