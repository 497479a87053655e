/* The public API: running two models side by side, layer by layer. */
#include "model_pair.h"

#include <stdlib.h>
#include <string.h>

#define BUDGET ((size_t)256 << 20) /* bytes of results held at once, of both models together */
#define SEED   1

/* ---- what is watched ---- */

struct watch {
    size_t layer; /* of the first; its partner that of the second */
    struct value *a, *b;
    size_t bytes;
};

struct side_by_side {
    struct model_pairing *p;
    const struct model_session_options *options;
    struct model_tensor **in[2]; /* of either model */
    struct watch *watches;
    size_t count;
    model_layer_error_fn *tell;
    void *arg;
};

/* What rounds a value, or brings it back, and nothing else uses it: the result of that; else NULL. */
static struct value *rounded(const struct value *v, const char *op)
{
    const struct node *n = v && v->use_count == 1 && !v->is_output ? v->uses[0].node : NULL;
    return n && v->uses[0].index == 0 && pair_is_rounding(n) && node_is(n, op) ? n->out[0] : NULL;
}

/* A result as the next layer sees it, in real numbers. */
static struct value *seen_result(struct value *v)
{
    struct value *real = rounded(v, "DequantizeLinear");
    real = real ? real : rounded(rounded(v, "QuantizeLinear"), "DequantizeLinear");
    return real ? real : v;
}

static size_t bytes_of(const struct value *v)
{
    size_t size;
    int64_t count = v->type.kind == TYPE_TENSOR && v->type.rank >= 0 ? tensor_count(v->type.rank, v->type.dims) : -1;
    return count >= 0 && tensor_bytes(v->type.dtype, count, &size) ? size : 0;
}

static bool is_numeric(const struct value *v)
{
    enum dtype_class class = dtype_info(v->type.dtype)->class;
    return v->type.kind == TYPE_TENSOR && class != DTYPE_CLASS_NONE && class != DTYPE_CLASS_STRING &&
           v->graph == v->graph->root;
}

static int list_watches(struct side_by_side *s, struct error *err)
{
    const struct pair *pair = &s->p->pair;
    s->watches = mem_calloc(pair->a.count, sizeof *s->watches, err);
    for (size_t i = 0; s->watches && i < pair->a.count; i++) {
        const struct pair_layer *a = &pair->a.layers[i];
        const struct pair_layer *b = a->partner == PAIR_NONE ? NULL : &pair->b.layers[a->partner];
        if (!b || !a->node || !a->value || !b->value || !is_numeric(a->value) || !is_numeric(b->value))
            continue;
        struct watch *w = &s->watches[s->count++];
        *w = (struct watch){.layer = i, .a = seen_result(a->value), .b = seen_result(b->value)};
        w->bytes = bytes_of(w->a) + bytes_of(w->b);
    }
    return s->watches ? 0 : -1;
}

/* ---- running one model for some results ---- */

/* A copy of a canonical graph whose outputs are those values. */
static struct model *model_for(const struct graph *g, const struct watch *w, size_t n, bool first, struct error *err)
{
    struct graph *copy = graph_clone(g, err);
    int status = copy ? 0 : -1;
    while (status == 0 && copy->output_count)
        graph_remove_output(copy->outputs[copy->output_count - 1]);
    for (size_t i = 0; status == 0 && i < n; i++) {
        struct value *v = graph_find_local(copy, (first ? w[i].a : w[i].b)->name);
        status = v ? graph_add_output(copy, v, err) : error_set(err, "a result has no name");
    }
    if (status == 0)
        return model_of_graph(copy, err);
    graph_free(copy);
    return NULL;
}

static int run_model(const struct model *m, const struct model_session_options *o, struct model_tensor *const *in,
                     struct model_tensor **out, struct model_error *err)
{
    struct model_session *session = model_session_new(m, o, err);
    int status = session ? model_session_run(session, in, out, err) : -1;
    model_session_free(session);
    return status;
}

static struct model_tensor **run_for(struct side_by_side *s, const struct watch *w, size_t n, bool first,
                                     struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct pair_net *net = first ? &s->p->pair.a : &s->p->pair.b;
    struct model_tensor **out = mem_calloc(n, sizeof *out, err);
    struct model *m = out ? model_for(net->graph, w, n, first, err) : NULL;
    int status = m ? run_model(m, s->options, s->in[!first], out, error) : -1;
    model_free(m);
    if (status == 0)
        return out;
    error_prefix(err, first ? "the first" : "the second");
    free(out);
    return NULL;
}

static void free_tensors(struct model_tensor **t, size_t n)
{
    for (size_t i = 0; t && i < n; i++)
        model_tensor_free(t[i]);
    free(t);
}

