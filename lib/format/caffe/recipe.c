#include "format/caffe/recipe.h"

#include "base/text.h"

/* The transformation of the layer that brings data, of the net as used rather than as trained. */
static const struct protobuf *find_transform(const struct caffe_net *net)
{
    const struct protobuf *found = NULL;
    for (size_t i = 0; i < net->count; i++) {
        const struct protobuf *p = protobuf_message(net->layers[i].message, "transform_param");
        if (p && (!found || caffe_layer_is_used(net, &net->layers[i])))
            found = p;
    }
    return found;
}

/* Channels are blue, green, red, as the program reads pictures. */
static void print(struct text *t, const struct protobuf *p)
{
    size_t means = protobuf_count(p, "mean_value");
    float scale = (float)protobuf_float(p, "scale", 1);
    text_puts(t, protobuf_int(p, "force_gray", 0) ? "gray" : "bgr");
    if (means == 1 || means == 3)
        for (const struct protobuf *m = protobuf_first(p, "mean_value"); m; m = protobuf_more(m)) {
            text_puts(t, m == protobuf_first(p, "mean_value") ? ",mean=" : ":");
            text_f32(t, (float)protobuf_as_float(m, 0));
        }
    if (scale != 1) {
        text_puts(t, ",scale=");
        text_f32(t, scale);
    }
}

int caffe_set_recipe(struct caffe_reader *r)
{
    const struct protobuf *transform = find_transform(&r->net);
    if (!transform)
        transform = find_transform(&r->trained);
    if (!transform || !(protobuf_find(transform, "mean_value") || protobuf_find(transform, "scale")))
        return 0;
    struct text t;
    text_init(&t);
    print(&t, transform);
    int failed = t.failed ? error_memory(r->build.err)
                          : graph_set_property(r->build.graph, "recipe", t.data, t.size, r->build.err);
    text_release(&t);
    build_check(&r->build, failed == 0);
    return failed;
}
