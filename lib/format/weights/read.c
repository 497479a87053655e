/* Which kind of file it is; NumPy's archives. */
#include <string.h>

#include "data/npz.h"
#include "format/format.h"
#include "format/torch/state.h"
#include "format/weights/weights.h"
#include "parse/zip.h"

/* Bytes that an archive may unpack to, and so many times its own: weights hardly become smaller, zeros a thousand
 * times.
 */
#define UNPACKED_LEAST ((size_t)1 << 28)
#define UNPACKED_TIMES 16

void weights_read_npz(struct build *b, struct blob *blob)
{
    struct data_npz *npz = data_npz_open(blob, b->err);
    size_t left = blob->size < SIZE_MAX / 32 ? UNPACKED_LEAST + UNPACKED_TIMES * blob->size : SIZE_MAX;
    build_check(b, npz != NULL);
    for (size_t i = 0; npz && i < data_npz_count(npz) && !b->failed; i++) {
        struct tensor *t = data_npz_read(npz, i, left, b->err);
        left -= t ? t->size : 0;
        build_constant(b, data_npz_name(npz, i), t);
    }
    data_npz_close(npz);
}

static bool is_npz(struct blob *blob)
{
    struct zip *zip = zip_is(blob) ? zip_open(blob, NULL) : NULL;
    bool found = zip && zip_count(zip) > 0;
    for (size_t i = 0; found && i < zip_count(zip); i++) {
        size_t n = strlen(zip_name(zip, i));
        found = n > 4 && strcmp(zip_name(zip, i) + n - 4, ".npy") == 0;
    }
    zip_close(zip);
    return found;
}

typedef void read_fn(struct build *b, struct blob *blob);

static read_fn *find_reader(struct blob *blob)
{
    return weights_is_safetensors(blob) ? weights_read_safetensors
           : weights_is_gguf(blob)      ? weights_read_gguf
           : torch_is_state(blob)       ? torch_read_state
           : is_npz(blob)               ? weights_read_npz
                                        : NULL;
}

struct graph *format_read_weights(const char *path, bool *is_network, struct error *err)
{
    struct source source;
    if (source_open(&source, path, err) != 0)
        return NULL;
    read_fn *read = source.is_folder ? NULL : find_reader(source.blob);
    struct build b = {.graph = read ? graph_new(err) : NULL, .err = err};
    *is_network = !read;
    if (b.graph) {
        read(&b, source.blob);
        if (!b.failed && b.graph->value_count == 0)
            build_fail(&b, "it holds no tensors: want a state dict, or an archive that names some");
        if (b.failed)
            error_prefix(err, "%s", source.path ? source.path : "standard input");
    }
    source_release(&source);
    return graph_if(b.graph && !b.failed, b.graph);
}
