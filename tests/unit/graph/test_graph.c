/* Editing: links both ways, names, constants, attributes, subgraphs. */
#include <stdlib.h>

#include "../../test.h"
#include "graph/graph.h"

static struct error err;
static struct graph *g;

static struct node *node(struct graph *at, const char *op, struct value *a, struct value *b, const char *out)
{
    struct node *n = graph_add_node(at, "", op, NULL, &err);

    CHECK(node_add_input(n, a, &err) == 0);
    if (b)
        CHECK(node_add_input(n, b, &err) == 0);
    CHECK(node_new_output(n, out, &err) != NULL);
    return n;
}

static struct value *input(struct graph *at, const char *name)
{
    struct value *v = graph_add_value(at, name, &err);

    CHECK(graph_add_input(at, v, &err) == 0);
    return v;
}

static void check_whole(void)
{
    err.text[0] = '\0';
    CHECK_MSG(graph_check(g, &err) == 0, "%s", err.text);
}

static void check_fault(const char *part)
{
    CHECK(graph_check(g, &err) == -1);
    CHECK_MSG(strstr(err.text, part), "%s", err.text);
}

/* x → Relu → r → Add(r, w) → y */
static struct node *relu, *sum;
static struct value *x, *w;

static void begin(void)
{
    g = graph_new(&err);
    x = input(g, "x");
    w = graph_add_constant(g, "w", tensor_scalar_f32(2, &err), &err);
    relu = node(g, "Relu", x, NULL, "r");
    sum = node(g, "Add", relu->out[0], w, "y");
    CHECK(graph_add_output(g, sum->out[0], &err) == 0);
    check_whole();
}

static void building(void)
{
    begin();
    CHECK(g->node_count == 2 && g->first == relu && g->last == sum && relu->next == sum && sum->prev == relu);
    CHECK(graph_find_value(g, "r") == relu->out[0] && !graph_find_value(g, "nothing"));
    CHECK(w->use_count == 1 && relu->out[0]->use_count == 1);
    CHECK(sum->out[0]->use_count == 0 && value_is_used(sum->out[0]));
    CHECK(node_is(relu, "Relu") && !node_is(relu, "Add") && node_in(relu, 7) == NULL && node_out(sum, 0) != NULL);
    CHECK(w->type.kind == TYPE_TENSOR && w->type.dtype == DTYPE_F32 && w->type.rank == 0 && x->type.rank == -1);
    CHECK(!graph_add_value(g, "x", &err) && strstr(err.text, "'x'"));
    CHECK(!graph_add_constant(g, "x", tensor_scalar_f32(1, &err), &err)); /* takes the tensor over all the same */
    CHECK(!graph_add_constant(g, "c", NULL, &err));
    CHECK(graph_add_input(g, sum->out[0], &err) == -1 && graph_add_input(g, x, &err) == -1);
    CHECK(node_add_output(sum, x, &err) == -1 && node_add_output(sum, w, &err) == -1);
    CHECK(node_add_output(sum, relu->out[0], &err) == -1);
    CHECK(node_set_input(sum, 3, x, &err) == -1 && node_set_input(sum, -1, x, &err) == -1);
    check_whole();
    graph_free(g);
    graph_free(NULL);
}

static void fresh_names(void)
{
    struct value *a, *b;

    begin();
    CHECK(graph_add_value(g, "_7", &err) && graph_add_value(g, "_007x", &err) && graph_add_value(g, "n_123456", &err));
    a = graph_add_value(g, NULL, &err);
    b = graph_add_value(g, "", &err);
    CHECK(a && b && *a->name && strcmp(a->name, b->name) != 0);
    CHECK(node_new_output(relu, "y", &err) && strncmp(relu->out[1]->name, "y_", 2) == 0);
    CHECK(graph_rename_value(a, "x", &err) == -1 && graph_rename_value(a, "", &err) == -1);
    CHECK(graph_rename_value(a, "alpha", &err) == 0 && graph_rename_value(a, "alpha", &err) == 0);
    CHECK(graph_find_local(g, "alpha") == a);
    check_whole();
    graph_free(g);
}

static void editing(void)
{
    struct node *mul;

    begin();
    mul = graph_add_node(g, "", "Mul", sum, &err);
    CHECK(mul->prev == relu && mul->next == sum);
    CHECK(node_set_input(mul, 0, x, &err) == 0 && node_set_input(mul, 1, x, &err) == 0);
    CHECK(node_add_input(mul, NULL, &err) == 0 && node_add_input(mul, w, &err) == 0);
    CHECK(x->use_count == 3 && mul->in_count == 4);
    CHECK(node_new_output(mul, NULL, &err) && node_set_input(sum, 0, mul->out[0], &err) == 0);
    check_whole();
    CHECK(relu->out[0]->use_count == 0);
    graph_remove_node(relu);
    CHECK(g->node_count == 2 && g->first == mul && !graph_find_value(g, "r") && x->use_count == 2);
    check_whole();
    node_truncate_inputs(mul, 1);
    CHECK(mul->in_count == 1 && x->use_count == 1 && w->use_count == 1);
    graph_move_node(sum, mul);
    check_fault("before the node that makes");
    graph_move_node(sum, NULL);
    graph_move_node(sum, sum);
    check_whole();
    graph_free(g);
}

