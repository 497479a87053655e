/* Reading a file: an HDF5 file whose attributes hold the model, or an archive or folder with model and weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "format/keras/keras.h"
#include "parse/zip.h"

#define CONFIG       "config.json"
#define METADATA     "metadata.json"
#define WEIGHTS      "model.weights.h5"
#define MOST_WEIGHTS ((size_t)1 << 36)

bool keras_count_work(struct keras_reader *r, size_t n)
{
    if (n > KERAS_WORK - r->work)
        build_fail(&r->b, "more than %d things to do, as by models that are called again and again", KERAS_WORK);
    else
        r->work += n;
    return !r->b.failed;
}

/* ---- the model in an HDF5 file ---- */

/* An attribute of the file, or of the group with the weights. */
static const char *find_text(struct keras_reader *r, const struct hdf5_object *weights, const char *name, size_t *size)
{
    const struct hdf5_attr *a = hdf5_attr(hdf5_root(r->weights), name);
    if (!a && weights)
        a = hdf5_attr(weights, name);
    return a ? hdf5_text(r->weights, a, 0, size, r->b.err) : NULL;
}

static int refuse(const struct keras_reader *r, bool has_weights, struct error *err)
{
    const struct hdf5_object *root = hdf5_root(r->weights);
    if (has_weights || hdf5_attr(root, "layer_names"))
        return error_set(err,
                         "holds weights without a network: Keras writes both with model.save(), not save_weights()");
    return error_set(err, "an HDF5 file without a network of Keras: it has no attribute model_config");
}

static int version_of(const char *text, size_t size)
{
    return size && text[0] >= '1' && text[0] <= '9' ? text[0] - '0' : 2;
}

static int open_weights(struct keras_reader *r, struct blob *blob, struct error *err)
{
    r->weights = hdf5_open(blob, err);
    r->elements = blob->size + KERAS_SPARE;
    return r->weights ? 0 : -1;
}

static int read_h5(struct keras_reader *r, struct blob *blob, struct error *err)
{
    const struct hdf5_object *weights, *layers;
    size_t size = 0;
    if (open_weights(r, blob, err) != 0 ||
        hdf5_find(r->weights, hdf5_root(r->weights), "model_weights", &weights, err) != 0 ||
        hdf5_find(r->weights, hdf5_root(r->weights), "layers", &layers, err) != 0)
        return -1;
    if (!hdf5_attr(hdf5_root(r->weights), "model_config"))
        return refuse(r, layers != NULL, err);
    const char *version = find_text(r, weights, "keras_version", &size);
    r->major = version ? version_of(version, size) : 1;
    const char *text = find_text(r, NULL, "model_config", &size);
    if (!text || json_parse(&r->json, text, size, err) != 0)
        return error_prefix(err, "model_config");
    keras_read_whole(r, r->json.node, &(struct keras_place){.group = weights});
    return r->b.failed ? -1 : 0;
}

/* ---- archives ---- */

struct archive {
    const struct source *source;
    struct zip *zip; /* NULL: a folder */
};

static struct blob *member(const struct archive *a, const char *name, size_t most, struct error *err)
{
    size_t at = a->zip ? zip_find(a->zip, name) : 0;
    struct blob *blob = NULL;
    if (!a->zip)
        blob = source_member(a->source, name, err);
    else if (at < zip_count(a->zip))
        blob = zip_read(a->zip, at, most, err);
    else
        error_set(err, "the archive has no such member");
    if (!blob)
        error_prefix(err, "%s", name);
    return blob;
}

/* Where the file does not tell, it is of Keras 3, as all archives. */
static void read_version(struct keras_reader *r, const struct archive *a)
{
    struct error ignored;
    struct json json;
    struct blob *blob = member(a, METADATA, JSON_MAX_BYTES, &ignored);
    r->major = 3;
    if (blob && json_parse(&json, blob->data, blob->size, &ignored) == 0) {
        const struct json_node *version = json_member(&json, json.node, "keras_version");
        if (version && version->kind == JSON_STRING)
            r->major = version_of(version->string, strlen(version->string));
        json_release(&json);
    }
    blob_unref(blob);
}

