/* What goes away: identities, constants, repetitions, dead code, paddings, moved axes. */
#include "lab.h"

#define NOTHING "remove-identity,dead-code"

static void check_ops(struct lab *lab, const char *passes, const char *ops)
{
    bool same = lab_same(lab, passes);
    CHECK_MSG(same && strcmp(lab_ops(lab), ops) == 0, "got \"%s\", want \"%s\"", lab_ops(lab), ops);
    lab_end(lab);
}

/* x [2, 3, 4] through the expression, then Neg. */
static void passes_on(const char *expression, const char *ops)
{
    struct lab lab;
    char text[300];
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 4));
    snprintf(text, sizeof(text), "Neg(%s)", expression);
    lab_output(&lab, "y", text);
    bool same = lab_same(&lab, NOTHING);
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s: \"%s\", want \"%s\"", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

static void identities(void)
{
    static const char *const idle[] = {
        "Identity(x)", "Dropout(x,#0.5)", "Cast[to=1](x)", "Reshape(x,#i2;3;4)", "Reshape(x,#i0;-1;4)",
        "Transpose[perm=0;1;2](x)", "Expand(x,#i1;3;1)", "Tile(x,#i1;1;1)", "Pad(x,#i0;0;0;0;0;0)",
        "Slice(x,#i0;0,#i2;99,#i0;2)", "Concat[axis=1](x)", "Sum(x)", "Max(x)", "Add(x,#0)", "Add(#0,x)", "Sub(x,#0)",
        "Mul(x,#1)", "Div(x,#1)", "Pow(x,#1)", "Flatten[axis=1](Reshape(x,#i2;12))", "Split[num_outputs=1,axis=1](x)",
        "Squeeze(x,#i)", "MaxPool[kernel_shape=1;](x)", "Resize[mode=linear](x,-,-,#i2;3;4)",
    };
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
        passes_on(idle[i], i == 19 ? "Reshape Neg" : "Neg");
    passes_on("DFT(Reshape(x,#i12;1;2))", "Reshape Neg");
    passes_on("DFT[inverse=1](Reshape(x,#i1;12;2),-,#s0)", "Reshape Neg");
    passes_on("DFT(Reshape(x,#i12;1;2),#s3)", "Reshape DFT Neg");
    passes_on("DFT(Reshape(x,#i6;2;2))", "Reshape DFT Neg");
    passes_on("DFT(Reshape(x,#i24;1;1))", "Reshape DFT Neg");
    passes_on("Slice(x,#i3,#i-99,#i2,#i-1)", "Slice Neg"); /* backwards */
    passes_on("Transpose[perm=0;2;1](x)", "Transpose Neg");
    passes_on("Sub(#0,x)", "Sub Neg");
    passes_on("Cast[to=11](x)", "Cast Neg");
    passes_on("Pad(x,#i0;0;-1;0;0;1)", "Pad Neg");
    passes_on("Add(x,Reshape(#0,#i1;1;1;1))", "Reshape Add Neg");
}

/* Outputs keep their names, also where an output is the input, a constant, or another output. */
static void outputs_stay(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2));
    lab_let(&lab, 'n', "Neg(x)");
    lab_output(&lab, "a", "Identity(x)");
    lab_output(&lab, "b", "Identity(Identity(n))");
    lab_output(&lab, "c", "Identity(n)");
    lab_output(&lab, "d", "Add(#1,#2)");
    lab_output(&lab, "e", "Identity(Identity(x))");
    CHECK(lab_same(&lab, NULL));
    CHECK_STR(lab.g->outputs[1]->name, "b");
    CHECK(lab_count(&lab, "", "Neg") == 1 && lab_count(&lab, "", "Add") == 0);
    lab_end(&lab);
}

static void dead_code(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1, 1, 4, 4));
    lab_input(&lab, 'z', DIMS(2));
    lab_constant(&lab, 'w', DIMS(5));
    lab_let(&lab, 'd', "Exp(Neg(x))");
    lab_let(&lab, 'm', "MaxPool#2[kernel_shape=2;2](x)");
    lab_output(&lab, "y", "Abs(x)");
    graph_add_output(lab.g, lab_find(&lab, "MaxPool")->out[0], &lab.err);
    CHECK(lab_same(&lab, "dead-code"));
    CHECK_STR(lab_ops(&lab), "MaxPool Abs");
    CHECK(!node_out(lab_find(&lab, "MaxPool"), 1));
    CHECK(lab.g->input_count == 2 && !graph_find_value(lab.g, "w"));
    lab_end(&lab);
}