static void replacing(void)
{
    struct node *copy;

    begin();
    copy = node(g, "Identity", sum->out[0], NULL, "z");
    CHECK(graph_add_output(g, copy->out[0], &err) == 0);
    CHECK(graph_replace_value(relu->out[0], x, &err) == 0);
    CHECK(sum->in[0] == x && x->use_count == 2);
    graph_remove_node(relu);
    CHECK(graph_replace_value(sum->out[0], x, &err) == -1); /* an output's name would go to an input */
    check_whole();
    graph_remove_output(sum->out[0]);
    CHECK(!sum->out[0]->is_output && g->output_count == 1);
    CHECK(graph_replace_value(copy->out[0], sum->out[0], &err) == 0);
    CHECK_STR(sum->out[0]->name, "z");
    CHECK(g->outputs[0] == sum->out[0] && !copy->out[0]->is_output && strcmp(copy->out[0]->name, "z") != 0);
    graph_remove_node(copy);
    CHECK(graph_replace_value(sum->out[0], sum->out[0], &err) == 0);
    check_whole();
    graph_free(g);
}

static void constants(void)
{
    struct value *r;

    begin();
    r = relu->out[0];
    CHECK(graph_make_constant(r, tensor_ints(3, (int64_t[]){1, 2, 3}, &err), &err) == 0);
    CHECK(!relu->out[0] && !r->producer && r->type.rank == 1 && r->type.dims[0] == 3);
    check_whole();
    graph_remove_node(relu);
    CHECK(graph_find_value(g, "r") == r && graph_make_constant(r, NULL, &err) == -1);
    CHECK(graph_make_constant(r, tensor_scalar_i64(1, &err), &err) == 0 && r->type.rank == 0);
    CHECK(graph_make_constant(x, tensor_scalar_i64(1, &err), &err) == 0 && x->is_input); /* a default */
    check_whole();
    graph_remove_input(x);
    CHECK(g->input_count == 0);
    graph_remove_value(x);
    CHECK(!graph_find_value(g, "x"));
    graph_remove_value(r); /* in use: stays */
    CHECK(graph_find_value(g, "r") == r);
    graph_free(g);
}

static void moved_outputs(void)
{
    struct node *fused;
    struct value *y;

    begin();
    y = sum->out[0];
    fused = graph_add_node(g, "nn", "Fused", sum, &err);
    CHECK(node_move_output(sum, 0, fused, &err) == 0 && node_move_output(sum, 1, fused, &err) == -1);
    CHECK(y->producer == fused && fused->out[0] == y && !sum->out[0]);
    CHECK(node_add_input(fused, relu->out[0], &err) == 0 && !node_is(fused, "Fused"));
    graph_remove_node(sum);
    CHECK(graph_find_value(g, "y") == y && y->is_output);
    CHECK(node_set_op(fused, "", "Other", &err) == 0 && node_is(fused, "Other"));
    check_whole();
    graph_free(g);
}

static void attributes(void)
{
    struct type type = {.kind = TYPE_SEQUENCE, .element = &(struct type){.kind = TYPE_TENSOR, .rank = -1}};
    struct node *other;

    begin();
    CHECK(node_set_int(relu, "i", 5, &err) == 0 && node_attr(relu, "i")->i == 5 && !node_attr(relu, "j"));
    CHECK(node_set_float(relu, "i", 0.5f, &err) == 0 && node_attr(relu, "i")->kind == ATTR_FLOAT);
    CHECK(node_set_string(relu, "s", "a\0b", 3, &err) == 0 && node_attr(relu, "s")->s.size == 3);
    CHECK(node_set_tensor(relu, "t", tensor_scalar_i64(1, &err), &err) == 0);
    CHECK(node_set_tensor(relu, "t", tensor_scalar_i64(2, &err), &err) == 0);
    CHECK(node_set_tensor(relu, "t2", NULL, &err) == -1);
    CHECK(node_set_ints(relu, "ints", (int64_t[]){1, 2}, 2, &err) == 0 && node_attr(relu, "ints")->ints[1] == 2);
    CHECK(node_set_ints(relu, "none", NULL, 0, &err) == 0 && node_attr(relu, "none")->n == 0);
    CHECK(node_set_floats(relu, "floats", (float[]){1.5f}, 1, &err) == 0);
    CHECK(node_set_strings(relu, "strings", (struct str[]){{"x", 1}, {NULL, 0}}, 2, &err) == 0);
    CHECK(node_set_type(relu, "type", &type, &err) == 0 && node_attr(relu, "type")->type->element != type.element);
    CHECK(relu->attrs->kind == ATTR_FLOAT && strcmp(relu->attrs->next->name, "s") == 0); /* in order */
    check_whole();
    other = graph_add_node(g, "", "Other", NULL, &err);
    CHECK(node_take_attrs(other, relu, &err) == 0 && tensor_get_i64(node_attr(other, "t")->tensor, 0) == 2);
    node_remove_attr(relu, "s");
    node_remove_attr(relu, "t");
    node_remove_attr(relu, "nothing");
    CHECK(!node_attr(relu, "s") && node_attr(relu, "ints") && node_attr(other, "s"));
    graph_remove_node(other);
    check_whole();
    graph_free(g);
}