static int read_archive(struct keras_reader *r, const struct source *s, struct error *err)
{
    struct archive a = {.source = s};
    if (!s->is_folder && !(a.zip = zip_open(s->blob, err)))
        return -1;
    r->by_path = true;
    read_version(r, &a);
    struct blob *config = member(&a, CONFIG, JSON_MAX_BYTES, err),
                *weights = config ? member(&a, WEIGHTS, MOST_WEIGHTS, err) : NULL;
    int result = weights ? open_weights(r, weights, err) : -1;
    if (result == 0 && json_parse(&r->json, config->data, config->size, err) != 0)
        result = error_prefix(err, CONFIG);
    if (result == 0) {
        keras_read_whole(r, r->json.node, &(struct keras_place){.group = hdf5_root(r->weights)});
        result = r->b.failed ? -1 : 0;
    }
    blob_unref(config);
    blob_unref(weights);
    zip_close(a.zip);
    return result;
}

/* ---- the whole ---- */

static struct graph *finish(struct keras_reader *r, const struct json_node *model, int result, struct error *err)
{
    if (result == 0) {
        const struct json_node *name = json_member(&r->json, json_member(&r->json, model, "config"), "name");
        if (name && name->kind == JSON_STRING)
            r->b.graph->name = keras_keep(r, name->string);
        build_check(&r->b, !r->b.failed && graph_set_property(r->b.graph, "producer", "Keras", 5, err) == 0);
        build_remove_unused(&r->b);
        result = build_graph_end(&r->b) == 0 ? keras_put_recipe(r) : -1;
    }
    lookup_release(&r->kept);
    torch_formula_end(r->formulas);
    lookup_release(&r->named);
    hdf5_close(r->weights);
    arena_release(&r->arena);
    return graph_if(result == 0, r->b.graph);
}

struct graph *keras_read_json(const struct json *json, const struct json_node *model, const struct keras_named *weights,
                              struct error *err)
{
    struct keras_reader r = {.json = *json, .b = {.graph = graph_new(err), .err = err}, .major = 2};
    struct keras_place place;
    if (r.b.graph && keras_place_named(&r, weights, &place) == 0)
        keras_read_whole(&r, model, &place);
    return finish(&r, model, r.b.graph && !r.b.failed ? 0 : -1, err);
}

static struct graph *keras_read(const struct source *s, struct error *err)
{
    struct keras_reader r = {.b = {.graph = graph_new(err), .err = err}};
    bool is_archive = s->is_folder || zip_is(s->blob);
    int result = !r.b.graph ? -1 : is_archive ? read_archive(&r, s, err) : read_h5(&r, s->blob, err);
    struct graph *g = finish(&r, r.json.node, result, err);
    json_release(&r.json);
    return g;
}

static int sniff(const struct source *s)
{
    struct error ignored;
    if (s->is_folder) {
        struct archive a = {.source = s};
        struct blob *weights = member(&a, WEIGHTS, MOST_WEIGHTS, &ignored);
        bool found = weights && hdf5_is(weights);
        blob_unref(weights);
        return found ? 90 : 0;
    }
    /* An archive's weights may lie where an HDF5 file may begin. */
    if (!zip_is(s->blob))
        return hdf5_is(s->blob) ? 80 : 0;
    struct zip *zip = zip_open(s->blob, &ignored);
    bool found = zip && zip_find(zip, CONFIG) < zip_count(zip) && zip_find(zip, WEIGHTS) < zip_count(zip);
    zip_close(zip);
    return found ? 95 : 0;
}

const struct format format_keras = {
    .name = "keras",
    .suffixes = ".keras .h5 .hdf5",
    .what = "Keras 1 to 3, HDF5 files and .keras archives",
    .channels_last = true,
    .sniff = sniff,
    .read = keras_read,
    .operator_at = keras_operator_at,
};
