#include "data/npz.h"

#include <stdlib.h>
#include <string.h>

#include "data/npy.h"
#include "parse/zip.h"

struct data_npz {
    struct zip *zip;
    struct arena arena;
    const char **names; /* [zip_count()], without ".npy" */
};

static int take_names(struct data_npz *npz, struct error *err)
{
    size_t count = zip_count(npz->zip);
    npz->names = arena_alloc(&npz->arena, count * sizeof *npz->names, err);
    for (size_t i = 0; npz->names && i < count; i++) {
        const char *name = zip_name(npz->zip, i);
        size_t n = strlen(name);
        if (n > 4 && memcmp(name + n - 4, ".npy", 4) == 0)
            n -= 4;
        npz->names[i] = arena_strndup(&npz->arena, name, n, err);
        if (!npz->names[i])
            return -1;
    }
    return npz->names ? 0 : -1;
}

struct data_npz *data_npz_open(struct blob *blob, struct error *err)
{
    struct data_npz *npz = mem_calloc(1, sizeof *npz, err);
    if (!npz)
        return NULL;
    arena_init(&npz->arena);
    npz->zip = zip_open(blob, err);
    if (npz->zip && take_names(npz, err) == 0)
        return npz;
    data_npz_close(npz);
    return NULL;
}

void data_npz_close(struct data_npz *npz)
{
    if (!npz)
        return;
    zip_close(npz->zip);
    arena_release(&npz->arena);
    free(npz);
}

size_t data_npz_count(const struct data_npz *npz)
{
    return zip_count(npz->zip);
}

const char *data_npz_name(const struct data_npz *npz, size_t i)
{
    return npz->names[i];
}

struct tensor *data_npz_read(const struct data_npz *npz, size_t i, size_t most, struct error *err)
{
    struct blob *blob = zip_read(npz->zip, i, most, err);
    struct tensor *t = blob ? data_npy_read(blob, 0, blob->size, err) : NULL;
    blob_unref(blob);
    if (!t)
        error_prefix(err, "%s", npz->names[i]);
    return t;
}
