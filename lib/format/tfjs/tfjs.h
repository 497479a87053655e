/* Inside lib/format/tfjs: what TensorFlow.js loads, a model.json and the shards of weights that it names.
 *
 * A graph model's topology is a GraphDef in the JSON form of Protocol Buffers, which becomes the tree that the binary
 * form gives (tree.c) and is read by lib/format/tensorflow. A layers model's is Keras's JSON, read by lib/format/keras.
 * Neither holds weights: constants and weights are found by their names in the manifest (weights.c).
 * Source: the converter's documentation, and tfjs-core's io/types.ts. */
#ifndef FORMAT_TFJS_TFJS_H
#define FORMAT_TFJS_TFJS_H

#include "base/lookup.h"
#include "format/source.h"
#include "parse/json.h"
#include "parse/protobuf.h"

/* An object of JSON as the tree of a message; the JSON and the arena must outlive it. NULL with a message. */
struct protobuf *tfjs_tree(const struct json *j, const struct json_node *object, const struct protobuf_type *type,
                           struct arena *arena, struct error *err);

struct tfjs_weights {
    struct arena arena;
    struct lookup named; /* → struct tensor, one of these */
    const char **names;  /* [count], of the JSON */
    struct tensor **all;
    size_t count;
};

/* Reads what a manifest lists; -1 with a message. */
int tfjs_read_weights(struct tfjs_weights *w, const struct source *s, const struct json *j,
                      const struct json_node *manifest, struct error *err);
void tfjs_release_weights(struct tfjs_weights *w);

#endif
