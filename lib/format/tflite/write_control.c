/* Branches and loops: their graphs become subgraphs of the file, to which all that they use is given. */
#include <stdlib.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"
#include "op/build.h"

#define VALUES_MOST 256 /* that go into a subgraph */

/* ---- If ---- */

/* A branch as a root, whose inputs are what it takes from outside. */
struct branch {
    struct graph *g;
    struct value **captured;
    size_t count;
};

/* Adds what the branch captures to the list; the new number, or -1. */
static int add_captured(const struct branch *b, struct value **all, int count)
{
    for (size_t i = 0; i < b->count; i++) {
        int at = 0;
        while (at < count && all[at] != b->captured[i])
            at++;
        if (at == VALUES_MOST)
            return -1;
        all[at] = b->captured[i];
        count = at == count ? count + 1 : count;
    }
    return count;
}

/* Gives the branch an input for each of all[], in that order. */
static int align_inputs(struct branch *b, struct value *const *all, int count, struct error *err)
{
    struct value *in[VALUES_MOST];
    for (int i = 0; i < count; i++) {
        in[i] = NULL;
        for (size_t k = 0; k < b->count; k++)
            if (b->captured[k] == all[i])
                in[i] = b->g->inputs[k];
        if (!in[i] && !(in[i] = graph_add_value(b->g, NULL, err)))
            return -1;
        if (!in[i]->is_input && graph_copy_type(b->g, &in[i]->type, &all[i]->type, err) < 0)
            return -1;
    }
    while (b->g->input_count)
        graph_remove_input(b->g->inputs[0]);
    for (int i = 0; i < count; i++)
        if (graph_add_input(b->g, in[i], err) < 0)
            return -1;
    return 0;
}

static bool open_branches(struct tflite_writer *w, struct node *n, struct branch *b, struct value **all, int *count)
{
    static const char *const names[] = {"then_branch", "else_branch"};
    for (int i = 0; i < 2; i++) {
        b[i].g = graph_extract(op_graph(n, names[i]), &b[i].captured, &b[i].count, w->err);
        w->failed = w->failed || !b[i].g;
        if (w->failed || (*count = add_captured(&b[i], all, *count)) < 0)
            break;
    }
    for (int i = 0; i < 2 && !w->failed && *count >= 0; i++)
        w->failed = align_inputs(&b[i], all, *count, w->err) < 0;
    if (*count < 0)
        tflite_cannot(w, n, "it takes more than 256 values from outside");
    return !w->failed && *count >= 0;
}

void tflite_write_if(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    struct branch b[2] = {{0}};
    struct value *all[VALUES_MOST];
    int in[VALUES_MOST + 1], out[VALUES_MOST], count = 0, graphs[2] = {-1, -1};
    bool is_open = n->out_count <= VALUES_MOST && open_branches(w, n, b, all, &count);
    in[0] = is_open ? tflite_take(w, n->in[0], false) : 0;
    for (int i = 0; is_open && i < count; i++)
        in[i + 1] = tflite_take(w, all[i], false);
    for (int i = 0; is_open && i < 2; i++)
        graphs[i] = tflite_write_subgraph(w, b[i].g, i ? "else" : "then");
    for (int i = 0; is_open && !w->failed && i < n->out_count; i++)
        out[i] = tflite_give_plain(w, n, i);
    if (is_open && !w->failed) {
        flatbuf_begin(&w->out);
        flatbuf_add_int(&w->out, 0, 4, graphs[0], 0);
        flatbuf_add_int(&w->out, 1, 4, graphs[1], 0);
        tflite_call(w, row->code, flatbuf_end(&w->out), count + 1, in, n->out_count, out);
    }
    for (int i = 0; i < 2; i++) {
        graph_free(b[i].g);
        free(b[i].captured);
    }
}

/* ---- Loop ---- */

/* What goes around: [count of rounds] [condition] carried values, captured ones [limit]. */
struct loop {
    struct graph *body, *condition;
    struct value **captured;
    size_t captured_count;
    int carried;
    bool counts, asks, has_limit; /* whether count, condition and limit are among it */
    int64_t limit;                /* a constant one */
    int same;                     /* the carried value that is the condition; or -1 */
};

static struct value *behind_identity(struct value *v)
{
    while (v->producer && node_is(v->producer, "Identity"))
        v = v->producer->in[0];
    return v;
}

/* The carried value that is always the condition, as in loops that were read from TFLite; -1: none. */
static int same_as_condition(const struct node *n, const struct graph *body, int carried)
{
    for (int i = 0; n->in[1] && i < carried; i++)
        if (behind_identity(n->in[2 + i]) == behind_identity(n->in[1]) && !n->in[1]->constant &&
            behind_identity(body->outputs[1 + i]) == behind_identity(body->outputs[0]))
            return i;
    return -1;
}

