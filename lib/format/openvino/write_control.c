/* Writing branches and loops, whose bodies take what they use by Parameters, and which value is a variable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/openvino/write.h"

/* ---- variables ---- */

static const struct value *partner(const struct value *v, const char *name)
{
    const struct value *other = v->graph->parent ? NULL : graph_find_local(v->graph, name);
    return other && other->type.kind == TYPE_TENSOR && other->type.dtype == v->type.dtype ? other : NULL;
}

const struct value *openvino_next_of(const struct value *in)
{
    char name[400];
    const struct value *out = NULL;
    if (snprintf(name, sizeof(name), "%s_out", in->name) < (int)sizeof(name))
        out = partner(in, name);
    return out && out->is_output ? out : NULL;
}

const struct value *openvino_variable_of(const struct value *out)
{
    char name[400];
    size_t n = strlen(out->name);
    if (n < 5 || n >= sizeof(name) || strcmp(out->name + n - 4, "_out") != 0)
        return NULL;
    snprintf(name, sizeof(name), "%.*s", (int)n - 4, out->name);
    const struct value *in = partner(out, name);
    return in && in->is_input && in->constant ? in : NULL;
}

/* ---- bodies ---- */

static void write_body(struct openvino_writer *w, struct graph *g, size_t scan_first, struct openvino_list *body)
{
    struct openvino_list outer = w->list;
    struct node *node = w->node;
    w->list = (struct openvino_list){.graph = g, .scan_first = scan_first};
    text_init(&w->list.layers);
    text_init(&w->list.edges);
    if (g && openvino_fill(w) != 0)
        w->failed = true;
    *body = w->list;
    w->list = outer;
    w->node = node;
    w->made = w->outputs = 0;
    w->data.failed = w->data.failed || body->layers.failed || body->edges.failed;
}

static void put_body(struct openvino_writer *w, const char *name, const struct openvino_list *body)
{
    text_printf(&w->inner, "<%s>\n<layers>\n", name);
    text_add(&w->inner, body->layers.data, body->layers.size);
    text_puts(&w->inner, "</layers>\n<edges>\n");
    text_add(&w->inner, body->edges.data, body->edges.size);
    text_printf(&w->inner, "</edges>\n</%s>\n", name);
}

static void put_map(struct openvino_writer *w, const char *kind, int port, int layer, const char *more)
{
    text_printf(&w->inner, "<%s external_port_id=\"%d\" internal_layer_id=\"%d\"%s/>\n", kind, port, layer, more);
}

/* The layer's inputs: `count` of its own, then what the bodies capture. */
static struct openvino_place *take_inputs(struct openvino_writer *w, const struct openvino_list *bodies, int body_count,
                                          int count, int *total)
{
    size_t all = (size_t)count;
    for (int i = 0; i < body_count; i++)
        all += bodies[i].capture_count;
    struct openvino_place *in = mem_calloc(all, sizeof(*in), w->err);
    *total = (int)all;
    all = (size_t)count;
    for (int i = 0; in && i < body_count; i++)
        for (size_t c = 0; c < bodies[i].capture_count; c++)
            in[all++] = openvino_of(w, bodies[i].captures[c].value);
    w->failed = w->failed || !in;
    return in;
}

static int map_captures(struct openvino_writer *w, const struct openvino_list *body, int port)
{
    for (size_t c = 0; c < body->capture_count; c++)
        put_map(w, "input", port++, body->captures[c].parameter.layer, "");
    return port;
}

/* Ports of other than tensors are none. */
static bool has_tensors(struct openvino_writer *w, const struct graph *g)
{
    bool all = g != NULL;
    for (size_t i = 0; g && i < g->output_count; i++)
        all = all && g->outputs[i]->type.kind == TYPE_TENSOR;
    if (!all)
        openvino_cannot(w, "it gives other than tensors");
    return all;
}

