/* Convolutions, pools, normalisations, recurrent layers: what their calls say otherwise than pnnx. */
#include <stdio.h>
#include <string.h>

#include "format/torch/make.h"

static void expect(struct torch_reader *t, struct torch_value x, int rank, int64_t channels, enum dtype dtype)
{
    if (x.kind == TORCH_TENSOR)
        build_expect(t->b, x.tensor->value, rank, 1, channels, dtype);
}

static int64_t dim_of(struct torch_reader *t, struct torch_value v, int axis)
{
    const struct type *type = v.kind == TORCH_TENSOR && !t->b->failed ? build_type(t->b, v.tensor->value) : NULL;
    return type && axis < type->rank && type->dims[axis] >= 0 ? type->dims[axis] : -1;
}

static int rank_of(struct torch_reader *t, struct torch_value v)
{
    const struct type *type = v.kind == TORCH_TENSOR && !t->b->failed ? build_type(t->b, v.tensor->value) : NULL;
    return type ? type->rank : -1;
}

/* ---- convolutions and pools ---- */

/* The number of spatial axes is the last but one letter: "F.conv2d". */
static void expect_spatial(struct torch_reader *t, const char *type, struct torch_bound *c)
{
    size_t n = strlen(type);
    int axes = type[n - 1] == 'd' ? type[n - 2] - '0' : 0;
    int64_t channels = -1;
    if (axes < 1 || axes > 3)
        return;
    if (strncmp(type, "F.conv", 6) == 0 && c->count > 6) {
        bool transposed = strstr(type, "transpose") != NULL;
        int64_t groups = c->arg[6].kind == TORCH_INT && c->arg[6].i > 0 ? c->arg[6].i : 1;
        channels = dim_of(t, c->arg[1], transposed ? 0 : 1);
        channels = transposed || channels < 0 || channels > INT32_MAX ? channels : channels * groups;
    }
    expect(t, c->arg[0], axes + 2, channels, DTYPE_NONE);
}

struct torch_value torch_make_spatial(struct torch_reader *t, struct torch_bound *c)
{
    expect_spatial(t, c->row->type, c);
    return torch_make_NULL(t, c);
}

/* The places of maxima in their pictures: of a second pool, which is taken away where nobody asks for them. */
static struct torch_value places(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value v = torch_make_spatial(t, c);
    const struct node *n = v.kind == TORCH_TENSOR ? v.tensor->value->producer : NULL;
    if (t->b->failed || !n || !node_is(n, "MaxPool") || n->in[0] != torch_graph_value(t, c->arg[0]))
        return torch_none();
    struct value *at = build_output(t->b, v.tensor->value, 1);
    if (at) { /* the node was looked at when it had one output */
        at->type = v.tensor->value->type;
        at->type.dtype = DTYPE_I64;
    }
    struct torch_value arg[3] = {torch_tensor(t, at), c->arg[0], torch_int(c->row->name[strlen("max_pool")] - '0')};
    return torch_call_plain(t, "torch.nn_places", arg, 3);
}

struct torch_value torch_make_with_indices(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value both = torch_list(t, TORCH_TUPLE);
    struct torch_bound again = *c;
    torch_append(t, both, torch_make_spatial(t, c));
    torch_append(t, both, t->b->failed ? torch_none() : places(t, &again));
    return both;
}

struct torch_value torch_make_first_of(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value all = torch_list(t, TORCH_TUPLE);
    torch_append(t, all, torch_make_NULL(t, c));
    torch_append(t, all, torch_none());
    torch_append(t, all, torch_none());
    return all;
}

/* Of all kinds in one: the weight's rank tells the axes. */
static struct torch_value any_convolution(struct torch_reader *t, struct torch_bound *c, bool transposed,
                                          const char *names)
{
    char type[40];
    int axes = rank_of(t, c->arg[1]) - 2;
    if (axes < 1 || axes > 3)
        build_fail(t->b, "a convolution whose weight has %d axes", axes + 2);
    snprintf(type, sizeof(type), "F.conv%s%dd", transposed ? "_transpose" : "", axes);
    struct torch_bound plain = *c;
    plain.arg[6] = c->arg[c->count - 1]; /* groups */
    plain.count = 7;
    expect_spatial(t, type, &plain);
    const char *kept = arena_strdup(&t->arena, type, t->b->err);
    build_check(t->b, kept != NULL);
    return t->b->failed ? torch_none() : torch_emit_one(t, kept, names, c->arg, c->count);
}

struct torch_value torch_make_convolution(struct torch_reader *t, struct torch_bound *c)
{
    bool transposed = torch_truth(t, c->arg[6]) == 1;
    c->arg[6] = torch_none();
    if (!transposed)
        c->arg[7] = torch_none();
    return any_convolution(t, c, transposed, c->row->args);
}

struct torch_value torch_make_convolution_mode(struct torch_reader *t, struct torch_bound *c)
{
    return any_convolution(t, c, false, c->row->args);
}

