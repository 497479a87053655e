/* What OpenVINO's Model API notes of a model beside its layers, in <rt_info><model_info>: how a photo becomes the
 * input, and the labels; or what was written here, in <rt_info><nn>. Its adapters and image models are the source. */
#include <string.h>

#include "base/text.h"
#include "format/openvino/openvino.h"

struct info {
    const struct xml *xml;
    const struct xml_node *node; /* <model_info> */
    struct text text;
};

/* The value of an entry; "" when it is not there. */
static const char *entry(const struct info *i, const char *name)
{
    const struct xml_node *n = xml_first(i->xml, i->node, name);
    const char *value = n ? xml_attr(i->xml, n, "value") : NULL;
    return value ? value : "";
}

/* One number or three, between blanks, commas and brackets. */
static void add_values(struct info *i, const char *key, const char *name)
{
    static const char between[] = " ,[]\t\n";
    const char *at = entry(i, name) + strspn(entry(i, name), between);
    size_t before = i->text.size;
    int count = 0;
    text_printf(&i->text, ",%s", key);
    for (; *at; count++) {
        size_t n = strcspn(at, between);
        float v = 0;
        text_puts(&i->text, count ? ":" : "=");
        if (!text_to_f32(at, n, &v))
            count = 3; /* too many in the end: not used */
        text_f32(&i->text, v);
        at += n + strspn(at + n, between);
    }
    if (count != 1 && count != 3)
        i->text.size = before;
}

static bool is_yes(const char *value)
{
    return strcmp(value, "YES") == 0 || strcmp(value, "True") == 0 || strcmp(value, "true") == 0;
}

/* The picture's place in an input of width x height; "standard" stretches, as without a step. */
static void add_resize(struct info *i, const struct graph *g)
{
    const struct type *t = g->input_count ? &g->inputs[0]->type : NULL;
    const char *type = entry(i, "resize_type"), *pad = entry(i, "pad_value");
    float fill = 0;
    bool boxes = strcmp(type, "fit_to_window_letterbox") == 0, corner = strcmp(type, "fit_to_window") == 0;
    if (!t || t->kind != TYPE_TENSOR || t->rank != 4 || !(boxes || corner))
        return;
    int at = t->dims[1] == 1 || t->dims[1] == 3 ? 2 : 1; /* of the height */
    bool has_fill = text_to_f32(pad, strlen(pad), &fill) && fill >= 0 && fill <= 255;
    if (t->dims[at] > 0 && t->dims[at + 1] > 0)
        text_printf(&i->text, ",letterbox=%lldx%lld:%d%s", (long long)t->dims[at + 1], (long long)t->dims[at],
                    has_fill ? (int)fill : 0, corner ? ":corner" : "");
}

/* Names stand between blanks, and have "_" for one of their own; one a line in a property. */
static int set_labels(struct info *i, struct graph *g, struct error *err)
{
    const char *labels = entry(i, "labels");
    struct text text;
    int result = 0;
    text_init(&text);
    for (const char *at = labels + strspn(labels, " "); *at;) {
        size_t n = strcspn(at, " ");
        text_add(&text, at, n);
        text_puts(&text, "\n");
        at += n + strspn(at + n, " ");
    }
    if (text.failed)
        result = error_memory(err);
    else if (text.size)
        result = graph_set_property(g, "labels", text.data, text.size - 1, err);
    text_release(&text);
    return result;
}

/* From <model_info>. */
static int read_foreign(struct info i, struct graph *g, struct error *err)
{
    int result = 0;
    text_init(&i.text);
    text_puts(&i.text, "opencv");
    add_resize(&i, g);
    text_puts(&i.text, is_yes(entry(&i, "reverse_input_channels")) ? ",rgb" : ",bgr");
    add_values(&i, "mean", "mean_values");
    add_values(&i, "std", "scale_values");
    bool tells = *entry(&i, "mean_values") || *entry(&i, "resize_type") || *entry(&i, "reverse_input_channels");
    if (i.text.failed)
        result = error_memory(err);
    else if (tells)
        result = graph_set_property(g, "recipe", i.text.data, i.text.size, err);
    text_release(&i.text);
    return result ? result : set_labels(&i, g, err);
}

int openvino_read_info(struct graph *g, const struct xml *xml, struct error *err)
{
    static const char *const keys[] = {OPENVINO_INFO_KEYS};
    const struct xml_node *rt = xml_first(xml, xml->node, "rt_info"), *own = rt ? xml_first(xml, rt, "nn") : NULL,
                          *foreign = rt && !own ? xml_first(xml, rt, "model_info") : NULL;
    const struct info i = {xml, own, {0}};
    int result = foreign ? read_foreign((struct info){xml, foreign, {0}}, g, err) : 0;
    for (size_t k = 0; own && result == 0 && k < sizeof keys / sizeof *keys; k++) {
        const char *value = entry(&i, keys[k]);
        result = *value ? graph_set_property(g, keys[k], value, strlen(value), err) : 0;
    }
    return result;
}
