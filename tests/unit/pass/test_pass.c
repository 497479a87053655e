/* The table of passes and running them. */
#include <time.h>

#include "lab.h"

static void table(void)
{
    size_t count;
    const struct pass *passes = pass_table(&count);
    bool fuses = false;
    CHECK(count > 5);
    for (size_t i = 0; i < count; i++) {
        CHECK(passes[i].run && passes[i].what[0] && passes[i].name[0]);
        CHECK(pass_named(passes[i].name) == &passes[i]); /* no two of one name */
        CHECK_MSG(!fuses || passes[i].fuses, "%s stands behind those that fuse", passes[i].name);
        fuses = passes[i].fuses;
    }
}

static void counts(void)
{
    struct lab lab;
    size_t count;
    const struct pass *passes = pass_table(&count);
    int *n = calloc(count, sizeof(*n));
    bool *chosen = calloc(count, sizeof(*chosen));
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 2));
    lab_output(&lab, "y", "Neg(Identity(Identity(x)))");
    op_resolve(lab.g);
    chosen[pass_named("remove-identity") - passes] = true;
    CHECK(pass_run(lab.g, chosen, n, &lab.err) == 0);
    CHECK(n[pass_named("remove-identity") - passes] == 2 && n[0] == 0);
    CHECK(pass_run(lab.g, chosen, NULL, &lab.err) == 0);
    CHECK_STR(lab_ops(&lab), "Neg");
    free(n);
    free(chosen);
    lab_end(&lab);
}

/* A convolution with all that goes into it, through all passes. */
static void everything(void)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    lab_input(&lab, 'x', DIMS(1, 4, 6, 6));
    lab_constant(&lab, 'w', DIMS(4, 4, 3, 3));
    lab_constant(&lab, 's', DIMS(4));
    lab_constant(&lab, 't', DIMS(4));
    lab.low = 0.1;
    lab_constant(&lab, 'v', DIMS(4));
    lab.low = -4;
    lab_let(&lab, 'c', "BatchNormalization(Conv(Pad(x,#i0;0;1;1;0;0;1;1),w),s,t,t,v)");
    lab_let(&lab, 'h', "Div(Mul(c,Clip(Add(c,#3),#0,#6)),#6)");
    lab_let(&lab, 'a', "Add(Identity(h),x)");
    lab_output(&lab, "y", "Reshape(a,Concat[axis=0](Slice(Shape(a),#i0,#i2),#i-1))");
    CHECK(lab_same(&lab, NULL));
    CHECK_STR(lab_ops(&lab), "nn.Conv Reshape");
    lab_end(&lab);
}

/* Twice the same graph gives twice the same. */
static void is_stable(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1, 4, 6, 6));
    lab_output(&lab, "y", "Mul(Relu(Sum(x,Exp(x),Neg(x))),GlobalAveragePool(x))");
    CHECK(lab_same(&lab, NULL));
    int count = lab_count(&lab, "", NULL);
    CHECK(lab_same(&lab, NULL) && lab_count(&lab, "", NULL) == count);
    lab_end(&lab);
}

/* Unknown operators are left alone. */
static void unknown_operators(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 2));
    struct value *v = lab_output(&lab, "y", "Mystery(Identity(x))");
    node_set_op(v->producer, "some.domain", "Mystery", &lab.err);
    op_resolve(lab.g);
    CHECK(pass_run_safe(lab.g, &lab.err) == 0 && graph_check(lab.g, &lab.err) == 0);
    CHECK_STR(lab_ops(&lab), "some.domain.Mystery");
    lab_end(&lab);
}

/* A body whose nodes use values from outside, in a Loop. */
static void loops(void)
{
    struct lab lab;
    lab_start(&lab);
    struct value *x = lab_input(&lab, 'x', DIMS(2, 2));
    struct graph *outer = lab.g, *body = graph_new_subgraph(outer, &lab.err);
    struct value *sigmoid = lab_let(&lab, 's', "Sigmoid(x)");
    lab_let(&lab, 'm', "#s3");
    struct node *loop = graph_add_node(outer, "", "Loop", NULL, &lab.err);
    node_add_input(loop, lab.let['m'], &lab.err);
    node_add_input(loop, NULL, &lab.err);
    node_add_input(loop, x, &lab.err);
    lab.g = body;
    for (int i = 0; i < 3; i++) {
        struct value *v = graph_add_value(body, NULL, &lab.err);
        v->type = (struct type){.kind = TYPE_TENSOR, .dtype = i == 0 ? DTYPE_I64 : DTYPE_BOOL};
        if (i == 2)
            v->type = x->type;
        graph_add_input(body, v, &lab.err);
        lab.let[(int)"icv"[i]] = v;
    }
    lab.let['s'] = sigmoid;
    lab.let['x'] = x;
    lab_output(&lab, NULL, "Identity(c)");
    lab_output(&lab, NULL, "Add(Mul(x,s),Relu(Relu(Identity(v))))");
    lab.g = outer;
    node_set_graph(loop, "body", body, &lab.err);
    graph_add_output(outer, node_new_output(loop, "y", &lab.err), &lab.err);
    CHECK(lab_same(&lab, NULL));
    CHECK(lab_count(&lab, "", "Relu") == 1 && lab_count(&lab, "", "Sigmoid") == 1 && lab_count(&lab, "", "Loop") == 1);
    lab_end(&lab);
}

/* Long chains: neither recursion nor quadratic time. */
static void large_graphs(void)
{
    static const char *const links[] = {"Neg(x)", "Identity(x)", "Add(x,#0)", "Transpose(Transpose(x))",
                                        "Mul(x,Sigmoid(x))"};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        struct value *x = lab_input(&lab, 'x', DIMS(2, 2));
        for (int k = 0; k < 5000; k++)
            lab.let['x'] = lab_let(&lab, 'y', links[i]);
        lab_output(&lab, "z", "Abs(x)");
        lab.let['x'] = x;
        for (int k = 0; k < 5000; k++) /* and nothing uses this one */
            lab.let['x'] = lab_let(&lab, 'y', "Exp(x)");
        op_resolve(lab.g);
        clock_t start = clock();
        CHECK(pass_run_safe(lab.g, &lab.err) == 0 && graph_check(lab.g, &lab.err) == 0);
        CHECK_MSG(test_in_time(start, 2), "%s took %g s", links[i], (double)(clock() - start) / CLOCKS_PER_SEC);
        CHECK(lab_count(&lab, "", "Exp") == 0);
        lab_end(&lab);
    }
}

int main(void)
{
    RUN(table);
    RUN(counts);
    RUN(everything);
    RUN(is_stable);
    RUN(unknown_operators);
    RUN(loops);
    RUN(large_graphs);
    return TEST_END();
}
