/* Operators of torch.export that take graphs: branches, whose both sides are made, and loops, which become ONNX's Loop.
 */
#include <string.h>

#include "format/torch/export.h"

/* What an operator of graphs is given. */
struct within {
    const struct json_node *graphs[2];
    int graph_count;
    struct torch_list *args; /* the others, in order */
};

/* "cond(condition, one, other, inputs)", whose both results are made. */
static struct torch_value read_cond(struct export *e, const struct within *w)
{
    struct torch_reader *t = e->t;
    struct torch_value yes = torch_export_within(e, w->graphs[0], w->args->items[1].list);
    struct torch_value no = t->b->failed ? yes : torch_export_within(e, w->graphs[1], w->args->items[1].list);
    if (!t->b->failed && yes.list->count != no.list->count)
        build_fail(t->b, "branches that give %zu values and %zu", yes.list->count, no.list->count);
    for (size_t i = 0; !t->b->failed && i < yes.list->count; i++)
        yes.list->items[i] = torch_call_plain(
            t, "torch.where", (struct torch_value[]){w->args->items[0], yes.list->items[i], no.list->items[i]}, 3);
    return yes;
}

/* "wrap_with_autocast(…, graph, inputs…)" */
static struct torch_value read_wrap(struct export *e, const struct within *w)
{
    return torch_export_within(e, w->graphs[0], w->args);
}

/* ---- loops: an ONNX Loop, whose body is the graph ---- */

/* Which of the lists that a loop is given are its states, and which are taken apart along their first axis; -1: none.
 */
struct loop_form {
    int states, rows;
};

static struct torch_value joined(struct torch_reader *t, const struct within *w)
{
    struct torch_value all = torch_list(t, TORCH_LIST);
    for (size_t k = 0; k < w->args->count; k++)
        for (size_t i = 0; i < w->args->items[k].list->count && !t->b->failed; i++)
            torch_append(t, all, w->args->items[k].list->items[i]);
    return all;
}

/* Whether to go on, which is asked of the states. */
static struct value *asked(struct export *e, const struct within *w, struct torch_value all)
{
    struct torch_value v = torch_export_within(e, w->graphs[0], all.list);
    if (!e->t->b->failed && v.list->count != 1)
        build_fail(e->t->b, "a loop whose condition is no single value");
    return e->t->b->failed ? NULL : torch_truth_value(e->t, v.list->items[0]);
}

/* The graph's inputs within the body: states are its inputs, rows are taken from where they are. */
static void enter_body(struct torch_reader *t, const struct within *w, struct loop_form form, struct torch_list *all,
                       struct value *const *states)
{
    struct value *round = build_input(t->b, NULL, DTYPE_I64, 0, NULL);
    build_input(t->b, NULL, DTYPE_BOOL, 0, NULL);
    size_t at = 0;
    for (int k = 0; k < (int)w->args->count; k++)
        for (size_t i = 0; i < w->args->items[k].list->count && !t->b->failed; i++, at++) {
            const struct type *type = k == form.states ? build_type(t->b, states[i]) : NULL;
            if (type)
                all->items[at] = torch_tensor(t, build_input(t->b, NULL, type->dtype, type->rank, type->dims));
            else if (k == form.rows)
                all->items[at] = torch_call_plain(
                    t, "torch.select", (struct torch_value[]){all->items[at], torch_int(0), torch_size(t, round)}, 3);
        }
}

static struct graph *read_body(struct export *e, const struct within *w, struct loop_form form, struct torch_value all,
                               struct value *const *in, size_t *outs)
{
    struct torch_reader *t = e->t;
    struct torch_frame frame = {.t = t};
    struct torch_block k = {0};
    struct torch_outer outer = torch_block_enter(&frame, &k);
    bool is_while = w->graph_count == 2;
    size_t states = form.states < 0 ? 0 : w->args->items[form.states].list->count;
    enter_body(t, w, form, all.list, in + 2);
    struct torch_value out = t->b->failed ? all : torch_export_within(e, w->graphs[is_while], all.list);
    *outs = t->b->failed ? 0 : out.list->count;
    if (*outs < states)
        build_fail(t->b, "a loop whose graph gives %zu of its %zu states", *outs, states);
    for (size_t i = 0; i < states && is_while && !t->b->failed; i++)
        all.list->items[i] = out.list->items[i];
    struct value *again = is_while && !t->b->failed ? asked(e, w, all) : build_number(t->b, DTYPE_BOOL, 1);
    if (!t->b->failed)
        build_body_output(t->b, again);
    for (size_t i = 0; i < *outs && !t->b->failed; i++)
        torch_block_output(t, out.list->items[i], i < states ? in[2 + i]->type.dtype : DTYPE_NONE);
    torch_block_leave(&frame, &k, outer);
    return k.graph;
}

