/* A net in 32-bit words: layer types and blobs by number, names left off. */
#include <stdlib.h>
#include <string.h>

#include "base/lookup.h"
#include "format/ncnn/write_text.h"

static void put_word(struct text *t, int64_t word)
{
    int32_t w = (int32_t)word;
    text_add(t, (const char *)&w, sizeof(w));
}

static void put_param(struct text *t, const struct ncnn_param *p)
{
    if (p->kind == NCNN_STRING) {
        size_t size = strlen(p->string);
        put_word(t, NCNN_STRING_BASE - p->id);
        put_word(t, (int64_t)size);
        text_add(t, p->string, size);
        text_add(t, "\0\0\0", (4 - size % 4) % 4);
        return;
    }
    put_word(t, p->is_array ? NCNN_ARRAY_BASE - p->id : p->id);
    if (p->is_array)
        put_word(t, (int64_t)p->count);
    for (size_t i = 0; i < p->count; i++)
        put_word(t, p->words[i]);
}

/* A blob's number is its place among all outputs of all layers, as ncnn counts when it reads the text. */
static int put_blobs(struct text *t, const struct lookup *numbers, int count, const char *const *names,
                     struct error *err)
{
    for (int i = 0; i < count; i++) {
        const int *number = lookup_find(numbers, names[i]);
        if (!number)
            return error_set(err, "blob '%s' is taken and not made", names[i]);
        put_word(t, *number);
    }
    return 0;
}

static int put_layer(struct text *t, const struct lookup *numbers, const struct ncnn_layer *l, struct error *err)
{
    int type = ncnn_type_index(l->type);
    if (type < 0)
        return error_set(err, "layer '%s': the type %s has no number, which the binary form wants: write a .param file",
                         l->name, l->type);
    put_word(t, type);
    put_word(t, l->in_count);
    put_word(t, l->out_count);
    if (put_blobs(t, numbers, l->in_count, l->in, err) != 0 || put_blobs(t, numbers, l->out_count, l->out, err) != 0)
        return -1;
    for (const struct ncnn_param *p = l->params; p; p = p->next)
        put_param(t, p);
    put_word(t, NCNN_END_OF_PARAMS);
    return 0;
}

static int number_blobs(const struct ncnn_net *net, struct lookup *numbers, int *list, struct error *err)
{
    int n = 0;
    for (size_t i = 0; i < net->layer_count; i++)
        for (int o = 0; o < net->layers[i].out_count; o++) {
            list[n] = n;
            if (lookup_add(numbers, net->layers[i].out[o], &list[n++], err) != 0)
                return -1;
        }
    return 0;
}

int ncnn_write_words(struct text *t, const struct ncnn_net *net, struct error *err)
{
    struct lookup numbers = {0};
    size_t blobs = 0;
    for (size_t i = 0; i < net->layer_count; i++)
        blobs += (size_t)net->layers[i].out_count;
    int *list = mem_calloc(blobs, sizeof(*list), err);
    int status = list ? number_blobs(net, &numbers, list, err) : -1;
    put_word(t, NCNN_MAGIC);
    put_word(t, (int64_t)net->layer_count);
    put_word(t, (int64_t)blobs);
    for (size_t i = 0; status == 0 && i < net->layer_count; i++)
        status = put_layer(t, &numbers, &net->layers[i], err);
    lookup_release(&numbers);
    free(list);
    return status;
}
