/* Tensors whose elements lie in a file beside the model. */
#include <string.h>

#include "base/text.h"
#include "format/onnx/onnx.h"

struct place {
    const char *location;
    uint64_t offset, length;
    bool has_length;
};

static int read_number(const struct str *text, const char *key, uint64_t *number, struct error *err)
{
    if (!text_to_u64(text->data, text->size, number))
        return error_set(err, "its external data's %s is no number", key);
    return 0;
}

static int read_place(struct onnx_reader *r, const struct onnx_tensor *p, struct place *place, struct error *err)
{
    *place = (struct place){NULL, 0, 0, false};
    for (size_t i = 0; i < p->n_external_data; i++) {
        const struct onnx_entry *e = p->external_data[i];
        const char *key = onnx_text(e->key);
        if (e->value.size > 0 && memchr(e->value.data, 0, e->value.size))
            return error_set(err, "its external data's %.100s has a zero byte in it", key);
        if (strcmp(key, "location") == 0)
            place->location = arena_strndup(&r->arena, e->value.data, e->value.size, err);
        else if (strcmp(key, "offset") == 0 && read_number(&e->value, key, &place->offset, err) != 0)
            return -1;
        else if (strcmp(key, "length") == 0) {
            place->has_length = true;
            if (read_number(&e->value, key, &place->length, err) != 0)
                return -1;
        }
    }
    return place->location ? 0 : error_set(err, "its data lie in another file, which is not named");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A second file given by hand serves the location of its name, and one that is not to be found. */
static struct blob *open_file(const struct onnx_reader *r, const char *location, struct error *err)
{
    const char *second = r->source->second;
    bool is_second = second && strcmp(base_name(second), base_name(location)) == 0;
    struct blob *blob = is_second ? NULL : source_member(r->source, location, err);
    if (!blob && second && (is_second || r->external_count == 0)) {
        is_second = true;
        blob = source_twin(r->source, "", err);
    }
    if (!blob)
        error_prefix(err, "external data '%.200s'", is_second ? second : location);
    return blob;
}

/* The blob of a location, opened once; the reader keeps it. */
static struct blob *external_blob(struct onnx_reader *r, const char *location, struct error *err)
{
    for (size_t i = r->external_count; i-- > 0;) /* the last one used is the likeliest */
        if (strcmp(r->externals[i].location, location) == 0)
            return r->externals[i].blob;
    if (mem_grow(&r->externals, &r->external_cap, r->external_count + 1, sizeof(*r->externals), err) != 0)
        return NULL;
    struct blob *blob = open_file(r, location, err);
    if (blob)
        r->externals[r->external_count++] = (struct onnx_external){location, blob};
    return blob;
}

struct tensor *onnx_read_external(struct onnx_reader *r, const struct onnx_tensor *p, enum dtype dtype, int rank,
                                  const int64_t *dims, struct error *err)
{
    struct place place;
    size_t want;
    if (dtype == DTYPE_STRING) {
        error_set(err, "strings cannot lie in another file");
        return NULL;
    }
    if (read_place(r, p, &place, err) != 0)
        return NULL;
    struct blob *blob = external_blob(r, place.location, err);
    if (!blob)
        return NULL;
    if (place.offset > blob->size || !tensor_bytes(dtype, tensor_count(rank, dims), &want)) {
        error_set(err, "its offset %llu is outside of '%.200s' (%zu bytes)", (unsigned long long)place.offset,
                  place.location, blob->size);
        return NULL;
    }
    if (place.has_length ? place.length != want : blob->size - place.offset < want) {
        error_set(err, "it has %llu bytes of data in '%.200s', its dims want %zu",
                  (unsigned long long)(place.has_length ? place.length : blob->size - place.offset), place.location,
                  want);
        return NULL;
    }
    if (blob->size - place.offset < want) {
        error_set(err, "its data goes beyond the end of '%.200s' (%zu bytes)", place.location, blob->size);
        return NULL;
    }
    return tensor_of_blob(dtype, rank, dims, blob, (size_t)place.offset, err);
}