struct torch_value torch_make_deform(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value arg[8] = {c->arg[0], c->arg[1], c->arg[4], c->arg[2]};
    for (int i = 0; i < 3; i++) {
        arg[4 + i] = torch_list(t, TORCH_LIST);
        torch_append(t, arg[4 + i], c->arg[5 + 2 * i]);
        torch_append(t, arg[4 + i], c->arg[6 + 2 * i]);
    }
    arg[7] = torch_truth(t, c->arg[13]) == 1 ? c->arg[3] : torch_none();
    return torch_emit_one(t, c->row->type, "input weight bias offset stride padding dilation mask", arg, 8);
}

struct torch_value torch_make_linear(struct torch_reader *t, struct torch_bound *c)
{
    expect(t, c->arg[0], 2, dim_of(t, c->arg[1], 1), DTYPE_NONE);
    return torch_make_NULL(t, c);
}

struct torch_value torch_make_embedding(struct torch_reader *t, struct torch_bound *c)
{
    expect(t, c->arg[1], 2, 0, DTYPE_I64);
    return torch_make_NULL(t, c);
}

/* Without statistics, or in training, it takes those of the batch. */
struct torch_value torch_make_batch_norm(struct torch_reader *t, struct torch_bound *c)
{
    if (c->arg[3].kind != TORCH_NONE && torch_truth(t, c->arg[5]) != 1)
        return torch_make_NULL(t, c);
    struct torch_value values[4] = {c->arg[0], c->arg[1], c->arg[2], c->arg[7]};
    return torch_call_plain(t, "torch.nn_batch_norm", values, 4);
}

/* With the statistics of training it is a batch normalisation. */
struct torch_value torch_make_instance_norm(struct torch_reader *t, struct torch_bound *c)
{
    bool own = torch_truth(t, c->arg[5]) != 0;
    if (own)
        c->arg[3] = c->arg[4] = torch_none();
    return torch_emit_one(t, own ? c->row->type : "F.batch_norm", c->row->args, c->arg, c->count);
}

struct torch_value torch_make_upsample(struct torch_reader *t, struct torch_bound *c)
{
    static const char *const names = "input size align_corners scale_factor mode antialias";
    bool nearest = strstr(c->row->type, "nearest") != NULL;
    struct torch_value arg[6] = {c->arg[0],
                                 c->arg[1],
                                 nearest ? torch_none() : c->arg[2],
                                 torch_none(),
                                 torch_string(c->row->type),
                                 strstr(c->row->name, "_aa") ? torch_bool(true) : torch_none()};
    int first = nearest ? 2 : 3;
    struct torch_value scales = c->arg[first];
    if (!torch_is_list(scales) && scales.kind != TORCH_NONE) {
        scales = torch_list(t, TORCH_LIST);
        for (int i = first; i < c->count && c->arg[i].kind != TORCH_NONE; i++)
            torch_append(t, scales, c->arg[i]);
    }
    if (torch_is_list(scales) && scales.list->count) {
        arg[3] = scales;
        arg[1] = torch_none(); /* positions follow from the factors where these are given */
    }
    return torch_emit_one(t, "F.interpolate", names, arg, 6);
}

struct torch_value torch_make_grid_sample(struct torch_reader *t, struct torch_bound *c)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic"};
    static const char *const pads[] = {"zeros", "border", "reflection"};
    if (c->arg[2].kind == TORCH_INT && c->arg[2].i >= 0 && c->arg[2].i < 3)
        c->arg[2] = torch_string(modes[c->arg[2].i]);
    if (c->arg[3].kind == TORCH_INT && c->arg[3].i >= 0 && c->arg[3].i < 3)
        c->arg[3] = torch_string(pads[c->arg[3].i]);
    return torch_make_NULL(t, c);
}

/* ---- recurrent layers ---- */

/* Weights stand in one list: for each layer and direction those of input and state, and two biases. */
struct weights {
    const struct torch_list *params;
    bool bias, bidirectional;
};