/* The body's new results: the number of the round, and what goes around unchanged. */
static void complete_body(struct tflite_writer *w, struct loop *l)
{
    struct build b = {.graph = l->body, .err = w->err};
    struct value *out[VALUES_MOST], *in[VALUES_MOST];
    int n = 0, m = 0, last = 2 + l->carried;
    struct value *const *inputs = l->body->inputs, *const *outputs = l->body->outputs;
    if (l->counts) {
        in[m++] = inputs[0];
        out[n++] = BUILD(&b, "Add", inputs[0], build_number(&b, DTYPE_I64, 1));
    }
    if (l->asks) {
        in[m++] = inputs[1];
        out[n++] = outputs[0];
    }
    for (int i = 0; i < l->carried; i++) {
        in[m++] = inputs[2 + i];
        out[n++] = i == l->same ? behind_identity(outputs[0]) : outputs[1 + i];
    }
    for (size_t i = 0; i < l->captured_count; i++)
        in[m++] = out[n++] = inputs[last + (int)i];
    if (l->has_limit)
        in[m++] = out[n++] = build_input(&b, NULL, DTYPE_I64, 0, NULL);
    while (l->body->input_count)
        graph_remove_input(l->body->inputs[0]);
    while (l->body->output_count)
        graph_remove_output(l->body->outputs[0]);
    for (int i = 0; i < n && !b.failed; i++)
        build_check(&b, graph_add_input(l->body, in[i], w->err) == 0 && graph_add_output(l->body, out[i], w->err) == 0);
    w->failed = w->failed || b.failed || graph_sort(l->body, w->err) < 0;
}

/* The graph of the same inputs that says whether there is another round. */
static void make_condition(struct tflite_writer *w, struct loop *l)
{
    struct build b = {.graph = l->condition = graph_new(w->err), .err = w->err};
    b.failed = !l->condition;
    for (size_t i = 0; i < l->body->input_count && !b.failed; i++) {
        const struct type *t = &l->body->inputs[i]->type;
        build_input(&b, NULL, t->dtype, t->rank, t->dims);
    }
    if (b.failed) {
        w->failed = true;
        return;
    }
    struct value *const *in = l->condition->inputs;
    struct value *again = l->asks ? in[l->counts] : l->same >= 0 ? in[l->counts + l->same] : NULL;
    if (l->counts && (l->has_limit || l->limit < INT64_MAX)) {
        struct value *limit =
            l->has_limit ? in[l->body->input_count - 1] : build_constant(&b, NULL, tensor_scalar_i64(l->limit, w->err));
        struct value *more = BUILD(&b, "Less", in[0], limit);
        again = again ? BUILD(&b, "And", again, more) : more;
    }
    build_check(&b, again && graph_add_output(l->condition, again, w->err) == 0);
    w->failed = w->failed || b.failed;
}

static bool open_loop(struct tflite_writer *w, struct node *n, struct loop *l)
{
    const struct value *limit = node_in(n, 0), *first = node_in(n, 1);
    l->carried = n->in_count - 2;
    l->body = graph_extract(op_graph(n, "body"), &l->captured, &l->captured_count, w->err);
    if (!l->body) {
        w->failed = true;
        return false;
    }
    l->limit = limit && limit->constant ? tensor_get_i64(limit->constant, 0) : INT64_MAX;
    l->has_limit = limit && !limit->constant;
    l->counts = l->has_limit || l->limit < INT64_MAX || l->body->inputs[0]->use_count || l->body->inputs[0]->is_output;
    l->same = same_as_condition(n, l->body, l->carried);
    l->asks = l->same < 0;
    if (l->carried < 0 || l->body->output_count != (size_t)l->carried + 1 || l->body->input_count + 1 > VALUES_MOST ||
        (first && first->type.rank != 0)) {
        tflite_cannot(w, n, "it gathers results of all rounds, or goes around with more than 256 values");
        return false;
    }
    complete_body(w, l);
    if (!w->failed)
        make_condition(w, l);
    return !w->failed;
}

static void call_loop(struct tflite_writer *w, struct node *n, const struct loop *l, uint32_t options, int code)
{
    int in[VALUES_MOST], out[VALUES_MOST], count = 0;
    if (l->counts)
        in[count++] = tflite_put_scalar(w, DTYPE_I64, 0);
    if (l->asks)
        in[count++] = n->in[1] ? tflite_take(w, n->in[1], false) : tflite_put_scalar(w, DTYPE_BOOL, 1);
    int first = count;
    for (int i = 0; i < l->carried; i++)
        in[count++] = tflite_take(w, n->in[2 + i], false);
    for (size_t i = 0; i < l->captured_count; i++)
        in[count++] = tflite_take(w, l->captured[i], false);
    if (l->has_limit)
        in[count++] = tflite_take(w, n->in[0], false);
    for (int i = 0; i < count; i++) {
        int o = i - first;
        bool is_wanted = o >= 0 && o < l->carried && node_out(n, o);
        out[i] = is_wanted ? tflite_give_plain(w, n, o) : tflite_like_tensor(w, in[i]);
    }
    tflite_call(w, code, options, count, in, count, out);
}

void tflite_write_loop(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    struct loop l = {0};
    if (open_loop(w, n, &l)) {
        int condition = tflite_write_subgraph(w, l.condition, "condition");
        int body = condition < 0 ? -1 : tflite_write_subgraph(w, l.body, "body");
        flatbuf_begin(&w->out);
        flatbuf_add_int(&w->out, 0, 4, condition, 0);
        flatbuf_add_int(&w->out, 1, 4, body, 0);
        uint32_t options = flatbuf_end(&w->out);
        if (!w->failed)
            call_loop(w, n, &l, options, row->code);
    }
    graph_free(l.condition);
    graph_free(l.body);
    free(l.captured);
}
