/* A graph becomes a net: one node after the other makes layers; at the end every blob that several layers take goes
 * through a Split, since ncnn's blobs have one consumer. */
#include "format/ncnn/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/ncnn/ncnn.h"
#include "format/ncnn/write_text.h"
#include "op/fused.h"

/* ---- failing ---- */

struct ncnn_miss {
    char text[160];
    const char *example;
    const void *last; /* the node or input that was counted last: each counts once */
    int count;
};

void ncnn_write_check(struct writer *w, bool fine)
{
    w->failed = w->failed || !fine;
}

void ncnn_miss(struct writer *w, const char *why)
{
    const struct node *of = w->n ? faults_origin(&w->origins, w->n) : NULL;
    struct ncnn_miss miss = {.count = 1, .last = of ? (const void *)of : w->input};
    char label[200];
    if (w->failed)
        return;
    snprintf(miss.text, sizeof(miss.text), "%s %s", of ? faults_operator(of, w->n, label, sizeof(label)) : "an input",
             why);
    for (size_t i = 0; i < w->miss_count; i++)
        if (strcmp(w->misses[i].text, miss.text) == 0) {
            w->misses[i].count += w->misses[i].last != miss.last;
            w->misses[i].last = miss.last;
            return;
        }
    const char *example = of ? node_label(of, label, sizeof(label)) : w->input->name;
    miss.example = arena_strdup(&w->net.arena, example, w->err);
    ncnn_write_check(w,
                     miss.example && mem_grow(&w->misses, &w->miss_cap, w->miss_count + 1, sizeof(miss), w->err) == 0);
    if (!w->failed)
        w->misses[w->miss_count++] = miss;
}

int ncnn_tell_misses(const struct writer *w)
{
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < w->miss_count; i++)
        text_printf(&t, "%s%s (%d: %s)", i ? ", " : "", w->misses[i].text, w->misses[i].count, w->misses[i].example);
    error_set(w->err, "ncnn cannot carry: %s", t.data ? t.data : "");
    text_release(&t);
    return -1;
}

/* ---- values ---- */

int ncnn_batch(const struct writer *w, const struct value *v)
{
    return w->slots[v->index].batch;
}

void ncnn_set_batch(struct writer *w, const struct value *v, int axis)
{
    w->slots[v->index].batch = (signed char)axis;
}

struct blob_shape ncnn_shape(struct writer *w, const struct value *v)
{
    struct blob_shape s = {0};
    const struct type *t = &v->type;
    if (t->kind != TYPE_TENSOR || t->rank < 0) {
        ncnn_miss(w, "with a number of axes that is not known");
        return (struct blob_shape){.n = 1, .dims = {-1}};
    }
    for (int i = 0; i < t->rank; i++)
        if (i != ncnn_batch(w, v))
            s.dims[s.n++] = t->dims[i] < 0 ? -1 : t->dims[i];
    if (!s.n)
        s.dims[s.n++] = 1;
    if (s.n > BLOB_AXES) {
        ncnn_miss(w, "with more than four axes beside the batch");
        s.n = BLOB_AXES;
    }
    return s;
}

int ncnn_blob_axis(struct writer *w, const struct value *v, int64_t axis)
{
    int batch = ncnn_batch(w, v), rank = v->type.rank;
    axis = axis < 0 ? axis + rank : axis;
    return axis == batch ? -1 : (int)(axis - (batch >= 0 && axis > batch));
}

const struct tensor *ncnn_keep(struct writer *w, struct tensor *t)
{
    ncnn_write_check(w, t && mem_grow(&w->made, &w->made_cap, w->made_count + 1, sizeof(*w->made), w->err) == 0);
    if (w->failed) {
        tensor_unref(t);
        return NULL;
    }
    return w->made[w->made_count++] = t;
}

bool ncnn_holds_integers(const struct value *v)
{
    const struct dtype_info *d = dtype_info(v->type.dtype);
    return (d->class == DTYPE_CLASS_INT || d->class == DTYPE_CLASS_UINT) && d->bits > 8;
}

/* Quantised constants are computed where somebody wants them as floats. */
const struct tensor *ncnn_constant_of(struct writer *w, const struct value *v)
{
    struct error ignored;
    if (!v || w->failed)
        return NULL;
    if (v->constant && v->constant->dtype == DTYPE_F32)
        return v->constant;
    if (v->constant)
        return v->constant->dtype == DTYPE_STRING ? NULL
                                                  : ncnn_keep(w, tensor_cast(v->constant, DTYPE_F32, false, w->err));
    if (!v->producer || !node_is(v->producer, "DequantizeLinear"))
        return NULL;
    struct tensor *t = ncnn_write_evaluate(v->producer, &ignored);
    return t ? ncnn_keep(w, t) : NULL;
}

