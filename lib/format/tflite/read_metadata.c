/* What a file says about itself: the metadata that TensorFlow Lite's Metadata Writer adds, a FlatBuffer of its own in a
 * buffer, and the files that stand in a zip archive behind the model. Source: metadata_schema.fbs. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "format/tflite/metadata.h"
#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"
#include "parse/zip.h"

#define TABLES_MOST 100000
#define LABELS_MOST ((size_t)1 << 20)

/* The buffer that the model's list of metadata names so; its size, or 0. */
static size_t find(struct tflite_file *f, const char *name, const uint8_t **data)
{
    struct flatbuf_vector list = flatbuf_vector(f->model, MODEL_METADATA, 4);
    for (size_t i = 0; i < list.count && !f->buf.fault; i++) {
        struct flatbuf_table t = flatbuf_vector_table(&f->buf, list, i);
        struct flatbuf_vector text = flatbuf_string(t, METADATA_NAME);
        if (text.count == strlen(name) && memcmp(text.data, name, text.count) == 0)
            return tflite_buffer(f, flatbuf_uint(t, METADATA_BUFFER, 4, 0), data);
    }
    return 0;
}

/* ---- the input ---- */

/* What a stored number of the input stands for: scale * (q - zero); 1 and 0 for floats. */
struct stored {
    float scale, zero;
};

/* Samples x become (x - mean) / std, and with a scale of the input ((x - mean) / std) / scale + zero. */
static void print_recipe(struct text *out, struct flatbuf_table options, const char *colour, const struct stored *q)
{
    struct flatbuf_vector mean = flatbuf_vector(options, 0, 4), std = flatbuf_vector(options, 1, 4);
    struct text means, stds;
    bool good = mean.count == std.count && (mean.count == 1 || mean.count == 3);
    text_init(&means);
    text_init(&stds);
    for (size_t i = 0; i < mean.count && good; i++) {
        float s = flatbuf_vector_float(std, i) * q->scale, m = flatbuf_vector_float(mean, i) - q->zero * s;
        good = isfinite(m) && isfinite(s) && s != 0;
        text_puts(&means, i ? ":" : "");
        text_f32(&means, m);
        text_puts(&stds, i ? ":" : "");
        text_f32(&stds, s);
    }
    if (good)
        text_printf(out, "%s,mean=%s,std=%s", colour, means.data, stds.data);
    out->failed = out->failed || means.failed || stds.failed;
    text_release(&means);
    text_release(&stds);
}

static const char *colour_of(struct flatbuf_table tensor)
{
    struct flatbuf_table content = flatbuf_table(tensor, META_CONTENT);
    struct flatbuf_table image = flatbuf_table(content, CONTENT);
    bool is_grey =
        flatbuf_uint(content, CONTENT_TYPE, 1, 0) == CONTENT_IMAGE && flatbuf_int(image, 0, 1, 0) == IMAGE_GREY;
    return is_grey ? "gray" : "rgb";
}

static int put_recipe(struct tflite_file *f, struct flatbuf_table tensor, const struct stored *q)
{
    struct flatbuf_vector units = flatbuf_vector(tensor, META_UNITS, 4);
    struct text text;
    int result = 0;
    text_init(&text);
    for (size_t i = 0; i < units.count && !text.size; i++) {
        struct flatbuf_table unit = flatbuf_vector_table(tensor.file, units, i);
        if (flatbuf_uint(unit, UNIT_TYPE, 1, 0) == UNIT_NORMALIZATION)
            print_recipe(&text, flatbuf_table(unit, UNIT_OPTIONS), colour_of(tensor), q);
    }
    if (text.failed)
        result = error_memory(f->err);
    else if (text.size)
        result = graph_set_property(f->root, "recipe", text.data, text.size, f->err);
    text_release(&text);
    return result;
}

static struct stored stored_by(const struct tflite_tensor *t)
{
    struct tflite_scale scale;
    struct stored q = {1, 0};
    if (tflite_is_quantised(t, &scale) && scale.scale.count == 1) {
        q.scale = flatbuf_vector_float(scale.scale, 0);
        q.zero = (float)flatbuf_vector_int(scale.zero, 0);
    }
    return q;
}