static void constants(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 4));
    lab_constant(&lab, 'w', DIMS(3, 4));
    lab_output(&lab, "y", "Mul(x,Add(Exp(w),Sqrt(#2)))");
    check_ops(&lab, "fold-constants,dead-code", "Mul");

    /* shapes: numbers where they are known, however far they are carried */
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 4));
    lab_output(&lab, "y", "Reshape(x,Concat[axis=0](Slice(Shape(x),#i0,#i1),#i-1,Mul(Slice(Shape(x),#i2,#i3),#i3)))");
    check_ops(&lab, "fold-constants,dead-code", "Reshape");

    lab_start(&lab);
    struct value *x = lab_input(&lab, 'x', DIMS(1, 4));
    x->type.dims[0] = graph_symbol(lab.g, "N", &lab.err);
    lab_output(&lab, "y", "Expand(x,Concat[axis=0](Slice(Shape(x),#i0,#i1),Gather(Shape(x),#i1)))");
    lab_output(&lab, "z", "Add(Shape(x),Gather(Shape(x),#i1))");
    CHECK(lab_same(&lab, "fold-constants,dead-code"));
    CHECK(lab_count(&lab, "", "Gather") == 0 && lab_count(&lab, "", "Shape") > 0);
    lab_end(&lab);
}

static void large_and_random_stay(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1));
    lab_output(&lab, "y", "Add(x,Slice(ConstantOfShape(#i5000;1000),#i0;0,#i1;1))");
    check_ops(&lab, "fold-constants,dead-code", "ConstantOfShape Slice Add");

    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1));
    lab_output(&lab, "y", "Add(x,Slice(ConstantOfShape(#i50;10),#i0;0,#i1;1))");
    check_ops(&lab, "fold-constants,dead-code", "Add");

    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1));
    lab_constant(&lab, 'w', DIMS(600, 600));
    lab_constant(&lab, 'v', DIMS(60, 60));
    lab_output(&lab, "y", "Add(Add(x,ReduceMax(MatMul(w,w))),ReduceMax(MatMul(v,v)))");
    CHECK(lab_same(&lab, "fold-constants,dead-code"));
    CHECK(lab_count(&lab, "", "MatMul") == 1);
    lab_end(&lab);

    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(4));
    lab_output(&lab, "y", "Add(RandomNormal[shape=4;,seed=3.0f](),Add(x,RandomNormal[shape=4;,seed=3.0f]()))");
    op_resolve(lab.g);
    CHECK(pass_run_safe(lab.g, &lab.err) == 0 && lab_count(&lab, "", "RandomNormal") == 2);
    lab_end(&lab);

    /* what cannot be computed stays, to say why when it runs */
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(4));
    lab_output(&lab, "y", "Add(x,Gather(Cast[to=1](#i1;2),#s7))");
    op_resolve(lab.g);
    if (pass_run_safe(lab.g, &lab.err) == 0)
        CHECK(lab_count(&lab, "", "Gather") == 1 && graph_check(lab.g, &lab.err) == 0);
    lab_end(&lab);
}

static void repetitions(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 2));
    lab_output(&lab, "y", "Add(Mul(Exp(x),#2),Mul(Exp(x),#2))");
    lab_output(&lab, "z", "Sub(Softmax[axis=0](x),Softmax[axis=1](x))");
    CHECK(lab_same(&lab, "common-subexpressions,dead-code"));
    CHECK_STR(lab_ops(&lab), "Exp Mul Add Softmax Softmax Sub");
    lab_end(&lab);

    /* attributes that are tensors, and in another order */
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 2));
    lab_let(&lab, 's', "Shape(NonZero(x))");
    lab_output(&lab, "y", "Add(ConstantOfShape(s),Sub(ConstantOfShape(s),ConstantOfShape(s)))");
    lab_output(&lab, "z", "Mul(HardSigmoid[alpha=0.3f,beta=0.4f](x),HardSigmoid[beta=0.4f,alpha=0.3f](x))");
    for (struct node *n = lab.g->first, *last = NULL; n; n = n->next)
        if (node_is(n, "ConstantOfShape")) {
            struct tensor *t = tensor_new(DTYPE_F32, DIMS(1), &lab.err);
            tensor_set_f64(t, 0, last ? 2 : 1);
            node_set_tensor(n, "value", t, &lab.err);
            last = n;
        }
    CHECK(lab_same(&lab, "common-subexpressions,dead-code"));
    CHECK(lab_count(&lab, "", "ConstantOfShape") == 2 && lab_count(&lab, "", "HardSigmoid") == 1);
    lab_end(&lab);

    /* the first has an output too few; outputs of the graph keep their nodes */
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1, 1, 4, 4));
    lab_output(&lab, "y", "MaxPool[kernel_shape=2;2](x)");
    lab_output(&lab, "z", "MaxPool#2[kernel_shape=2;2](x)");
    lab_output(&lab, "u", "Neg(x)");
    lab_output(&lab, "v", "Neg(x)");
    CHECK(lab_same(&lab, "common-subexpressions,dead-code"));
    CHECK(lab.g->output_count == 4 && strcmp(lab.g->outputs[3]->name, "v") == 0);
    lab_end(&lab);
}