/* ---- names ---- */

/* What a name may not hold becomes "_". */
static const char *plain_name(struct writer *w, const char *name)
{
    char *copy = arena_strndup(&w->net.arena, name, strnlen(name, 200), w->err);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            *c = '_';
    ncnn_write_check(w, copy != NULL);
    return copy ? copy : "";
}

static const char *claim(struct writer *w, const char *name)
{
    char text[LOOKUP_FRESH];
    lookup_fresh(&w->names, plain_name(w, name), 1, text);
    const char *fresh = arena_strdup(&w->net.arena, text, w->err);
    ncnn_write_check(w, fresh && lookup_add(&w->names, fresh, w, w->err) == 0);
    return fresh ? fresh : "";
}

/* The name of the node's layer: without what a reader adds to those of several nodes, "lstm/LSTM_2". */
static const char *layer_name(struct writer *w, const struct node *n)
{
    const char *slash = strrchr(n->name, '/');
    size_t op = strlen(n->op);
    bool added = slash && strncmp(slash + 1, n->op, op) == 0 && slash[1 + op] == '_' && slash[2 + op] &&
                 strspn(slash + 2 + op, "0123456789") == strlen(slash + 2 + op);
    if (!added || slash == n->name)
        return n->name;
    const char *name = arena_strndup(&w->net.arena, n->name, (size_t)(slash - n->name), w->err);
    ncnn_write_check(w, name != NULL);
    return name ? name : "";
}

/* A name that the graph made up would be made up again when the file is read: the node's stands for it. */
static const char *name_of(struct writer *w, const struct value *v, char *text, size_t size)
{
    size_t digits = v->name[0] == '_' ? strspn(v->name + 1, "0123456789") : 0;
    const struct node *n = v->producer;
    if (!digits || v->name[1 + digits] || !n || !*n->name)
        return v->name;
    snprintf(text, size, v->producer_index ? "%.200s/%d" : "%.200s", layer_name(w, n), v->producer_index);
    return text;
}

const char *ncnn_fresh(struct writer *w, const char *like)
{
    char text[260];
    snprintf(text, sizeof(text), "%.200s_ncnn", like);
    return claim(w, text);
}

const char *ncnn_result_as(struct writer *w, const struct value *v, const struct blob_shape *held)
{
    char text[220];
    struct ncnn_slot *slot = &w->slots[v->index];
    slot->held = *held;
    return slot->blob = claim(w, name_of(w, v, text, sizeof(text)));
}

const char *ncnn_result(struct writer *w, const struct value *v)
{
    struct blob_shape s = ncnn_shape(w, v);
    return ncnn_result_as(w, v, &s);
}

static int open_sizes(const struct blob_shape *s)
{
    int n = 0;
    for (int i = 0; i < s->n; i++)
        n += s->dims[i] < 0;
    return n;
}

static bool same_shape(const struct blob_shape *a, const struct blob_shape *b)
{
    return a->n == b->n && memcmp(a->dims, b->dims, (size_t)a->n * sizeof(*a->dims)) == 0;
}

/* A graph output needs a blob of its own name and shape. */
void ncnn_alias(struct writer *w, const struct value *v, const struct value *of)
{
    struct ncnn_slot *slot = &w->slots[v->index];
    struct blob_shape s = ncnn_shape(w, v);
    const char *blob = ncnn_blob_held(w, of);
    slot->blob = blob;
    slot->held = w->slots[of->index].held;
    if (!v->is_output)
        return;
    struct blob_shape held = slot->held;
    const char *name = ncnn_result(w, v);
    if (same_shape(&held, &s))
        ncnn_layer_of(w, "Noop", 1, &blob, 1, &name);
    else
        ncnn_put_reshape(w, blob, &s, name);
}

/* ---- layers ---- */

void ncnn_layer_of(struct writer *w, const char *type, int ins, const char *const *in, int outs, const char *const *out)
{
    struct ncnn_layer *l = w->failed ? NULL : ncnn_add_layer(&w->net, w->err);
    ncnn_write_check(w, l != NULL);
    if (w->failed)
        return;
    l->type = type;
    l->name = outs ? out[0] : type;
    l->in = arena_alloc(&w->net.arena, (size_t)ins * sizeof(*l->in), w->err);
    l->out = arena_alloc(&w->net.arena, (size_t)outs * sizeof(*l->out), w->err);
    ncnn_write_check(w, l->in && l->out);
    for (int i = 0; !w->failed && i < ins; i++)
        l->in[l->in_count++] = in[i];
    for (int i = 0; !w->failed && i < outs; i++)
        l->out[l->out_count++] = out[i];
}

