/* What the model knows of its input and output, as the metadata that TensorFlow Lite's task library reads: a FlatBuffer
 * of its own in a buffer, and the labels as a file of a zip archive behind the model. Recipe and task stand word for
 * word in two more entries. Source: metadata_schema.fbs; for the archive, APPNOTE.TXT of PKWARE. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "format/tflite/metadata.h"
#include "format/tflite/schema.h"
#include "format/tflite/write.h"

#define PARSER_VERSION "1.0.0"
#define CHANNELS_MOST  4

/* ---- the recipe ---- */

/* The numbers of "mean=1:2:3" in a recipe; how many, 0 where there are none. */
static int numbers_of(const struct str *recipe, const char *word, float *to)
{
    size_t length = strlen(word), n = recipe->size;
    int count = 0;
    for (size_t i = 0; i + length < n; i++) {
        bool begins = (i == 0 || recipe->data[i - 1] == ',') && memcmp(recipe->data + i, word, length) == 0;
        if (!begins || recipe->data[i + length] != '=')
            continue;
        for (size_t from = i += length + 1; i <= n && count < CHANNELS_MOST; i++) {
            if (i < n && recipe->data[i] != ':' && recipe->data[i] != ',')
                continue;
            if (!text_to_f32(recipe->data + from, i - from, &to[count]))
                return 0;
            count++;
            from = i + 1;
            if (i == n || recipe->data[i] == ',')
                return count;
        }
        return 0;
    }
    return 0;
}

static bool has_word(const struct str *recipe, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= recipe->size; i++)
        if ((i == 0 || recipe->data[i - 1] == ',') && memcmp(recipe->data + i, word, length) == 0 &&
            (i + length == recipe->size || recipe->data[i + length] == ','))
            return true;
    return false;
}

/* What a stored number of the first input stands for; as they are where it is stored as a float. */
static void input_scale(const struct graph *g, float *scale, float *zero)
{
    const struct value *v = g->input_count ? g->inputs[0] : NULL;
    for (size_t i = 0; v && i < v->use_count; i++) {
        const struct node *n = v->uses[i].node;
        const struct value *s = node_in(n, 1), *z = node_in(n, 2);
        if (!node_is(n, "DequantizeLinear") || v->uses[i].index || !s->constant || s->constant->count != 1)
            continue;
        *scale = (float)tensor_get_f64(s->constant, 0);
        *zero = z && z->constant ? (float)tensor_get_f64(z->constant, 0) : 0;
    }
}

/* Mean and deviation of samples, before they are stored by the scale of the input. */
static uint32_t put_normalisation(struct flatbuf_out *out, const struct graph *g, const struct str *recipe)
{
    float mean[CHANNELS_MOST] = {0}, std[CHANNELS_MOST] = {1, 1, 1, 1}, scale = 1, zero = 0;
    int means = numbers_of(recipe, "mean", mean), stds = numbers_of(recipe, "std", std);
    int count = means > stds ? means : stds;
    bool quantizes = has_word(recipe, "quantize"); /* then they are of samples already */
    if (!count || has_word(recipe, "bgr") || numbers_of(recipe, "scale", &zero) || numbers_of(recipe, "quantize", std))
        return 0;
    for (int i = means ? means : 1; i < count; i++)
        mean[i] = mean[0];
    for (int i = stds ? stds : 1; i < count; i++)
        std[i] = std[0];
    if (!quantizes)
        input_scale(g, &scale, &zero);
    for (int i = 0; i < count; i++) {
        mean[i] += zero * std[i];
        std[i] /= scale;
    }
    uint32_t means_at = flatbuf_put_vector(out, mean, (size_t)count, 4, 4);
    uint32_t stds_at = flatbuf_put_vector(out, std, (size_t)count, 4, 4);
    flatbuf_begin(out);
    flatbuf_add_ref(out, 0, means_at);
    flatbuf_add_ref(out, 1, stds_at);
    uint32_t options = flatbuf_end(out);
    flatbuf_begin(out);
    flatbuf_add_int(out, UNIT_TYPE, 1, UNIT_NORMALIZATION, 0);
    flatbuf_add_ref(out, UNIT_OPTIONS, options);
    return flatbuf_end(out);
}

static uint32_t put_image(struct flatbuf_out *out, const struct str *recipe)
{
    flatbuf_begin(out);
    flatbuf_add_int(out, 0, 1, has_word(recipe, "gray") ? IMAGE_GREY : IMAGE_RGB, 0);
    uint32_t image = flatbuf_end(out);
    flatbuf_begin(out);
    flatbuf_add_int(out, CONTENT_TYPE, 1, CONTENT_IMAGE, 0);
    flatbuf_add_ref(out, CONTENT, image);
    return flatbuf_end(out);
}

static uint32_t put_input(struct flatbuf_out *out, const struct graph *g, const struct str *recipe, const char *name)
{
    uint32_t text = flatbuf_put_string(out, name), image = recipe ? put_image(out, recipe) : 0;
    uint32_t unit = recipe ? put_normalisation(out, g, recipe) : 0, units = unit ? flatbuf_put_refs(out, &unit, 1) : 0;
    flatbuf_begin(out);
    flatbuf_add_ref(out, META_NAME, text);
    flatbuf_add_ref(out, META_CONTENT, image);
    flatbuf_add_ref(out, META_UNITS, units);
    return flatbuf_end(out);
}