static const struct tensor *weight_at(const struct weights *w, const char *name)
{
    static const char *const kinds[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    int each = w->bias ? 4 : 2, layer = 0;
    for (int k = 0; k < 4; k++) {
        size_t n = strlen(kinds[k]);
        if (strncmp(name, kinds[k], n) != 0 || sscanf(name + n, "_l%d", &layer) != 1 || layer < 0)
            continue;
        bool reverse = strstr(name, "_reverse") != NULL;
        size_t at = (size_t)(layer * (w->bidirectional ? 2 : 1) + reverse) * (size_t)each + (size_t)k;
        if (k >= each || at >= w->params->count || w->params->items[at].kind != TORCH_TENSOR)
            return NULL;
        return w->params->items[at].tensor->value->constant;
    }
    return NULL;
}

static struct tensor *give_weight(void *owner, const char *name)
{
    return tensor_ref((struct tensor *)weight_at(owner, name));
}

/* Arguments with their names, one by one. */
struct list {
    struct torch_value values[32];
    char names[1024];
    int count;
};

static void add(struct torch_reader *t, struct list *l, const char *name, struct torch_value value)
{
    size_t n = strlen(l->names);
    if (l->count == 32 || n + strlen(name) + 2 > sizeof(l->names)) {
        build_fail(t->b, "a recurrent layer with too many arguments");
        return;
    }
    snprintf(l->names + n, sizeof(l->names) - n, " %s", name);
    l->values[l->count++] = value;
}

/* "(96,32)f32" for the weights of each layer, which is how pnnx tells sizes. */
static void add_hints(struct torch_reader *t, const struct weights *w, int64_t layers, struct list *l)
{
    char name[32], text[64];
    for (int layer = 0; layer < layers && !t->b->failed; layer++) {
        snprintf(name, sizeof(name), "@weight_ih_l%d", layer);
        const struct tensor *weight = weight_at(w, name + 1);
        if (!weight || weight->rank != 2 || weight->dtype != DTYPE_F32) {
            build_fail(t->b, "the weights of a recurrent layer must be constants");
            return;
        }
        snprintf(text, sizeof(text), "(%lld,%lld)f32", (long long)weight->dims[0], (long long)weight->dims[1]);
        const char *kept = arena_strdup(&t->arena, text, t->b->err);
        build_check(t->b, kept != NULL);
        add(t, l, name, torch_string(kept ? kept : ""));
    }
}

/* An LSTM has its two states in a list, the others one tensor. */
static void add_states(struct torch_reader *t, struct torch_value states, struct list *l)
{
    static const char *const names[] = {"hidden", "cell"};
    if (!torch_is_list(states))
        add(t, l, names[0], states);
    for (size_t i = 0; torch_is_list(states) && i < 2 && i < states.list->count; i++)
        add(t, l, names[i], states.list->items[i]);
}

/* Of packed sequences, (data, batch sizes, states, …): the data as [T, N, I]; the lengths. */
static struct torch_value unpack(struct torch_reader *t, struct torch_bound *c)
{
    c->arg[0] = torch_call_plain(t, "torch.nn_unpacked", c->arg, 2);
    struct torch_value lengths =
        t->b->failed ? torch_none() : torch_call_plain(t, "torch.nn_packed_lengths", c->arg, 2);
    memmove(c->arg + 1, c->arg + 2, 7 * sizeof(*c->arg));
    c->arg[8] = torch_bool(false);
    return lengths;
}

struct torch_value torch_make_recurrent(struct torch_reader *t, struct torch_bound *c)
{
    bool packed = torch_is_list(c->arg[3]);
    struct torch_value lengths = packed ? unpack(t, c) : torch_none();
    struct weights w = {.bias = torch_truth(t, c->arg[3]) == 1, .bidirectional = torch_truth(t, c->arg[7]) == 1};
    struct torch_value out[3], all = torch_list(t, TORCH_TUPLE);
    struct list l = {.count = 0};
    int64_t layers = c->arg[4].kind == TORCH_INT ? c->arg[4].i : 0;
    int outs = torch_is_list(c->arg[1]) ? 3 : 2;
    w.params = torch_is_list(c->arg[2]) ? c->arg[2].list : NULL;
    const struct tensor *hidden = w.params ? weight_at(&w, "weight_hh_l0") : NULL;
    if (!hidden || hidden->rank != 2 || layers < 1 || layers > 16) {
        build_fail(t->b, "a recurrent layer that is not understood");
        return all;
    }
    if (outs == 3 && hidden->dims[0] != 4 * hidden->dims[1]) {
        struct torch_value arg[8] = {c->arg[0], c->arg[1], c->arg[2], c->arg[3],
                                     c->arg[4], c->arg[7], c->arg[8], lengths};
        return torch_call_plain(t, "torch.nn_projected_lstm", arg, 8);
    }
    build_expect(t->b, torch_graph_value(t, c->arg[0]), 3, 1, 0, DTYPE_NONE);
    add(t, &l, "input", c->arg[0]);
    add_states(t, c->arg[1], &l);
    if (packed)
        add(t, &l, "lengths", lengths);
    add(t, &l, "hidden_size", torch_int(hidden->dims[1]));
    add(t, &l, "num_layers", torch_int(layers));
    add(t, &l, "bidirectional", torch_bool(w.bidirectional));
    add(t, &l, "batch_first", c->arg[8]);
    add(t, &l, "bias", torch_bool(w.bias));
    if (strcmp(c->row->name, "rnn_relu") == 0)
        add(t, &l, "nonlinearity", torch_string("relu"));
    add_hints(t, &w, layers, &l);
    t->ops.weight = give_weight;
    t->ops.weight_owner = &w;
    torch_emit(t, c->row->type, l.names, l.values, l.count, out, outs);
    t->ops.weight = NULL;
    if (packed && !t->b->failed)
        out[0] = torch_call_plain(t, "torch.flatten", (struct torch_value[]){out[0], torch_int(0), torch_int(1)}, 3);
    for (int i = 0; i < outs; i++)
        torch_append(t, all, out[i]);
    return all;
}