static void shapes(void)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"Transpose[perm=2;0;1](Transpose[perm=1;2;0](x))", "Neg"},
        {"Transpose[perm=0;2;1](Transpose[perm=1;2;0](x))", "Transpose Neg"},
        {"Transpose(Transpose(x))", "Neg"},
        {"Reshape(Reshape(Reshape(x,#i6;4),#i-1),#i4;6)", "Reshape Neg"},
        {"Reshape(Flatten(x),#i2;3;4)", "Neg"},
        {"Squeeze(Unsqueeze(x,#i0;3),#i0;3)", "Neg"},
        {"Flatten[axis=0](x)", "Reshape Neg"},
        {"Transpose[perm=0;3;1;2](Unsqueeze(x,#i3))", "Reshape Neg"},
        {"Transpose[perm=1;0;2;3](Unsqueeze(x,#i1))", "Reshape Neg"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        char text[200];
        lab_start(&lab);
        lab_input(&lab, 'x', DIMS(2, 3, 4));
        snprintf(text, sizeof(text), "Neg(%s)", cases[i].from);
        lab_output(&lab, "y", text);
        bool same = lab_same(&lab, "fold-shapes,cancel-transposes,remove-identity,dead-code");
        CHECK_MSG(same && strcmp(lab_ops(&lab), cases[i].to) == 0, "%s: \"%s\"", cases[i].from, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* Nothing is taken for known where a symbol stands. */
static void symbolic_shapes(void)
{
    struct lab lab;
    lab_start(&lab);
    struct value *x = lab_input(&lab, 'x', DIMS(1, 4, 1));
    x->type.dims[0] = graph_symbol(lab.g, "N", &lab.err);
    lab_let(&lab, 'f', "Flatten(x)");
    lab_output(&lab, "y", "Neg(Reshape(f,#i-1;2;2))");
    lab_output(&lab, "z", "Neg(Squeeze(Unsqueeze(f,#i1),#i1))");
    lab_output(&lab, "u", "Reshape(Transpose[perm=1;0](f),#i2;-1)");
    CHECK(lab_same(&lab, "fold-shapes,remove-identity,dead-code"));
    lab_end(&lab);
}

#define INDEX "Sub(ArgMax[axis=1,keepdims=0](x),#s2)"
static void simpler(void)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"Gather[axis=2](x,#i1;2;3)", "Slice"},
        {"Gather[axis=1](x,#i0;2;4)", "Slice"},
        {"Gather[axis=1](x,#i-5;-3;-1)", "Slice"},
        {"Gather[axis=1](x,#i3;2;1)", "Gather"},
        {"Gather[axis=1](x,#i0;1;3)", "Gather"},
        {"Gather[axis=1](x,#s1)", "Gather"},
        {"Gather[axis=1](x,Where(Less(" INDEX ",#s0),Add(" INDEX ",#s5)," INDEX "))", "ArgMax Sub Gather"},
        {"Gather[axis=1](x,Where(Less(" INDEX ",#s0),Add(" INDEX ",#s3)," INDEX "))",
         "ArgMax Sub Less Add Where Gather"},
        {"Sum(x,x,x)", "Add Add"},
        {"Sum(x,Abs(x))", "Abs Add"},
        {"ReduceMean(x,#i2;3)", "GlobalAveragePool"},
        {"ReduceMean(x,#i-1;-2)", "GlobalAveragePool"},
        {"ReduceMean[keepdims=0](x,#i3;2)", "GlobalAveragePool Reshape"},
        {"ReduceMax(x,#i2;3)", "GlobalMaxPool"},
        {"ReduceMean(x,#i1;2)", "ReduceMean"},
        {"ReduceMean(x,#i3)", "ReduceMean"},
        {"ReduceSum[keepdims=0](x,#i0)", "Reshape"},
        {"ReduceL2[keepdims=0](x,#i0)", "ReduceL2"},
        {"AveragePool[kernel_shape=4;4](x)", "GlobalAveragePool"},
        {"AveragePool[kernel_shape=4;4,pads=1;0;1;0](x)", "AveragePool"},
        {"MaxPool[kernel_shape=4;4,strides=2;2](x)", "GlobalMaxPool"},
        {"Pow(x,#2)", "Mul"},
        {"Pow(Abs(x),#0.5)", "Abs Sqrt"},
        {"Add(x,Mul(Sigmoid(GlobalAveragePool(x)),x))", "GlobalAveragePool Sigmoid Add Mul"},
        {"Add(x,Mul(Sigmoid(x),x))", "Sigmoid Mul Add"},
        {"Add(Neg(Sigmoid(x)),#1)", "Sigmoid Sub"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab_input(&lab, 'x', DIMS(1, 5, 4, 4));
        lab_output(&lab, "y", cases[i].from);
        bool same = lab_same(&lab, "common-subexpressions,simplify,dead-code");
        CHECK_MSG(same && strcmp(lab_ops(&lab), cases[i].to) == 0, "%s: \"%s\"", cases[i].from, lab_ops(&lab));
        lab_end(&lab);
    }
}

