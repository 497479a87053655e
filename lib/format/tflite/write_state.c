/* What a network keeps from run to run: inputs that have a default, and outputs that say what the next run begins
 * with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/writers.h"
#include "op/build.h"

/* ---- finding ---- */

static struct value *partner(struct graph *g, const struct value *in)
{
    char name[320];
    snprintf(name, sizeof name, "%.290s_out", in->name);
    struct value *out = graph_find_local(g, name);
    bool fits = out && out->is_output && out->type.kind == TYPE_TENSOR && out->type.dtype == in->type.dtype;
    return fits ? out : NULL;
}

static bool is_zero(const struct node *dequantize, const struct tensor *t)
{
    const struct value *zero = dequantize ? node_in(dequantize, 2) : NULL;
    for (int64_t i = 0; i < t->count; i++)
        if (tensor_get_f64(t, i) != (zero && zero->constant ? tensor_get_f64(zero->constant, 0) : 0))
            return false;
    return true;
}

/* Whether initial operand k of a recurrent operator is an input with zeros as its default, and its result o what that
 * input is in the next run. */
static bool is_state(const struct node *n, int k, int o, struct tflite_state *s)
{
    const struct value *v = node_in(n, k);
    const struct node *view = v ? v->producer : NULL, *dequantize = NULL;
    if (!view || !op_trait(view, "view") || !node_out(n, o))
        return false;
    s->in = view->in[0];
    if (s->in->producer && node_is(s->in->producer, "DequantizeLinear"))
        dequantize = s->in->producer;
    s->in = dequantize ? dequantize->in[0] : s->in;
    if (!s->in->is_input || !s->in->constant || s->in->use_count != 1 || s->in->graph->parent)
        return false;
    const struct node *squeeze = tflite_only_view(n->out[o]);
    s->out = squeeze ? squeeze->out[0] : NULL;
    const struct node *quantize = s->out ? tflite_only_use(s->out, "QuantizeLinear") : NULL;
    s->out = quantize ? quantize->out[0] : s->out;
    return s->out && partner(s->in->graph, s->in) == s->out && !s->out->use_count &&
           is_zero(dequantize, s->in->constant);
}

bool tflite_has_states(const struct node *n, struct tflite_state *states)
{
    return tflite_can_fuse_lstm(n) && is_state(n, 5, 1, &states[0]) && is_state(n, 6, 2, &states[1]);
}

/* The states of an LSTM are its own: they are no inputs and outputs then. */
static void absorb(struct tflite_writer *w, struct node *n)
{
    struct tflite_state pair[2];
    if (!tflite_has_states(n, pair))
        return;
    for (size_t i = 0; i < w->state_count; i++)
        for (int k = 0; k < 2; k++)
            if (w->states[i].in == pair[k].in) {
                w->states[i].node = n;
                w->states[i].operand = 5 + k;
                graph_remove_input(pair[k].in);
                graph_remove_output(pair[k].out);
            }
    w->failed = w->failed || node_set_input(n, 5, NULL, w->err) < 0 || node_set_input(n, 6, NULL, w->err) < 0;
}

static void find_pairs(struct tflite_writer *w, struct graph *g)
{
    for (size_t i = 0; i < g->input_count && !w->failed; i++) {
        struct value *in = g->inputs[i], *out = in->constant ? partner(g, in) : NULL;
        if (!out)
            continue;
        if (mem_grow(&w->states, &w->state_cap, w->state_count + 1, sizeof *w->states, w->err) < 0)
            w->failed = true;
        else
            w->states[w->state_count++] = (struct tflite_state){.in = in, .out = out};
    }
}

void tflite_find_states(struct tflite_writer *w, struct graph *g)
{
    find_pairs(w, g);
    for (struct node *n = g->first; n && !w->failed; n = n->next)
        if (node_is(n, "LSTM"))
            absorb(w, n);
    for (size_t i = g->input_count; i-- > 0 && !w->failed;)
        if (g->inputs[i]->constant && !partner(g, g->inputs[i]))
            graph_remove_input(g->inputs[i]); /* a constant from now on */
}

/* ---- variables ---- */

static int put_handle(struct tflite_writer *w, const char *name)
{
    uint32_t text = flatbuf_put_string(&w->out, name);
    int handle = tflite_new_tensor(w, "", DTYPE_NONE, 0, NULL);
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, 1, text);
    tflite_call(w, 142, flatbuf_end(&w->out), 0, NULL, 1, &handle);
    return handle;
}

static void assign(struct tflite_writer *w, int handle, int tensor)
{
    int in[] = {handle, tensor};
    tflite_call(w, TFLITE_ASSIGN_VARIABLE, 0, 2, in, 0, NULL);
}

/* A subgraph that gives all variables their first values. */
static int put_first_values(struct tflite_writer *w)
{
    struct tflite_scope outer = w->at;
    struct graph *g = graph_new(w->err);
    int number = (int)w->graphs.count;
    tflite_add_ref(w, &w->graphs, 0);
    w->failed = w->failed || !g;
    w->at = (struct tflite_scope){.g = g};
    for (size_t i = 0; i < w->state_count && !w->failed; i++) {
        const struct value *v = w->states[i].in;
        if (w->states[i].node)
            continue;
        assign(w, put_handle(w, v->name), tflite_put_constant(w, "", v->constant));
    }
    uint32_t ref = w->failed ? 0 : tflite_put_graph(w, "first_values", NULL);
    if (!w->failed)
        w->graphs.refs[number] = ref;
    tflite_close_scope(&w->at);
    graph_free(g);
    w->at = outer;
    return number;
}

void tflite_open_states(struct tflite_writer *w)
{
    bool any = false;
    for (size_t i = 0; i < w->state_count; i++)
        any = any || !w->states[i].node;
    if (!any)
        return;
    int number = put_first_values(w);
    tflite_call(w, 129, tflite_option(w, 0, 4, number, -1, 0), 0, NULL, 0, NULL);
    for (size_t i = 0; i < w->state_count && !w->failed; i++) {
        struct tflite_state *s = &w->states[i];
        if (s->node)
            continue;
        int tensor = w->at.forms[s->in->index].plain;
        s->handle = put_handle(w, s->in->name);
        w->at.tensors[tensor - 1].name = "";
        tflite_call(w, 143, 0, 1, &s->handle, 1, &tensor);
        graph_remove_input(s->in);
        tensor_unref(s->in->constant); /* a value like others now */
        s->in->constant = NULL;
    }
}

void tflite_close_states(struct tflite_writer *w)
{
    for (size_t i = 0; i < w->state_count && !w->failed; i++) {
        struct tflite_state *s = &w->states[i];
        if (s->node)
            continue;
        assign(w, s->handle, tflite_take(w, s->out, false));
        graph_remove_output(s->out);
    }
}
