/* The public API: tensors and files of them. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "data/npy.h"
#include "data/npz.h"

struct model_tensor *model_tensor_new(const char *dtype, int rank, const int64_t *dims, const void *data,
                                      struct model_error *err)
{
    enum dtype d = dtype_from_name(dtype, strlen(dtype));
    if (d == DTYPE_NONE || d == DTYPE_STRING) {
        error_set(model_inner(err), "type '%s': want that of numbers, for instance f32", dtype);
        return NULL;
    }
    struct tensor *t = tensor_new(d, rank, dims, model_inner(err));
    if (t && t->size)
        memcpy(t->data, data, t->size);
    return model_outer_tensor(t);
}

struct model_tensor *model_tensor_read(const char *path, struct model_error *err)
{
    struct blob *blob = file_read(path, model_inner(err));
    struct tensor *t = blob ? data_npy_read(blob, 0, blob->size, model_inner(err)) : NULL;
    if (!t)
        error_prefix(model_inner(err), "%s", path);
    blob_unref(blob);
    return model_outer_tensor(t);
}

int model_tensor_write(const struct model_tensor *t, const char *path, struct model_error *err)
{
    struct file_out out;
    if (file_create(&out, path, model_inner(err)) < 0)
        return error_prefix(model_inner(err), "%s", path);
    if (data_npy_write(model_inner_tensor(t), &out, model_inner(err)) == 0 && file_commit(&out, model_inner(err)) == 0)
        return 0;
    file_abandon(&out);
    return error_prefix(model_inner(err), "%s", path);
}

struct model_tensor *model_tensor_row(const struct model_tensor *tensor, int64_t index, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct tensor *t = model_inner_tensor(tensor);
    if (t->rank == 0 || index < 0 || index >= t->dims[0] || t->dtype == DTYPE_STRING ||
        dtype_info(t->dtype)->bits < 8) {
        error_set(err, "row %lld of a tensor that has none such", (long long)index);
        return NULL;
    }
    int64_t dims[TENSOR_MAX_RANK];
    memcpy(dims, t->dims, sizeof dims);
    dims[0] = 1;
    struct tensor *row = tensor_new(t->dtype, t->rank, dims, err);
    if (row && row->size)
        memcpy(row->data, (const char *)t->data + (size_t)index * row->size, row->size);
    return model_outer_tensor(row);
}

struct model_tensor *model_tensor_ref(struct model_tensor *t)
{
    return model_outer_tensor(tensor_ref(model_inner_tensor(t)));
}

void model_tensor_free(struct model_tensor *t)
{
    tensor_unref(model_inner_tensor(t));
}

const char *model_tensor_dtype(const struct model_tensor *t)
{
    return dtype_info(model_inner_tensor(t)->dtype)->name;
}

int model_tensor_rank(const struct model_tensor *t)
{
    return model_inner_tensor(t)->rank;
}

const int64_t *model_tensor_dims(const struct model_tensor *t)
{
    return model_inner_tensor(t)->dims;
}

int64_t model_tensor_count(const struct model_tensor *t)
{
    return model_inner_tensor(t)->count;
}

const void *model_tensor_data(const struct model_tensor *t)
{
    return model_inner_tensor(t)->data;
}

size_t model_tensor_bytes(const struct model_tensor *t)
{
    return model_inner_tensor(t)->size;
}

char *model_tensor_text(const struct model_tensor *tensor, size_t n, struct model_error *err)
{
    const struct tensor *t = model_inner_tensor(tensor);
    struct text text;
    text_init(&text);
    text_add(&text, "", 0);
    for (int64_t i = 0; i < t->count && (uint64_t)i < n; i++) {
        if (i)
            text_puts(&text, " ");
        tensor_element_text(t, i, &text);
    }
    if (!text.data)
        return mem_calloc(1, 1, model_inner(err));
    if (!text.failed)
        return text.data;
    text_release(&text);
    error_memory(model_inner(err));
    return NULL;
}

/* ---- archives ---- */

struct model_archive {
    struct data_npz *npz;
    char *path;
};

struct model_archive *model_archive_open(const char *path, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct model_archive *a = mem_calloc(1, sizeof *a, err);
    struct blob *blob = a && (a->path = strdup(path)) ? file_read(path, err) : NULL;
    if (blob)
        a->npz = data_npz_open(blob, err);
    blob_unref(blob);
    if (a && a->npz)
        return a;
    error_prefix(err, "%s", path);
    model_archive_close(a);
    return NULL;
}

void model_archive_close(struct model_archive *a)
{
    if (!a)
        return;
    data_npz_close(a->npz);
    free(a->path);
    free(a);
}

size_t model_archive_count(const struct model_archive *a)
{
    return data_npz_count(a->npz);
}

const char *model_archive_name(const struct model_archive *a, size_t index)
{
    return data_npz_name(a->npz, index);
}

struct model_tensor *model_archive_tensor(const struct model_archive *a, size_t index, struct model_error *err)
{
    struct tensor *t = data_npz_read(a->npz, index, SIZE_MAX, model_inner(err));
    if (!t)
        error_prefix(model_inner(err), "%s", a->path);
    return model_outer_tensor(t);
}