static void paddings(void)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"Conv(Pad(x,#i0;0;1;2;0;0;3;0),w)", "Conv"},
        {"Conv[pads=1;0;2;0](Pad(x,#i1;2;3;0,-,#i2;3),w)", "Conv"},
        {"Conv[auto_pad=VALID,strides=2;1](Pad(x,#i1;1,-,#i-1),w)", "Conv"},
        {"Conv[auto_pad=SAME_UPPER](Pad(x,#i1;1,-,#i-1),w)", "Pad Conv"},
        {"Conv(Pad(x,#i1;1,#1,#i-1),w)", "Pad Conv"},
        {"Conv(Pad(x,#i1;1,#0,#i3),w)", "Conv"},
        {"Conv(Pad[mode=reflect](x,#i1;1,-,#i3),w)", "Pad Conv"},
        {"Conv(Pad(x,#i-1;1,-,#i3),w)", "Pad Conv"},
        {"Conv(Pad(x,#i0;1,-,#i1),v)", "Pad Conv"},
        {"AveragePool[kernel_shape=3;3](Pad(x,#i1;1,-,#i3))", "AveragePool"},
        {"AveragePool[kernel_shape=3;3,pads=1;1;1;1,count_include_pad=1](Pad(x,#i1;1,-,#i3))", "AveragePool"},
        {"AveragePool[kernel_shape=3;3,pads=1;1;1;1](Pad(x,#i1;1,-,#i3))", "Pad AveragePool"},
        {"AveragePool[kernel_shape=2;2,strides=2;2,ceil_mode=1](Pad(x,#i1;0,-,#i3))", "Pad AveragePool"},
        {"AveragePool[kernel_shape=2;2](Pad(x,#i3;0,-,#i3))", "Pad AveragePool"},
        {"MaxPool[kernel_shape=3;3](Pad(x,#i1;1,#-inf,#i3))", "MaxPool"},
        {"MaxPool[kernel_shape=3;3](Pad(x,#i1;1,-,#i3))", "Pad MaxPool"},
        {"MaxPool[kernel_shape=3;3](Pad(Relu(x),#i1;2,-,#i3))", "Relu MaxPool"},
        {"MaxPool[kernel_shape=2;2](Pad(Relu(x),#i0;2,-,#i3))", "Relu Pad MaxPool"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab_input(&lab, 'x', DIMS(1, 2, 6, 7));
        lab_constant(&lab, 'w', DIMS(3, 2, 3, 2));
        lab_constant(&lab, 'v', DIMS(3, 3, 3, 2));
        lab_output(&lab, "y", cases[i].from);
        bool same = lab_same(&lab, "fuse-pad,dead-code");
        CHECK_MSG(same && strcmp(lab_ops(&lab), cases[i].to) == 0, "%s: \"%s\"", cases[i].from, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* ---- subgraphs ---- */

/* If(cond): y = Neg(x) · inner else Abs(x), the value n captured; the condition made by an expression. */
static void build_if(struct lab *lab, const char *condition)
{
    struct value *cond = lab_let(lab, 'c', condition), *x = lab->let['x'];
    struct node *n = graph_add_node(lab->g, "", "If", NULL, &lab->err);
    node_add_input(n, cond, &lab->err);
    graph_add_output(lab->g, node_new_output(n, lab->g->parent ? NULL : "y", &lab->err), &lab->err);
    struct graph *outer = lab->g;
    for (int i = 0; i < 2; i++) {
        struct graph *branch = graph_new_subgraph(outer, &lab->err);
        lab->g = branch;
        lab->let['k'] = graph_add_constant(branch, NULL, tensor_scalar_f32(3, &lab->err), &lab->err);
        lab->let['x'] = x;
        lab_output(lab, NULL, i ? "Abs(Identity(x))" : "Mul(Neg(x),k)");
        node_set_graph(n, i ? "else_branch" : "then_branch", branch, &lab->err);
    }
    lab->g = outer;
}

static void branches(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3));
    build_if(&lab, "Equal(Gather(Shape(x),#s1),#s3)");
    CHECK(lab_same(&lab, NULL));
    CHECK(lab_count(&lab, "", "If") == 0 && lab_count(&lab, "", "Neg") == 1 && lab_count(&lab, "", "Abs") == 0);
    CHECK_STR(lab.g->outputs[0]->name, "y");
    lab_end(&lab);

    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3));
    build_if(&lab, "Equal(Gather(Shape(x),#s1),#s4)");
    CHECK(lab_same(&lab, NULL));
    CHECK(lab_count(&lab, "", "If") == 0 && lab_count(&lab, "", "Abs") == 1);
    lab_end(&lab);

    /* not known: stays, and both branches are cleaned */
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3));
    build_if(&lab, "Less(ReduceSum[keepdims=0](x),#0)");
    CHECK(lab_same(&lab, NULL));
    CHECK(lab_count(&lab, "", "If") == 1 && lab_count(&lab, "", "Identity") == 0);
    lab_end(&lab);
}