static struct torch_value read_loop(struct export *e, const struct within *w, struct loop_form form)
{
    struct torch_reader *t = e->t;
    struct value *in[2 + TORCH_EXPORT_ARGS] = {NULL}, *v = NULL;
    struct torch_value all = joined(t, w), list = torch_list(t, TORCH_LIST);
    const struct torch_list *states = form.states < 0 ? NULL : w->args->items[form.states].list;
    size_t count = states ? states->count : 0, outs = 0;
    for (size_t i = 0; i < count && i < TORCH_EXPORT_ARGS && !t->b->failed; i++)
        if (!(in[2 + i] = torch_graph_value(t, states->items[i])))
            build_fail(t->b, "a loop has None as a state");
    if (count > TORCH_EXPORT_ARGS || (form.rows >= 0 && w->args->items[form.rows].list->count == 0))
        build_fail(t->b, "a loop of %zu states, or of no rows", count);
    if (!t->b->failed && form.rows >= 0)
        in[0] = torch_graph_value(
            t, torch_call_plain(t, "torch.size",
                                (struct torch_value[]){w->args->items[form.rows].list->items[0], torch_int(0)}, 2));
    else if (!t->b->failed)
        in[1] = asked(e, w, all);
    build_infer(t->b);
    struct graph *body = t->b->failed ? NULL : read_body(e, w, form, all, in, &outs);
    if (!t->b->failed)
        v = build_node(t->b, "Loop", (int)count + 2, in);
    build_check(t->b, v && node_set_graph(v->producer, "body", body, t->b->err) == 0);
    for (size_t i = 1; i < outs && !t->b->failed; i++)
        build_output(t->b, v, (int)i); /* all, before the node is looked at */
    for (size_t i = 0; i < outs && !t->b->failed; i++)
        torch_append(t, list, torch_tensor(t, build_output(t->b, v, (int)i)));
    return list;
}

static struct torch_value read_while(struct export *e, const struct within *w)
{
    return read_loop(e, w, (struct loop_form){0, -1});
}

static struct torch_value read_scan(struct export *e, const struct within *w)
{
    return read_loop(e, w, (struct loop_form){0, 1});
}

static struct torch_value read_map(struct export *e, const struct within *w)
{
    return read_loop(e, w, (struct loop_form){-1, 0});
}

/* Operators that take graphs; those that are not here mean something else by them. */
static const struct {
    const char *name; /* a part of it */
    struct torch_value (*read)(struct export *e, const struct within *w);
    int graphs, values, lists; /* which it is given: single values first, then lists; -1: any */
} higher[] = {
    {".cond", read_cond, 2, 1, 1},    {".while_loop", read_while, 2, 0, 2}, {".scan", read_scan, 1, 0, 3},
    {".map_impl", read_map, 1, 0, 2}, {".wrap", read_wrap, 1, -1, -1},      {"checkpoint", read_wrap, 1, -1, -1},
};

static bool fits(const struct within *w, int graphs, int values, int lists)
{
    int count = (int)w->args->count;
    bool fits = w->graph_count == graphs && (values < 0 || count == values + lists);
    for (int i = values; i >= 0 && i < count; i++)
        fits = fits && torch_is_list(w->args->items[i]);
    return fits;
}

struct torch_value torch_export_higher(struct export *e, const struct json_node *node)
{
    struct torch_reader *t = e->t;
    struct torch_value args = torch_list(t, TORCH_LIST);
    struct within w = {.args = args.list};
    const struct json_node *name = json_member(&e->json, node, "target");
    const char *target = name && name->kind == JSON_STRING ? name->string : "";
    size_t row = 0;
    while (row < sizeof(higher) / sizeof(*higher) && !strstr(target, higher[row].name))
        row++;
    bool known = row < sizeof(higher) / sizeof(*higher), is_wrap = known && higher[row].values < 0;
    const struct json_node *in = json_first(&e->json, json_member(&e->json, node, "inputs"));
    for (; in && !t->b->failed; in = json_next(&e->json, in)) {
        const struct json_node *arg = json_member(&e->json, in, "arg"),
                               *graph = json_member(&e->json, json_member(&e->json, arg, "as_graph"), "graph");
        if (graph && w.graph_count < 2)
            w.graphs[w.graph_count++] = graph;
        else if (!(is_wrap && w.graph_count == 0)) /* before it: what is said of it */
            torch_append(t, args, torch_export_argument(e, arg, 0));
    }
    if (!t->b->failed && (!known || !fits(&w, higher[row].graphs, higher[row].values, higher[row].lists)))
        build_fail(t->b, "an operator of graphs that is not read");
    struct torch_value v = t->b->failed ? torch_none() : higher[row].read(e, &w);
    return !t->b->failed && v.list->count == 1 ? v.list->items[0] : v;
}