void openvino_write_if(struct openvino_writer *w)
{
    static const char *const names[][3] = {{"then_branch", "then_port_map", "then_body"},
                                           {"else_branch", "else_port_map", "else_body"}};
    struct openvino_list body[2] = {{0}};
    int count = 0, port = 1;
    for (int i = 0; i < 2 && !w->failed && has_tensors(w, op_graph(w->node, names[i][0])); i++)
        write_body(w, op_graph(w->node, names[i][0]), 0, &body[i]);
    struct openvino_place *in = take_inputs(w, body, 2, 1, &count);
    if (in && !w->failed) {
        in[0] = openvino_at(w, 0);
        for (int i = 0; i < 2; i++) {
            text_printf(&w->inner, "<%s>\n", names[i][1]);
            port = map_captures(w, &body[i], port);
            for (int o = 0; o < w->node->out_count; o++)
                put_map(w, "output", count + o, body[i].result_first + o, "");
            text_printf(&w->inner, "</%s>\n", names[i][1]);
            put_body(w, names[i][2], &body[i]);
        }
        openvino_finish(w, "If", 8, count, in);
    }
    openvino_close(&body[0]);
    openvino_close(&body[1]);
    free(in);
}

/* ---- loops ---- */

/* That it goes on is no news to a round that is under way. */
static void fix_condition(struct openvino_writer *w, struct graph *g)
{
    struct value *go_on = g->inputs[1];
    struct tensor *t = tensor_new(DTYPE_BOOL, 0, NULL, w->err);
    if (t)
        tensor_set_f64(t, 0, 1);
    graph_remove_input(go_on);
    w->failed = w->failed || !t || graph_make_constant(go_on, t, w->err) != 0;
}

static void map_loop(struct openvino_writer *w, const struct openvino_list *body, int states, int count)
{
    const struct graph *g = body->graph;
    const struct openvino_place *places = body->places;
    text_puts(&w->inner, "<port_map>\n");
    put_map(w, "input", -1, places[g->inputs[0]->index].layer, " purpose=\"current_iteration\"");
    for (int i = 0; i < states; i++)
        put_map(w, "input", 2 + i, places[g->inputs[1 + i]->index].layer, "");
    map_captures(w, body, 2 + states);
    put_map(w, "output", -1, body->result_first, " purpose=\"execution_condition\"");
    for (int o = 0; o < w->node->out_count; o++)
        put_map(w, "output", count + o, body->result_first + 1 + o,
                o < states ? "" : " axis=\"0\" start=\"0\" end=\"-1\" stride=\"1\" part_size=\"1\"");
    text_puts(&w->inner, "</port_map>\n<back_edges>\n");
    for (int i = 0; i < states; i++)
        text_printf(&w->inner, "<edge from-layer=\"%d\" to-layer=\"%d\"/>\n", body->result_first + 1 + i,
                    places[g->inputs[1 + i]->index].layer);
    text_puts(&w->inner, "</back_edges>\n");
    put_body(w, "body", body);
}

void openvino_write_loop(struct openvino_writer *w)
{
    struct graph *g = op_graph(w->node, "body");
    struct openvino_list body = {0};
    int states = w->node->in_count > 2 ? w->node->in_count - 2 : 0, count = 0;
    if (!has_tensors(w, g) || g->input_count != 2 + (size_t)states)
        return;
    fix_condition(w, g);
    write_body(w, g, 1 + (size_t)states, &body);
    struct openvino_place *in = take_inputs(w, &body, 1, 2 + states, &count);
    if (in && !w->failed) {
        in[0] = node_in(w->node, 0) ? openvino_at(w, 0) : openvino_number_of(w, DTYPE_I64, -1);
        in[1] = node_in(w->node, 1) ? openvino_at(w, 1) : openvino_number_of(w, DTYPE_BOOL, 1);
        for (int i = 0; i < states; i++)
            in[2 + i] = openvino_at(w, 2 + i);
        if (w->faults.count == 0)
            map_loop(w, &body, states, count);
        openvino_finish(w, "Loop", 5, count, in);
    }
    openvino_close(&body);
    free(in);
}
