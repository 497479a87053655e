/* Which of the two kinds it is, and who reads that. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "format/format.h"
#include "format/keras/keras.h"
#include "format/tensorflow/tensorflow.h"
#include "format/tfjs/tfjs.h"

struct tfjs_reader {
    const struct source *source;
    struct blob *blob; /* of the JSON */
    struct json json;
    struct tfjs_weights weights;
    struct arena arena;
    struct error *err;
};

static const struct json_node *member(const struct tfjs_reader *r, const struct json_node *of, const char *key)
{
    return json_member(&r->json, of, key);
}

static struct graph *read_graph(struct tfjs_reader *r, const struct json_node *topology)
{
    const struct json_node *root = r->json.node, *signature = member(r, root, "signature");
    if (!signature)
        signature = member(r, member(r, root, "userDefinedMetadata"), "signature");
    struct protobuf *graph = tfjs_tree(&r->json, topology, tensorflow_message("GraphDef"), &r->arena, r->err),
                    *wanted = tfjs_tree(&r->json, signature, tensorflow_message("SignatureDef"), &r->arena, r->err);
    bool is_stated = protobuf_first(wanted, "outputs") != NULL;
    return graph && wanted ? tensorflow_read_tree(r->source, r->blob, graph, is_stated ? wanted : NULL,
                                                  &r->weights.named, r->err)
                           : NULL;
}

static struct graph *read_layers(struct tfjs_reader *r, const struct json_node *topology)
{
    const struct json_node *model = member(r, topology, "model_config");
    struct keras_named named = {r->weights.names, r->weights.all, r->weights.count};
    return keras_read_json(&r->json, model ? model : topology, &named, r->err);
}

static struct graph *read_json(struct tfjs_reader *r)
{
    const struct json_node *topology = member(r, r->json.node, "modelTopology");
    if (!topology || topology->kind != JSON_OBJECT) {
        error_set(r->err, "no model of TensorFlow.js: it has no modelTopology");
        return NULL;
    }
    if (tfjs_read_weights(&r->weights, r->source, &r->json, member(r, r->json.node, "weightsManifest"), r->err) != 0)
        return NULL;
    return member(r, topology, "node") ? read_graph(r, topology) : read_layers(r, topology);
}

static struct graph *tfjs_read(const struct source *s, struct error *err)
{
    struct tfjs_reader r = {.source = s, .err = err};
    struct graph *g = NULL;
    r.blob = s->is_folder ? source_member(s, "model.json", err) : blob_ref(s->blob);
    if (r.blob && json_parse(&r.json, r.blob->data, r.blob->size, err) == 0)
        g = read_json(&r);
    tfjs_release_weights(&r.weights);
    json_release(&r.json);
    arena_release(&r.arena);
    blob_unref(r.blob);
    return g;
}

static bool has(const struct blob *blob, const char *text)
{
    return memmem(blob->data, blob->size, text, strlen(text)) != NULL;
}

static int sniff(const struct source *s)
{
    struct error ignored;
    struct blob *blob = s->is_folder ? source_member(s, "model.json", &ignored) : blob_ref(s->blob);
    bool fits = blob && blob->size && blob->size <= JSON_MAX_BYTES && *(const char *)blob->data == '{' &&
                has(blob, "\"modelTopology\"") && has(blob, "\"weightsManifest\"");
    blob_unref(blob);
    return fits ? 90 : 0;
}

const struct format format_tfjs = {
    .name = "tfjs",
    .suffixes = ".json",
    .what = "TensorFlow.js: a model.json of a graph, with TensorFlow's operators, or of Keras's layers, and its shards",
    .channels_last = true,
    .sniff = sniff,
    .read = tfjs_read,
};
