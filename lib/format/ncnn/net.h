/* A network as an ncnn .param file states it, text or binary: layers in order, blobs by name, parameters by number.
 * Everything lives in the net's arena; the text's bytes are copied. */
#ifndef FORMAT_NCNN_NET_H
#define FORMAT_NCNN_NET_H

#include "base/bytes.h"
#include "base/mem.h"

#define NCNN_MAGIC 7767517

/* In binary files: the number before an array of parameter i is NCNN_ARRAY_BASE - i, before a string likewise. */
#define NCNN_ARRAY_BASE    -23300
#define NCNN_STRING_BASE   -23400
#define NCNN_END_OF_PARAMS -233

/* What a parameter's words are. A binary file does not say: then the layer that asks decides. */
enum ncnn_kind { NCNN_INT, NCNN_FLOAT, NCNN_RAW, NCNN_STRING };

struct ncnn_param {
    int id; /* 0 … 31 */
    enum ncnn_kind kind;
    bool is_array;
    size_t count;          /* words; 1 when no array */
    const uint32_t *words; /* int32 or the bits of a float */
    const char *string;    /* of NCNN_STRING */
    const struct ncnn_param *next;
};

struct ncnn_layer {
    const char *type, *name;
    int in_count, out_count;
    const char **in, **out; /* names of blobs */
    const struct ncnn_param *params;
};

struct ncnn_net {
    struct arena arena;
    struct ncnn_layer *layers;
    size_t layer_count, layer_cap;
};

void ncnn_net_init(struct ncnn_net *net);
void ncnn_net_release(struct ncnn_net *net);

/* Whether the bytes begin as such a file does. A text that pnnx wrote for itself (the same magic, but operators with a
 * dot in their type and parameters by name) is not one. */
bool ncnn_is_text(const void *data, size_t size);
bool ncnn_is_binary(const void *data, size_t size);

/* Fill a net that was initialised. The message says which line or layer. */
int ncnn_read_text(struct ncnn_net *net, const void *data, size_t size, struct error *err);
int ncnn_read_binary(struct ncnn_net *net, const void *data, size_t size, struct error *err);

/* A new layer, empty, at the end of the net; valid until the next one. */
struct ncnn_layer *ncnn_add_layer(struct ncnn_net *net, struct error *err);

/* ---- parameters, as a layer reads them: the default where the file is silent ---- */

const struct ncnn_param *ncnn_find(const struct ncnn_layer *l, int id); /* NULL: not given */
int ncnn_int(const struct ncnn_layer *l, int id, int fallback);
float ncnn_float(const struct ncnn_layer *l, int id, float fallback);
/* "" when not given or no string. */
const char *ncnn_string(const struct ncnn_layer *l, int id);
/* Elements of an array; a single number is an array of one. */
size_t ncnn_count(const struct ncnn_layer *l, int id);
int ncnn_int_at(const struct ncnn_layer *l, int id, size_t i);
float ncnn_float_at(const struct ncnn_layer *l, int id, size_t i);

/* The name of a layer type by its number in binary files, NULL when there is none; and the reverse, -1 for none, which
 * knows the names that ncnn_read_binary() gives to types of no name. */
const char *ncnn_type_name(int index);
int ncnn_type_index(const char *name);

#endif