/* An If within the branch of an If, both known: the inner one's branches go with it. */
static void nested_branches(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3));
    build_if(&lab, "Equal(Gather(Shape(x),#s1),#s3)");
    struct graph *outer = lab.g;
    struct node *n = lab_find(&lab, "If");
    const struct attr *a = node_attr(n, "then_branch");
    struct graph *branch = a->graph;
    struct value *old = branch->outputs[0];
    lab.g = branch;
    lab.let['x'] = old;
    graph_remove_output(old);
    build_if(&lab, "Less(ReduceSum[keepdims=0](x),#0)");
    lab.g = outer;
    CHECK(lab_same(&lab, NULL));
    CHECK(lab_count(&lab, "", "If") == 1);
    CHECK_STR(lab.g->outputs[0]->name, "y");
    lab_end(&lab);
}

/* The last part of a list is empty, so it is known without the list; the sizes go on naming all parts. */
static void known_parts(void)
{
    struct lab lab;
    lab_start(&lab);
    lab.dtype = DTYPE_I64;
    lab_input(&lab, 'x', DIMS(2));
    lab_output(&lab, "y", "Neg(Split#3(x,#i1;1;0))");
    struct node *split = lab.g->first, *neg = lab.g->last;
    CHECK(node_is(split, "Split") && node_is(neg, "Neg") && node_set_input(neg, 0, split->out[0], &lab.err) == 0);
    neg->out[0]->type.dims[0] = 1;
    check_ops(&lab, "fold-constants,dead-code,remove-identity", "Split Neg");
}

int main(void)
{
    RUN(identities);
    RUN(outputs_stay);
    RUN(dead_code);
    RUN(constants);
    RUN(known_parts);
    RUN(large_and_random_stay);
    RUN(repetitions);
    RUN(shapes);
    RUN(symbolic_shapes);
    RUN(simpler);
    RUN(paddings);
    RUN(branches);
    RUN(nested_branches);
    return TEST_END();
}