void ncnn_simple_layer(struct writer *w, const char *type)
{
    const char *in = ncnn_blob(w, w->n->in[0]), *out = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, type, 1, &in, 1, &out);
}

/* At the end of the latest layer's list. */
static struct ncnn_param *add_param(struct writer *w, int id, enum ncnn_kind kind, size_t count)
{
    struct ncnn_param *p = w->failed ? NULL : arena_alloc(&w->net.arena, sizeof(*p), w->err);
    uint32_t *words = p ? arena_alloc(&w->net.arena, count * sizeof(*words), w->err) : NULL;
    ncnn_write_check(w, words != NULL);
    if (w->failed)
        return NULL;
    *p = (struct ncnn_param){.id = id, .kind = kind, .count = count, .words = words};
    const struct ncnn_param **end = &w->net.layers[w->net.layer_count - 1].params;
    while (*end)
        end = (const struct ncnn_param **)&((struct ncnn_param *)*end)->next;
    *end = p;
    return p;
}

static void set_word(struct ncnn_param *p, size_t i, const void *word)
{
    memcpy((uint32_t *)p->words + i, word, sizeof(uint32_t));
}

void ncnn_put_ints(struct writer *w, int id, size_t count, const int64_t *values)
{
    struct ncnn_param *p = add_param(w, id, NCNN_INT, count);
    for (size_t i = 0; p && i < count; i++) {
        int32_t word = values[i] > INT32_MAX ? INT32_MAX : values[i] < INT32_MIN ? INT32_MIN : (int32_t)values[i];
        set_word(p, i, &word);
    }
    if (p)
        p->is_array = true;
}

void ncnn_put_int(struct writer *w, int id, int64_t value)
{
    ncnn_put_ints(w, id, 1, &value);
    const struct ncnn_param *p = w->failed ? NULL : ncnn_find(&w->net.layers[w->net.layer_count - 1], id);
    if (p)
        ((struct ncnn_param *)p)->is_array = false;
}

void ncnn_put_floats(struct writer *w, int id, size_t count, const float *values)
{
    struct ncnn_param *p = add_param(w, id, NCNN_FLOAT, count);
    for (size_t i = 0; p && i < count; i++)
        set_word(p, i, &values[i]);
    if (p)
        p->is_array = true;
}

void ncnn_put_float(struct writer *w, int id, float value)
{
    struct ncnn_param *p = add_param(w, id, NCNN_FLOAT, 1);
    if (p)
        set_word(p, 0, &value);
}

void ncnn_put_string(struct writer *w, int id, const char *text)
{
    struct ncnn_param *p = add_param(w, id, NCNN_STRING, 0);
    if (p)
        ncnn_write_check(w, (p->string = arena_strdup(&w->net.arena, text, w->err)) != NULL);
}

void ncnn_put_record(struct writer *w, const struct tensor *t, bool tagged)
{
    if (w->failed || !t)
        return;
    ncnn_write_check(w, mem_grow(&w->records, &w->record_cap, w->record_count + 1, sizeof(*w->records), w->err) == 0);
    if (!w->failed)
        w->records[w->record_count++] = (struct ncnn_record){t, tagged};
}

/* ---- blobs ---- */

/* The parameters' numbers of sizes: w, h, d, c, by the number of axes and from the first axis on. */
static const int size_ids[BLOB_AXES + 1][BLOB_AXES] = {{0}, {0}, {1, 0}, {2, 1, 0}, {2, 11, 1, 0}};

static void put_sizes(struct writer *w, const struct blob_shape *s)
{
    if (s->n > BLOB_AXES)
        ncnn_miss(w, "with more than four axes beside the batch");
    for (int i = s->n - 1; i >= 0 && s->n <= BLOB_AXES; i--)
        ncnn_put_int(w, size_ids[s->n][i], s->dims[i]);
}

const char *ncnn_put_reshape(struct writer *w, const char *from, const struct blob_shape *shape, const char *to)
{
    if (open_sizes(shape) > 1)
        ncnn_miss(w, "to sizes that are not known");
    ncnn_layer_of(w, "Reshape", 1, &from, 1, &to);
    put_sizes(w, shape);
    return to;
}

/* A constant is named after what it serves. */
static const char *memory_data(struct writer *w, const struct value *v, const struct tensor *t,
                               const struct blob_shape *s)
{
    char text[220], like[220];
    const struct value *result = node_out(w->n, 0);
    snprintf(like, sizeof(like), "%.200s_operand", result ? name_of(w, result, text, sizeof(text)) : v->name);
    const char *name = claim(w, v->name[0] == '_' ? like : v->name);
    ncnn_layer_of(w, "MemoryData", 0, NULL, 1, &name);
    put_sizes(w, s);
    if (t->count == 0)
        ncnn_miss(w, "with a constant of no elements");
    if (ncnn_holds_integers(v))
        ncnn_miss(w, "with a constant of integers");
    ncnn_put_record(w, t, false);
    return name;
}