/* ---- telling ---- */

static int tell_pair(struct side_by_side *s, size_t layer, const char *op, const struct model_tensor *have,
                     const struct model_tensor *want)
{
    const struct pair *pair = &s->p->pair;
    const struct pair_layer *a = &pair->a.layers[layer], *b = &pair->b.layers[a->partner];
    struct model_layer_error e = {.layer = pair_name(a), .other = pair_name(b), .op = op};
    model_pair_difference(pair, layer, model_inner_tensor(have), model_inner_tensor(want), &e);
    return s->tell(s->arg, &e);
}

/* As many results as the budget allows, one at least. */
static size_t next_chunk(const struct side_by_side *s, size_t from)
{
    size_t n = 0, bytes = 0;
    while (from + n < s->count && (n == 0 || bytes + s->watches[from + n].bytes <= BUDGET))
        bytes += s->watches[from + n++].bytes;
    return n;
}

static int run_chunk(struct side_by_side *s, size_t from, size_t n, struct model_error *err)
{
    const struct watch *w = s->watches + from;
    struct model_tensor **have = run_for(s, w, n, true, err);
    struct model_tensor **want = have ? run_for(s, w, n, false, err) : NULL;
    int status = want ? 0 : -1;
    for (size_t i = 0; status == 0 && i < n; i++)
        status = tell_pair(s, w[i].layer, s->p->pair.a.layers[w[i].layer].op, have[i], want[i]);
    free_tensors(have, n);
    free_tensors(want, n);
    return status;
}

/* The models as they are, not in canonical form: what the passes and the executor do is in it, too. */
static int run_outputs(struct side_by_side *s, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct model *m[2] = {s->p->first, s->p->second};
    struct model_tensor **out[2] = {NULL, NULL};
    int status = 0;
    for (int i = 0; status == 0 && i < 2; i++) {
        out[i] = mem_calloc(m[i]->graph->output_count, sizeof *out[i], err);
        status = out[i] ? run_model(m[i], s->options, s->in[i], out[i], error) : -1;
    }
    for (size_t i = 0; status == 0 && i < s->p->pair.a.count; i++) {
        const struct pair_layer *a = &s->p->pair.a.layers[i];
        if (!a->node && a->partner != PAIR_NONE && strcmp(a->op, "output") == 0)
            status = tell_pair(s, i, "output", out[0][a->port], out[1][s->p->pair.b.layers[a->partner].port]);
    }
    for (int i = 0; i < 2; i++)
        free_tensors(out[i], out[i] ? m[i]->graph->output_count : 0);
    return status;
}

/* ---- inputs ---- */

/* The tensors given, those not given made up: the second's from the first's, the first's at random. */
static int fill_inputs(struct side_by_side *s, struct model_tensor *const *first, struct model_tensor *const *second,
                       struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct graph *a = s->p->first->graph, *b = s->p->second->graph;
    s->in[0] = mem_calloc(a->input_count, sizeof *s->in[0], err);
    s->in[1] = mem_calloc(b->input_count, sizeof *s->in[1], err);
    int status = s->in[0] && s->in[1] ? 0 : -1;
    for (size_t i = 0; status == 0 && i < a->input_count; i++) {
        if (first && first[i])
            s->in[0][i] = model_tensor_ref(first[i]);
        else if (!a->inputs[i]->constant)
            status = (s->in[0][i] = model_tensor_random(s->p->first, i, SEED, error)) ? 0 : -1;
    }
    for (size_t i = 0; status == 0 && i < b->input_count; i++) {
        if (second && second[i])
            s->in[1][i] = model_tensor_ref(second[i]);
        else if (!b->inputs[i]->constant)
            status = (s->in[1][i] = model_pair_input(s->p, i, s->in[0], err)) ? 0 : -1;
    }
    return status;
}

int model_pairing_run(struct model_pairing *p, const struct model_session_options *options,
                      struct model_tensor *const *first, struct model_tensor *const *second, model_layer_error_fn *tell,
                      void *arg, struct model_error *error)
{
    struct side_by_side s = {.p = p, .options = options, .tell = tell, .arg = arg};
    int status = list_watches(&s, model_inner(error));
    if (status == 0)
        status = fill_inputs(&s, first, second, error);
    for (size_t from = 0, n; status == 0 && from < s.count; from += n) {
        n = next_chunk(&s, from);
        status = run_chunk(&s, from, n, error);
    }
    if (status == 0)
        status = run_outputs(&s, error);
    free_tensors(s.in[0], s.in[0] ? p->first->graph->input_count : 0);
    free_tensors(s.in[1], s.in[1] ? p->second->graph->input_count : 0);
    free(s.watches);
    return status;
}
