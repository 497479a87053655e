/* How a photo becomes the input: as it is where the first layers prepare it, else as networks of that name want it.
 * Source of the latter: preprocess_input() of keras.applications. */
#include <string.h>
#include <strings.h>

#include "format/keras/keras.h"

static const struct {
    const char *begins, *holds; /* the name of the model; holds: NULL for anything */
    const char *recipe;
} named[] = {
    {"resnet", "v2", "rgb,mean=127.5,std=127.5"},
    {"resnet", NULL, "bgr,mean=103.939:116.779:123.68"},
    {"vgg", NULL, "bgr,mean=103.939:116.779:123.68"},
    {"densenet", NULL, "rgb,mean=123.675:116.28:103.53,std=58.395:57.12:57.375"},
    {"mobilenet", NULL, "rgb,mean=127.5,std=127.5"},
    {"inception", NULL, "rgb,mean=127.5,std=127.5"},
    {"xception", NULL, "rgb,mean=127.5,std=127.5"},
    {"nasnet", NULL, "rgb,mean=127.5,std=127.5"},
};

static const char *find_recipe(const struct keras_reader *r, int64_t channels)
{
    const char *name = r->b.graph->name;
    if (r->is_prepared)
        return channels == 1 ? "gray" : "rgb";
    for (size_t i = 0; i < sizeof(named) / sizeof(*named) && name && channels == 3; i++)
        if (strncasecmp(name, named[i].begins, strlen(named[i].begins)) == 0 &&
            (!named[i].holds || strstr(name, named[i].holds)))
            return named[i].recipe;
    return NULL;
}

void keras_note_prepared(struct keras_call *l)
{
    const struct value *x = keras_in(l, 0);
    l->r->is_prepared = l->r->is_prepared || (x && x->is_input);
}

int keras_put_recipe(struct keras_reader *r)
{
    struct graph *g = r->b.graph;
    const struct type *in = g->input_count == 1 ? &g->inputs[0]->type : NULL,
                      *out = g->output_count == 1 ? &g->outputs[0]->type : NULL;
    if (!in || in->rank != 4 || (in->dims[3] != 3 && in->dims[3] != 1))
        return 0;
    const char *recipe = find_recipe(r, in->dims[3]);
    if (!recipe)
        return 0;
    if (graph_set_property(g, "recipe", recipe, strlen(recipe), r->b.err) != 0)
        return -1;
    bool is_scores = out && out->kind == TYPE_TENSOR && out->rank == 2 && out->dims[1] > 1;
    return is_scores ? graph_set_property(g, "task", "classify", 8, r->b.err) : 0;
}
