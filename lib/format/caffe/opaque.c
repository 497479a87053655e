/* A layer of a type that is not known: a node caffe.Type with its parameters as attributes and its weights as inputs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/caffe/caffe.h"

#define MOST_FIELDS 8192 /* of one message: each is looked for among all */

/* What of a layer is no parameter. */
static bool is_common(const char *name)
{
    return text_has_word("name type bottom top param blobs include exclude phase loss_weight layer propagate_down",
                         name);
}

static void set_numbers(struct caffe_read *l, const char *name, const struct protobuf *field, size_t count)
{
    float *floats = arena_alloc(&l->reader->arena, count * sizeof(*floats), l->b->err);
    int64_t *ints = arena_alloc(&l->reader->arena, count * sizeof(*ints), l->b->err);
    size_t n = 0;
    bool whole = true;
    build_check(l->b, floats && ints);
    for (const struct protobuf *p = field; p && !l->b->failed; p = protobuf_more(p), n++) {
        floats[n] = (float)protobuf_as_float(p, 0);
        ints[n] = protobuf_as_int(p, 0);
        whole &= p->kind == PROTOBUF_INT;
    }
    if (l->b->failed)
        return;
    if (count == 1 && whole)
        build_int(l->b, l->out[0], name, ints[0]);
    else if (count == 1)
        build_float(l->b, l->out[0], name, floats[0]);
    else if (whole)
        build_ints(l->b, l->out[0], name, (int)count, ints);
    else
        build_floats(l->b, l->out[0], name, (int)count, floats);
}

static bool is_first(const struct protobuf *message, const struct protobuf *p)
{
    return protobuf_first(message, p->name) == p;
}

/* "kernel_size" of its parameters, "nms_param.top_k" of a message within. */
static void set_parameters(struct caffe_read *l, const struct protobuf *message, const char *prefix, int depth)
{
    int fields = 0;
    for (const struct protobuf *p = message->first; p && fields <= MOST_FIELDS; p = p->next)
        fields++;
    if (fields > MOST_FIELDS)
        build_fail(l->b, "it has more than %d fields in one message", MOST_FIELDS);
    for (const struct protobuf *p = message->first; p && !l->b->failed; p = p->next) {
        char name[200];
        if (!is_first(message, p) || (depth == 0 && is_common(p->name)))
            continue;
        snprintf(name, sizeof(name), "%s%s%.80s", prefix, *prefix ? "." : "", p->name);
        size_t count = protobuf_count(message, p->name);
        if (p->kind == PROTOBUF_MESSAGE && depth < 3)
            set_parameters(l, p, depth == 0 ? "" : name, depth + 1);
        else if (p->kind == PROTOBUF_INT || p->kind == PROTOBUF_FLOAT)
            set_numbers(l, name, p, count);
        else if (p->kind == PROTOBUF_STRING || p->kind == PROTOBUF_WORD)
            build_string(l->b, l->out[0], name, p->text);
    }
}

void caffe_read_opaque(struct caffe_read *l)
{
    int count = l->in_count + l->blob_count;
    struct value **in = arena_alloc(&l->reader->arena, ((size_t)count + 1) * sizeof(*in), l->b->err);
    char op[200], name[200];
    if (!in) {
        build_check(l->b, false);
        return;
    }
    if (l->in_count)
        memcpy(in, l->in, (size_t)l->in_count * sizeof(*in));
    for (int i = 0; i < l->blob_count && !l->b->failed; i++) {
        struct tensor *t = caffe_blob(l, i);
        snprintf(name, sizeof(name), "%.150s/%d", l->layer->name, i);
        in[l->in_count + i] = build_constant(l->b, name, t);
    }
    snprintf(op, sizeof(op), "caffe.%.150s", l->layer->type);
    l->out[0] = build_node(l->b, op, count, in);
    set_parameters(l, l->layer->message, "", 0);
    for (int i = 1; i < l->out_count; i++)
        l->out[i] = build_output(l->b, l->out[0], i);
}