/* A node whose subgraph uses outer values: x and r. */
static struct node *with_subgraph(struct graph *at, struct value *captured, const char *out)
{
    struct node *n = graph_add_node(at, "", "If", NULL, &err);
    struct graph *sub = graph_new_subgraph(at, &err);
    struct node *inner = node(sub, "Neg", captured, NULL, NULL);

    CHECK(graph_add_output(sub, inner->out[0], &err) == 0 && node_new_output(n, out, &err));
    CHECK(node_set_graph(n, "then_branch", sub, &err) == 0 && sub->holder == n);
    return n;
}

static void subgraphs(void)
{
    struct node *a, *b;
    struct graph *sub, *deeper;
    struct value *r;

    begin();
    r = relu->out[0];
    a = with_subgraph(g, r, "if_out");
    sub = node_attr(a, "then_branch")->graph;
    CHECK(r->use_count == 2 && r->uses[1].node->graph == sub && graph_find_value(sub, "x") == x);
    CHECK(!graph_find_local(sub, "x") && graph_next(g, g) == sub && graph_next(g, sub) == NULL);
    CHECK(graph_holder_in(g, sub->first) == a && graph_holder_in(g, relu) == relu && !graph_holder_in(sub, relu));
    CHECK(node_set_graph(relu, "x", sub, &err) == -1); /* has a holder */
    check_whole();

    b = with_subgraph(sub, x, "deep");
    deeper = node_attr(b, "then_branch")->graph;
    CHECK(node_add_input(deeper->first, sub->first->out[0], &err) == 0);
    CHECK(node_set_graph(relu, "x", deeper, &err) == -1);
    CHECK(graph_next(g, sub) == deeper && graph_holder_in(g, deeper->first) == a);
    CHECK(node_add_input(relu, sub->first->out[0], &err) == -1); /* an inner value is not seen outside */
    check_whole();

    graph_move_node(relu, NULL); /* the inner use of r must hold it back */
    check_fault("before the node that makes");
    graph_move_node(relu, a);
    graph_move_node(relu, sum);
    check_whole();

    CHECK(graph_add_value(sub, "r", &err) != NULL); /* hides the outer one */
    check_fault("hidden");
    graph_remove_value(graph_find_local(sub, "r"));

    b = graph_add_node(g, "", "If", NULL, &err);
    CHECK(node_take_attrs(b, a, &err) == 0 && !a->attrs && sub->holder == b);
    CHECK(node_move_output(a, 0, b, &err) == 0);
    graph_remove_node(a);
    check_whole();
    CHECK(x->use_count == 2 && r->use_count == 2);
    graph_remove_node(b); /* with all that was in it */
    CHECK(x->use_count == 1 && r->use_count == 1 && !graph_next(g, g));
    check_whole();
    graph_free(g);
}

static void replacing_across_graphs(void)
{
    struct node *a;
    struct graph *sub;

    begin();
    a = with_subgraph(g, relu->out[0], "if_out");
    sub = node_attr(a, "then_branch")->graph;
    CHECK(graph_replace_value(relu->out[0], x, &err) == 0 && sub->first->in[0] == x);
    CHECK(graph_replace_value(sub->first->out[0], x, &err) == -1);  /* an output of sub must be sub's */
    CHECK(graph_replace_value(x, sub->first->out[0], &err) == -1); /* not seen by relu */
    check_whole();
    graph_free(g);
}