/* ---- the output ---- */

/* The name of the first file of labels, in the root's arena; NULL: none. */
static const char *label_file(struct tflite_file *f, struct flatbuf_table tensor)
{
    struct flatbuf_vector files = flatbuf_vector(tensor, META_FILES, 4);
    for (size_t i = 0; i < files.count; i++) {
        struct flatbuf_table t = flatbuf_vector_table(tensor.file, files, i);
        struct flatbuf_vector name = flatbuf_string(t, FILE_NAME);
        if (flatbuf_uint(t, FILE_TYPE, 1, 0) == FILE_AXIS_LABELS && name.count)
            return arena_strndup(&f->root->arena, (const char *)name.data, name.count, f->err);
    }
    return NULL;
}

/* The lines of a text, not counting empty ones at its end. */
static int64_t count_lines(const char *text, size_t n)
{
    int64_t lines = 0;
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return n ? lines + 1 : 0;
}

/* Scores [1, n] of n labels are a classification. */
static int put_task(struct graph *g, int64_t labels, struct error *err)
{
    const struct type *t = g->output_count ? &g->outputs[0]->type : NULL;
    bool is_scores = t && t->kind == TYPE_TENSOR && t->rank >= 1 && t->dims[t->rank - 1] == labels;
    for (int i = 1; is_scores && i < t->rank - 1; i++)
        is_scores = t->dims[i] == 1;
    return is_scores ? graph_set_property(g, "task", "classify", 8, err) : 0;
}

/* Archives that cannot be read are no fault of the model's: it runs without labels. */
static int put_labels(struct tflite_file *f, struct flatbuf_table tensor)
{
    struct error unused;
    const char *name = label_file(f, tensor);
    struct zip *zip = name && zip_is(f->blob) ? zip_open(f->blob, &unused) : NULL;
    size_t at = zip ? zip_find(zip, name) : 0;
    struct blob *text = zip && at < zip_count(zip) ? zip_read(zip, at, LABELS_MOST, &unused) : NULL;
    int result = 0;
    if (text && text->size)
        result = graph_set_property(f->root, "labels", text->data, text->size, f->err);
    if (text && result == 0)
        result = put_task(f->root, count_lines(text->data, text->size), f->err);
    blob_unref(text);
    zip_close(zip);
    return result;
}

/* ---- the whole ---- */

/* An entry of ours, word for word. */
static int put_entry(struct tflite_file *f, const char *entry, const char *key)
{
    const uint8_t *data;
    size_t size = find(f, entry, &data);
    return size && size < LABELS_MOST ? graph_set_property(f->root, key, (const char *)data, size, f->err) : 0;
}

static int read_library(struct tflite_file *f)
{
    const uint8_t *data;
    struct flatbuf meta;
    size_t size = find(f, TFLITE_META, &data);
    if (!size)
        return 0;
    flatbuf_init(&meta, data, size, TABLES_MOST);
    struct flatbuf_table graph = flatbuf_vector_table(&meta, flatbuf_vector(flatbuf_root(&meta), META_GRAPHS, 4), 0);
    struct flatbuf_table input = flatbuf_vector_table(&meta, flatbuf_vector(graph, META_INPUTS, 4), 0);
    struct flatbuf_table output = flatbuf_vector_table(&meta, flatbuf_vector(graph, META_OUTPUTS, 4), 0);
    struct flatbuf_table main = flatbuf_vector_table(&f->buf, f->graphs, 0);
    struct flatbuf_vector tensors = flatbuf_vector(main, GRAPH_TENSORS, 4);
    int64_t first = flatbuf_vector_int(flatbuf_vector(main, GRAPH_INPUTS, 4), 0);
    struct tflite_tensor t = {.table = flatbuf_vector_table(&f->buf, tensors, (size_t)first)};
    struct stored q = stored_by(&t);
    return put_recipe(f, input, &q) < 0 || put_labels(f, output) < 0 ? -1 : 0;
}

int tflite_read_metadata(struct tflite_file *f)
{
    return read_library(f) < 0 || put_entry(f, TFLITE_META_RECIPE, "recipe") < 0 ||
                   put_entry(f, TFLITE_META_TASK, "task") < 0
               ? -1
               : 0;
}
