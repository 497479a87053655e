/* Operators as arithmetic, for formats that have none: the same results. (Those that older opsets lack:
 * test_onnx_write.c.) */
#include "../../test.h"
#include "base/hash.h"
#include "format/lower.h"
#include "graph/item.h"

static struct error err;

static bool is_elements(const struct node *n)
{
    return node_is(n, "GatherElements");
}

static int lower(struct node *n, struct error *e)
{
    return format_lower_unless(n, is_elements(n) ? NULL : "any", e);
}

/* Output 0 of a graph for one input of seeded numbers; a new reference. */
static struct item *run(const struct graph *g)
{
    struct item *in[1] = {NULL}, *out[1] = {NULL};
    struct tensor *t = tensor_new(DTYPE_F32, g->inputs[0]->type.rank, g->inputs[0]->type.dims, &err);
    uint64_t seed = 3;
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, hash_normal(&seed));
    in[0] = item_of_tensor(t, &err);
    CHECK_MSG(op_run(g, in, out, 1 << 20, 1, &err) == 0, "%s", err.text);
    item_unref(in[0]);
    return out[0];
}

/* Elements of x [3, 4, 5] along an axis, at fewer places than it has, some counted from its end. */
static void gathered_elements(void)
{
    for (int64_t axis = -3; axis < 3; axis++) {
        struct build b = {.graph = graph_new(&err), .err = &err};
        struct value *x = build_input(&b, "x", DTYPE_F32, 3, (int64_t[]){3, 4, 5});
        struct tensor *at = tensor_new(DTYPE_I32, 3, (int64_t[]){2, 3, 4}, &err);
        for (int64_t i = 0; i < at->count; i++)
            tensor_set_i64(at, i, i * 7 % 6 - 3);
        struct value *y = BUILD(&b, "GatherElements", x, build_constant(&b, NULL, at));
        build_graph_output(&b, build_int(&b, y, "axis", axis), "y");
        CHECK_MSG(build_graph_end(&b) == 0 && op_infer_graph(b.graph, &err) == 0, "%s", err.text);
        struct item *before = run(b.graph);
        CHECK(format_lower_all(b.graph, lower, &err) == 1);
        for (struct node *n = b.graph->first; n; n = n->next)
            CHECK(!is_elements(n));
        struct item *after = run(b.graph);
        CHECK(before && after && before->tensor->count == 24 &&
              memcmp(before->tensor->data, after->tensor->data, before->tensor->size) == 0);
        item_unref(before);
        item_unref(after);
        graph_free(b.graph);
    }
}

/* Pools and convolutions of x [2, 3, 17] as those of images. */
static void signals(void)
{
    static const char *const ops[] = {"MaxPool/kernel_shape=3/strides=2/pads=1,0",
                                      "AveragePool/kernel_shape=4/pads=1,2", "Conv/dilations=2/pads=3,1",
                                      "ConvTranspose/strides=3/output_padding=2"};
    for (int i = 0; i < 4; i++) {
        struct build b = {.graph = graph_new(&err), .err = &err};
        struct value *x = build_input(&b, "x", DTYPE_F32, 3, (int64_t[]){2, 3, 17});
        struct tensor *w = tensor_new(DTYPE_F32, 3, (int64_t[]){3, 3, 4}, &err);
        for (int64_t k = 0; k < w->count; k++)
            tensor_set_f64(w, k, (double)(k % 7) - 3);
        struct value *filter = build_constant(&b, NULL, w);
        build_graph_output(&b, i < 2 ? BUILD(&b, ops[i], x) : BUILD(&b, ops[i], x, filter), "y");
        CHECK_MSG(build_graph_end(&b) == 0 && op_infer_graph(b.graph, &err) == 0, "%s", err.text);
        struct item *before = run(b.graph);
        for (struct node *n = b.graph->first, *next; n; n = next) {
            next = n->next;
            if (n->in[0]->type.rank == 3 && format_lower_signal(n, &err) == 1)
                graph_remove_node(n);
        }
        CHECK(op_infer_graph(b.graph, &err) == 0 && b.graph->first->next &&
              b.graph->first->next->out[0]->type.rank == 4);
        struct item *after = run(b.graph);
        CHECK(before && after && before->tensor->count == after->tensor->count &&
              memcmp(before->tensor->data, after->tensor->data, before->tensor->size) == 0);
        item_unref(before);
        item_unref(after);
        graph_free(b.graph);
    }
}

int main(void)
{
    RUN(signals);
    RUN(gathered_elements);
    return TEST_END();
}