const char *ncnn_blob_held(struct writer *w, const struct value *v)
{
    struct ncnn_slot *slot = &w->slots[v->index];
    const struct tensor *t = slot->blob ? NULL : ncnn_constant_of(w, v);
    if (t) {
        slot->held = ncnn_shape(w, v);
        return memory_data(w, v, t, &slot->held);
    }
    if (!slot->blob && !w->miss_count) /* else of a node that was missed */
        ncnn_miss(w, "of an operand that is not there");
    return slot->blob ? slot->blob : "";
}

const char *ncnn_blob_as(struct writer *w, const struct value *v, const struct blob_shape *shape)
{
    struct ncnn_slot *slot = &w->slots[v->index];
    const struct tensor *t = slot->blob ? NULL : ncnn_constant_of(w, v);
    if (t)
        return memory_data(w, v, t, shape);
    const char *blob = ncnn_blob_held(w, v);
    return same_shape(&slot->held, shape) ? blob : ncnn_put_reshape(w, blob, shape, ncnn_fresh(w, blob));
}

/* A view that somebody wants becomes a blob, once. */
const char *ncnn_blob(struct writer *w, const struct value *v)
{
    struct ncnn_slot *slot = &w->slots[v->index];
    struct blob_shape s = ncnn_shape(w, v);
    const char *blob = ncnn_blob_held(w, v);
    if (!slot->blob || same_shape(&slot->held, &s))
        return blob;
    return ncnn_put_reshape(w, blob, &s, ncnn_result(w, v));
}

const char *ncnn_blob_aligned(struct writer *w, const struct value *v, const struct value *out)
{
    struct blob_shape s = {0};
    const struct type *t = &v->type, *to = &out->type;
    int missing = to->rank - t->rank;
    for (int i = 0; i < to->rank; i++)
        if (i != ncnn_batch(w, out))
            s.dims[s.n++] = i < missing ? 1 : t->dims[i - missing] < 0 ? -1 : t->dims[i - missing];
    if (!s.n)
        s.dims[s.n++] = 1;
    return ncnn_blob_as(w, v, &s);
}

const char *ncnn_image(struct writer *w, const struct value *x)
{
    struct blob_shape s = {.n = x->type.rank - 1};
    for (int i = 0; i < s.n; i++)
        s.dims[i] = x->type.dims[i + 1] < 0 ? -1 : x->type.dims[i + 1];
    if (s.n < 1 || x->type.dims[0] != 1)
        ncnn_miss(w, "of a batch that is not 1");
    return s.n < 1 ? ncnn_blob(w, x) : ncnn_blob_as(w, x, &s);
}

void ncnn_image_layer(struct writer *w, const char *type)
{
    ncnn_set_batch(w, w->n->out[0], 0);
    const char *in = ncnn_image(w, w->n->in[0]), *out = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, type, 1, &in, 1, &out);
}

/* ---- activations within layers ---- */

static const struct {
    const char *name; /* of fused_activation */
    int type, count;
} activations[] = {{"Relu", 1, 0},    {"LeakyRelu", 2, 1}, {"Clip", 3, 2},
                   {"Sigmoid", 4, 0}, {"Mish", 5, 0},      {"HardSwish", 6, 2}};

struct ncnn_fused ncnn_fuse(struct writer *w, const struct value *v)
{
    struct ncnn_fused f = {.out = v};
    struct node *n = v->use_count == 1 && !v->is_output ? v->uses[0].node : NULL;
    float numbers[2];
    const struct fused_activation *a = n && n->def ? fused_activation_of(n, &numbers[0], &numbers[1]) : NULL;
    for (size_t i = 0; a && i < sizeof(activations) / sizeof(activations[0]); i++) {
        if (strcmp(a->name, activations[i].name) != 0)
            continue;
        f = (struct ncnn_fused){n->out[0], activations[i].type, activations[i].count, {numbers[0], numbers[1]}};
        if (f.type == 6)
            f.numbers[0] = 1 / 6.0f, f.numbers[1] = 0.5f;
        w->slots[f.out->index].done = true;
        ncnn_set_batch(w, f.out, ncnn_batch(w, v));
    }
    return f;
}

void ncnn_put_fused(struct writer *w, const struct ncnn_fused *f, int id)
{
    if (!f->type)
        return;
    ncnn_put_int(w, id, f->type);
    if (f->count)
        ncnn_put_floats(w, id + 1, (size_t)f->count, f->numbers);
}
