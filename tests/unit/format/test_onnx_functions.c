/* Functions that a model carries, beyond the plain call (test_onnx_read.c): what is run is what they mean. */
#include "exec/exec.h"
#include "onnx_file.h"

static struct error err;

/* Functions being written: each is a message of the model. */
static void function_head(struct msg *f, const char *domain, const char *name, const char *in, const char *out,
                          const char *attributes)
{
    f->size = 0;
    put_string(f, 1, name);
    put_names(f, 4, in);
    put_names(f, 5, out);
    put_names(f, 6, attributes);
    file_opset(f, 9, "", 18);
    file_opset(f, 9, "f", 1);
    put_string(f, 10, domain);
}

static void branch_node(struct msg *branch, const char *op, const char *in, const char *out, const struct msg *attrs)
{
    branch->size = 0;
    file_node(branch, op, in, out, attrs);
    file_value(branch, 12, out, 1, -1, NULL);
}

/* The model of a graph that calls and its functions; f32 x[3], and a bool c that has this value. */
static struct graph *read_calling(struct msg *g, const struct msg *functions, int count, bool c)
{
    static struct msg m;
    struct msg t;
    file_value(g, 11, "x", 1, FILE_DIMS(3));
    tensor_head(&t, "c", DTYPE_BOOL, 0, NULL);
    put_bytes(&t, 9, &(uint8_t){c}, 1);
    put_msg(g, 5, &t);
    file_value(g, 12, "y", 1, -1, NULL);
    file_model(&m, g, 18);
    file_opset(&m, 8, "f", 1);
    for (int i = 0; i < count; i++)
        put_msg(&m, 25, &functions[i]);
    struct graph *graph = file_parse(m.data, m.size, NULL, &err);
    CHECK_MSG(graph != NULL, "%s", err.text);
    return graph;
}

/* By the executor. */
static void exec_gives(const struct graph *g, const float *x, const float *want)
{
    const int64_t dims[] = {3};
    struct exec_options options = {0};
    struct tensor *t = tensor_new(DTYPE_F32, 1, dims, &err);
    memcpy(t->data, x, t->size);
    struct item *in[1] = {item_of_tensor(t, &err)}, *out[1] = {NULL};
    struct exec *e = exec_new(g, &options, &err);
    CHECK_MSG(e && exec_run(e, in, out, &err) == 0, "%s", err.text);
    for (int i = 0; out[0] && i < 3; i++)
        CHECK(fabs(tensor_get_f64(out[0]->tensor, i) - want[i]) < 1e-5);
    exec_free(e);
    item_unref(in[0]);
    item_unref(out[0]);
}

/* Runs it both ways, and frees it. */
static void gives(struct graph *g, const float *x, const float *want)
{
    if (!g)
        return;
    CHECK(graph_gives(g, FILE_INPUTS(x), 3, want));
    exec_gives(g, x, want);
    graph_free(g);
}

#define THREE(a, b, c)                                                                                                 \
    (const float[])                                                                                                    \
    {                                                                                                                  \
        a, b, c                                                                                                        \
    }

/* Pick(x, c; slope): c ? LeakyRelu(x; alpha=@slope) : -x, both in branches, which see the function's input, a value of
 * its body, and its attribute. */
static void put_pick(struct msg *f)
{
    static struct msg yes, no, a, leaky;
    function_head(f, "f", "Pick", "x,c", "y", "slope");
    file_node_in(f, 7, "", "Neg", "x", "minus", NULL);
    leaky.size = a.size = 0;
    attr_ref(&leaky, "alpha", 1, "slope");
    branch_node(&yes, "LeakyRelu", "x", "r", &leaky);
    branch_node(&no, "Identity", "minus", "r", NULL);
    attr_msg(&a, "then_branch", 6, 5, &yes);
    attr_msg(&a, "else_branch", 6, 5, &no);
    file_node_in(f, 7, "", "If", "c", "y", &a);
}

static void branches_in_a_function(void)
{
    for (int c = 0; c < 2; c++) {
        static struct msg f, g, a;
        g.size = a.size = 0;
        put_pick(&f);
        attr_float(&a, "slope", 0.5f);
        file_node_in(&g, 1, "f", "Pick", "x,c", "y", &a);
        gives(read_calling(&g, &f, 1, c), THREE(-2, 0, 4), c ? THREE(-1, 0, 4) : THREE(2, 0, -4));
    }
}

/* A call within a branch of the main graph, and one function in the branch of another. */
static void calls_in_branches(void)
{
    static struct msg f[2], g, yes, no, a;
    put_pick(&f[0]);
    function_head(&f[1], "f", "Half", "x", "y", "");
    a.size = yes.size = no.size = g.size = 0;
    attr_float(&a, "slope", 0.5f);
    attr_float(&a, "unused", 7); /* not a formal attribute */
    file_node_in(&yes, 1, "f", "Pick", "x,c", "r", &a);
    file_value(&yes, 12, "r", 1, -1, NULL);
    branch_node(&no, "Abs", "x", "r", NULL);
    a.size = 0;
    attr_msg(&a, "then_branch", 6, 5, &yes);
    attr_msg(&a, "else_branch", 6, 5, &no);
    file_node_in(&g, 1, "", "Identity", "c", "d", NULL);
    file_node_in(&g, 1, "", "If", "d", "y", &a);
    a.size = 0;
    gives(read_calling(&g, f, 1, true), THREE(-2, 0, 4), THREE(-1, 0, 4));
}