static void deep_subgraphs(void)
{
    struct graph *at;
    int depth = 0;

    begin();
    for (at = g; depth < 100; depth++) {
        struct graph *sub = graph_new_subgraph(at, &err);

        if (!sub)
            break;
        CHECK(node_set_graph(graph_add_node(at, "", "If", NULL, &err), "b", sub, &err) == 0);
        at = sub;
    }
    CHECK(depth == GRAPH_MAX_DEPTH && strstr(err.text, "64"));
    node(at, "Neg", x, NULL, NULL);
    check_whole();
    CHECK(graph_sort(g, &err) == 0);
    check_whole();
    graph_remove_node(g->last);
    CHECK(x->use_count == 1);
    graph_free(g);
}

static void faults(void)
{
    struct value *lonely;

    begin();
    lonely = graph_add_value(g, "lonely", &err);
    CHECK(node_add_input(sum, lonely, &err) == 0);
    check_fault("nothing makes, 'lonely'");
    node_truncate_inputs(sum, 2);
    CHECK(graph_add_output(g, lonely, &err) == 0);
    check_fault("nothing makes");
    graph_remove_output(lonely);
    check_whole();
    x->type.kind = TYPE_TENSOR;
    x->type.rank = 1;
    x->type.dims[0] = -3; /* no symbol */
    check_fault("impossible type");
    x->type.dims[0] = DIM_UNKNOWN;
    check_whole();
    w->type.dtype = DTYPE_I64;
    check_fault("constant of another type");
    w->type.dtype = DTYPE_F32;
    sum->in[0] = x;
    check_fault("is said to be used");
    sum->in[0] = relu->out[0];
    check_whole();
    graph_free(g);
}

static void properties(void)
{
    begin();
    CHECK(!graph_property(g, "task"));
    CHECK(graph_set_property(g, "task", "classify", 8, &err) == 0);
    CHECK(graph_set_property(g, "labels", "a\nb", 3, &err) == 0);
    CHECK(graph_set_property(g, "task", "", 0, &err) == 0 && graph_property(g, "task")->size == 0);
    CHECK(strcmp(g->properties->key, "task") == 0 && graph_property(g, "labels")->size == 3);
    graph_free(g);
}

static void labels(void)
{
    char text[64], tiny[6];
    struct type type = {.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = 4};
    struct type seq = {.kind = TYPE_SEQUENCE, .element = &type}, unknown = {.rank = -1};

    begin();
    memcpy(type.dims, (int64_t[]){1, 3, graph_symbol(g, "H", &err), DIM_UNKNOWN}, 32);
    CHECK_STR(type_text(g, &type, text, sizeof text), "f32 1x3xHx?");
    CHECK_STR(type_text(g, &type, tiny, sizeof tiny), "f32 1");
    CHECK_STR(type_text(g, &seq, text, sizeof text), "seq(f32 1x3xHx?)");
    CHECK_STR(type_text(g, &unknown, text, sizeof text), "?");
    type.rank = 0;
    CHECK_STR(type_text(g, &type, text, sizeof text), "f32 scalar");
    type.rank = -1;
    CHECK_STR(type_text(g, &type, text, sizeof text), "f32 *");
    CHECK_STR(node_label(sum, text, sizeof text), "node 1 (Add)");
    CHECK(node_set_name(sum, "plus", &err) == 0);
    CHECK_STR(node_label(sum, text, sizeof text), "plus");
    graph_free(g);
}

/* Everything stays linear: this many of each would take minutes otherwise. */
static void large(void)
{
    enum { N = 100000 };
    struct value **made = malloc(N * sizeof *made);
    struct value *last;

    g = graph_new(&err);
    x = input(g, "x");
    last = x;
    for (int i = 0; i < N; i++) {
        struct node *n = graph_add_node(g, "", "Add", NULL, &err);

        node_add_input(n, last, &err);
        node_add_input(n, x, &err);
        made[i] = last = node_new_output(n, NULL, &err);
    }
    CHECK(graph_add_output(g, last, &err) == 0 && x->use_count == N + 1);
    check_whole();
    CHECK(graph_sort(g, &err) == 0);
    for (int i = 0; i < N; i += 2) /* removes every second node, from the front of x's uses */
        CHECK(graph_replace_value(made[i], x, &err) == 0);
    for (int i = 0; i < N; i += 2)
        graph_remove_node(made[i]->producer);
    CHECK(g->node_count == N / 2 && x->use_count == N);
    check_whole();
    graph_free(g);
    free(made);
}

int main(void)
{
    RUN(building);
    RUN(fresh_names);
    RUN(editing);
    RUN(replacing);
    RUN(constants);
    RUN(moved_outputs);
    RUN(attributes);
    RUN(subgraphs);
    RUN(replacing_across_graphs);
    RUN(deep_subgraphs);
    RUN(faults);
    RUN(properties);
    RUN(labels);
    RUN(large);
    return TEST_END();
}