static uint32_t put_output(struct flatbuf_out *out, bool has_labels, const char *name)
{
    uint32_t text = flatbuf_put_string(out, name), files = 0;
    if (has_labels) {
        uint32_t file = flatbuf_put_string(out, TFLITE_LABELS);
        flatbuf_begin(out);
        flatbuf_add_ref(out, FILE_NAME, file);
        flatbuf_add_int(out, FILE_TYPE, 1, FILE_AXIS_LABELS, 0);
        uint32_t entry = flatbuf_end(out);
        files = flatbuf_put_refs(out, &entry, 1);
    }
    flatbuf_begin(out);
    flatbuf_add_ref(out, META_NAME, text);
    flatbuf_add_ref(out, META_FILES, files);
    return flatbuf_end(out);
}

/* A table for each input, or each output; the first one's says what the model knows. */
static uint32_t put_tensors(struct flatbuf_out *out, const struct graph *g, bool is_input, const struct str *known,
                            struct error *err)
{
    size_t count = is_input ? g->input_count : g->output_count;
    uint32_t *refs = mem_calloc(count, sizeof *refs, err);
    out->failed = out->failed || !refs;
    for (size_t i = 0; refs && i < count; i++)
        refs[i] = is_input ? put_input(out, g, i ? NULL : known, g->inputs[i]->name)
                           : put_output(out, !i && known, g->outputs[i]->name);
    uint32_t ref = refs ? flatbuf_put_refs(out, refs, count) : 0;
    free(refs);
    return ref;
}

static uint32_t put_root(struct flatbuf_out *out, const struct graph *g, const struct str *recipe,
                         const struct str *labels, struct error *err)
{
    uint32_t inputs = put_tensors(out, g, true, recipe, err), outputs = put_tensors(out, g, false, labels, err);
    uint32_t version = flatbuf_put_string(out, PARSER_VERSION);
    flatbuf_begin(out);
    flatbuf_add_ref(out, META_INPUTS, inputs);
    flatbuf_add_ref(out, META_OUTPUTS, outputs);
    uint32_t graph = flatbuf_end(out), graphs = flatbuf_put_refs(out, &graph, 1);
    flatbuf_begin(out);
    flatbuf_add_ref(out, META_GRAPHS, graphs);
    flatbuf_add_ref(out, META_PARSER, version);
    return flatbuf_end(out);
}

/* ---- entries ---- */

static void add_entry(struct tflite_writer *w, struct tflite_refs *list, const char *name, const void *data,
                      size_t size)
{
    uint32_t buffer = tflite_put_buffer(w, data, size), text = flatbuf_put_string(&w->out, name);
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, METADATA_NAME, text);
    flatbuf_add_int(&w->out, METADATA_BUFFER, 4, buffer, 0);
    tflite_add_ref(w, list, flatbuf_end(&w->out));
}

uint32_t tflite_put_metadata(struct tflite_writer *w, const struct graph *g)
{
    const struct str *recipe = graph_property(g, "recipe"), *labels = graph_property(g, "labels");
    const struct str *task = graph_property(g, "task");
    struct tflite_refs list = {0};
    struct flatbuf_out out;
    size_t size;
    flatbuf_out_init(&out, w->err);
    if (recipe || labels) {
        uint32_t root = put_root(&out, g, recipe, labels, w->err);
        const uint8_t *data = flatbuf_finish(&out, root, TFLITE_META_IDENTIFIER, &size);
        w->failed = w->failed || !data;
        if (data)
            add_entry(w, &list, TFLITE_META, data, size);
    }
    if (recipe)
        add_entry(w, &list, TFLITE_META_RECIPE, recipe->data, recipe->size);
    if (task)
        add_entry(w, &list, TFLITE_META_TASK, task->data, task->size);
    flatbuf_out_release(&out);
    uint32_t ref = list.count ? flatbuf_put_refs(&w->out, list.refs, list.count) : 0;
    free(list.refs);
    return ref;
}

/* ---- the archive ---- */

static void put(struct text *t, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8)
        text_add(t, (const char[]){(char)value}, 1);
}

/* What a file's two headers have in common: versions, method (stored), a time, checksum, sizes. */
static void put_header(struct text *t, uint32_t crc, size_t size, size_t name)
{
    put(t, 20, 2);
    put(t, 0, 4);
    put(t, 0x00210000, 4); /* the first of January 1980 */
    put(t, crc, 4);
    put(t, size, 4);
    put(t, size, 4);
    put(t, name, 2);
    put(t, 0, 2);
}

int tflite_write_labels(const struct graph *g, struct file_out *file, size_t size, struct error *err)
{
    const struct str *labels = graph_property(g, "labels");
    const size_t name = sizeof TFLITE_LABELS - 1;
    struct text t;
    if (!labels)
        return 0;
    if (labels->size > INT32_MAX || size > INT32_MAX)
        return error_set(err, "labels of %zu bytes behind %zu: want less than 2 GiB", labels->size, size);
    uint32_t crc = hash_crc32(labels->data, labels->size);
    text_init(&t);
    text_add(&t, "PK\3\4", 4);
    put_header(&t, crc, labels->size, name);
    text_puts(&t, TFLITE_LABELS);
    text_add(&t, labels->data, labels->size);
    size_t central = t.size;
    text_add(&t, "PK\1\2\24\0", 6);
    put_header(&t, crc, labels->size, name);
    put(&t, 0, 8);
    put(&t, 0, 2);
    put(&t, size, 4);
    text_puts(&t, TFLITE_LABELS);
    size_t end = t.size;
    text_add(&t, "PK\5\6\0\0\0\0\1\0\1\0", 12);
    put(&t, end - central, 4);
    put(&t, size + central, 4);
    put(&t, 0, 2);
    int status = t.failed ? error_memory(err) : file_write(file, t.data, t.size, err);
    text_release(&t);
    return status;
}