/* Bounded(x, low?, high?) = Clip(x, low, high): the call leaves out one, or both, also by way of another function. */
static void absent_inputs(void)
{
    static const char *const calls[] = {"x,low,high", "x,low,-", "x,low", "x,-,high", "x"};
    static const float want[][3] = {{-1, 0, 2}, {-1, 0, 4}, {-1, 0, 4}, {-2, 0, 2}, {-2, 0, 4}};
    for (int i = 0; i < 10; i++) {
        static struct msg f[2], g;
        g.size = 0;
        file_floats(&g, "low", 0, NULL, FILE_FLOATS(-1));
        file_floats(&g, "high", 0, NULL, FILE_FLOATS(2));
        function_head(&f[0], "f", "Bounded", "x,low,high", "y", "");
        file_node_in(&f[0], 7, "", "Clip", "x,low,high", "y", NULL);
        function_head(&f[1], "f", "Outer", "high,least,most", "y", ""); /* other names, one of them crossed */
        file_node_in(&f[1], 7, "f", "Bounded", "high,least,most", "y", NULL);
        file_node_in(&g, 1, "f", i < 5 ? "Bounded" : "Outer", calls[i % 5], "y", NULL);
        gives(read_calling(&g, f, 2, true), THREE(-2, 0, 4), want[i % 5]);
    }
}

/* A function may have the name of a standard operator, and another domain or the standard's own. */
static void names_of_operators(void)
{
    for (int own = 0; own < 2; own++) {
        static struct msg f, g;
        g.size = 0;
        function_head(&f, own ? "" : "f", "Softsign", "x", "y", "");
        file_node_in(&f, 7, "", "Add", "x,x", "y", NULL);
        file_node_in(&g, 1, own ? "" : "f", "Softsign", "x", "y", NULL);
        gives(read_calling(&g, &f, 1, true), THREE(1, 2, 3), THREE(2, 4, 6));
    }
}

/* The overloads of a name are functions of their own. */
static void overloads(void)
{
    static struct msg f[2], g, n;
    for (int i = 0; i < 2; i++) {
        function_head(&f[i], "f", "Do", "x", "y", "");
        put_string(&f[i], 13, i ? "down" : "up");
        file_node_in(&f[i], 7, "", i ? "Floor" : "Ceil", "x", "y", NULL);
    }
    g.size = n.size = 0;
    put_names(&n, 1, "x");
    put_names(&n, 2, "y");
    put_string(&n, 4, "Do");
    put_string(&n, 7, "f");
    put_string(&n, 8, "down");
    put_msg(&g, 1, &n);
    gives(read_calling(&g, f, 2, true), THREE(1.5f, -1.5f, 0), THREE(1, -2, 0));
}

/* A body whose values are named as the caller's, called twice, an output that is not asked for, and a body of another
 * opset than the file. */
static void names_stay_apart(void)
{
    static struct msg f, g, a;
    g.size = a.size = f.size = 0;
    put_string(&f, 1, "SumDiff");
    put_names(&f, 4, "b,a");
    put_names(&f, 5, "y,t");
    put_string(&f, 10, "f");
    file_opset(&f, 9, "", 11); /* where Squeeze has its axes as an attribute */
    attr_ints(&a, "axes", 1, (const int64_t[]){0});
    file_node_in(&f, 7, "", "Unsqueeze", "b", "x", &a);
    file_node_in(&f, 7, "", "Squeeze", "x", "c", &a);
    file_node_in(&f, 7, "", "Add", "c,a", "y", NULL);
    file_node_in(&f, 7, "", "Sub", "c,a", "t", NULL);
    file_node_in(&g, 1, "", "Neg", "x", "a", NULL);
    file_node_in(&g, 1, "", "Abs", "x", "b", NULL);
    file_node_in(&g, 1, "f", "SumDiff", "a,b", "-,t", NULL); /* -x - |x| */
    file_node_in(&g, 1, "f", "SumDiff", "t,x", "y", NULL);   /* … + x */
    gives(read_calling(&g, &f, 1, true), THREE(-2, 0, 4), THREE(-2, 0, -4));
}

/* What a call may not do. */
static void faults(void)
{
    static const struct {
        const char *in, *out, *words;
    } bad[] = {
        {"x,c,x", "y", "3 inputs and 1 outputs, the function has 2 and 1"},
        {"x,c", "y,z", "2 inputs and 2 outputs, the function has 2 and 1"},
        {"nothing,c", "y", "nothing makes a value of that name"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        static struct msg f, g, m;
        g.size = 0;
        put_pick(&f);
        file_value(&g, 11, "x", 1, FILE_DIMS(3));
        file_value(&g, 11, "c", 9, 0, NULL);
        file_node_in(&g, 1, "f", "Pick", bad[i].in, bad[i].out, NULL);
        file_value(&g, 12, "y", 1, -1, NULL);
        file_model(&m, &g, 18);
        put_msg(&m, 25, &f);
        struct graph *graph = file_parse(m.data, m.size, NULL, &err);
        CHECK_MSG(!graph && strstr(err.text, bad[i].words), "%s", err.text);
        graph_free(graph);
    }
}

int main(void)
{
    RUN(branches_in_a_function);
    RUN(calls_in_branches);
    RUN(absent_inputs);
    RUN(names_of_operators);
    RUN(overloads);
    RUN(names_stay_apart);
    RUN(faults);
    return TEST_END();
}
