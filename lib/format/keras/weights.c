/* Weights: datasets by the paths of layers' attributes (.keras), or by names that a layer's group lists (.h5). */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "format/keras/keras.h"
#include "op/permuted.h"

#define MOST_NAMES 65536 /* of the weights of a layer */
#define MOST_PARTS 1024  /* of the list of them */
#define MOST_NAME  1000  /* bytes of one */
#define MOST_RANK  1024  /* of a change of low rank */

/* ---- at hand ---- */

struct keras_at_hand {
    struct hdf5_object object; /* of that shape, as if it were in a file; no element of it is read */
    const struct tensor *tensor;
};

int keras_place_named(struct keras_reader *r, const struct keras_named *weights, struct keras_place *place)
{
    static const struct hdf5_object all;
    *place = (struct keras_place){&all, weights->names, (int)weights->count};
    if (weights->count > MOST_NAMES)
        build_fail(&r->b, "more than %d weights", MOST_NAMES);
    struct keras_at_hand *list = arena_alloc(&r->arena, (weights->count + 1) * sizeof(*list), r->b.err);
    build_check(&r->b, list != NULL);
    r->elements = KERAS_SPARE;
    for (size_t i = 0; i < weights->count && !r->b.failed; i++) {
        const struct tensor *t = list[i].tensor = weights->tensors[i];
        struct hdf5_array *a = &list[i].object.array;
        a->type = (struct hdf5_type){.class = HDF5_FLOAT, .size = 4};
        a->rank = t->rank;
        a->count = (uint64_t)t->count;
        for (int k = 0; k < t->rank; k++)
            a->dims[k] = (uint64_t)t->dims[k];
        r->elements += a->count;
        if (!lookup_find(&r->named, weights->names[i]))
            build_check(&r->b, lookup_add(&r->named, weights->names[i], &list[i], r->b.err) == 0);
    }
    return r->b.failed ? -1 : 0;
}

/* ---- by path ---- */

/* "Conv2DTranspose" → "conv2d_transpose", as Keras names the groups of layers of a class. */
static void snake_case(const char *class, int repeat, char *to, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; class[i] && n + 3 < size; i++) {
        bool begins = i && isupper((unsigned char)class[i]) &&
                      (islower((unsigned char)class[i + 1]) || islower((unsigned char)class[i - 1]));
        if (begins)
            to[n++] = '_';
        if (isalnum((unsigned char)class[i]) || class[i] == '_')
            to[n++] = (char)tolower((unsigned char)class[i]);
    }
    to[n] = 0;
    if (repeat)
        snprintf(to + n, size - n, "_%d", repeat);
}

static int find(struct keras_reader *r, const struct hdf5_object *from, const char *path,
                const struct hdf5_object **object)
{
    *object = NULL;
    if (!r->weights)
        *object = lookup_find(&r->named, path);
    else if (from && !r->b.failed)
        build_check(&r->b, hdf5_find(r->weights, from, path, object, r->b.err) == 0);
    return r->b.failed ? -1 : 0;
}

static int place_by_path(struct keras_reader *r, const struct hdf5_object *model, const char *class, int repeat,
                         struct keras_place *place)
{
    static const char *const roots[] = {"layers", "_layer_checkpoint_dependencies", "cell/cells"};
    char snake[200], path[300];
    bool is_alias = strcmp(class, "GroupQueryAttention") == 0; /* the only layer that goes by another name */
    snake_case(is_alias ? "GroupedQueryAttention" : class, repeat, snake, sizeof(snake));
    for (size_t i = 0; i < sizeof(roots) / sizeof(*roots) && !place->group; i++) {
        snprintf(path, sizeof(path), "%s/%s", roots[i], snake);
        if (find(r, model, path, &place->group) != 0)
            return -1;
    }
    return 0;
}

/* ---- by name ---- */

/* A list that outlives the place. */
static const char **new_names(struct keras_reader *r, size_t count)
{
    const char **names = NULL;
    if (keras_count_work(r, count + 1))
        names = arena_alloc(&r->arena, (count + 1) * sizeof(*names), r->b.err);
    build_check(&r->b, names != NULL);
    return names;
}

static int add_names(struct keras_reader *r, struct keras_place *place, const struct hdf5_attr *a)
{
    bool is_text = a->array.type.class == HDF5_TEXT || a->array.type.class == HDF5_LONG_TEXT;
    uint64_t count = is_text ? a->array.count : 0;
    if (count > MOST_NAMES || place->count + (int)count > MOST_NAMES) {
        build_fail(&r->b, "a layer of more than %d weights", MOST_NAMES);
        return -1;
    }
    const char **names = new_names(r, (size_t)place->count + count);
    for (int i = 0; i < place->count && names; i++)
        names[i] = place->names[i];
    place->names = names;
    for (uint64_t i = 0; i < count && !r->b.failed; i++) {
        size_t size = 0;
        const char *text = hdf5_text(r->weights, a, i, &size, r->b.err);
        if (text && size > MOST_NAME)
            build_fail(&r->b, "a weight whose name has more than %d bytes", MOST_NAME);
        names[place->count] = text && !r->b.failed ? arena_strndup(&r->arena, text, size, r->b.err) : NULL;
        build_check(&r->b, names[place->count++] != NULL);
    }
    return r->b.failed ? -1 : 0;
}

/* The attribute of that name, or, where it was too large for one, those with a number behind. */
static int list_names(struct keras_reader *r, struct keras_place *place)
{
    char key[40];
    const struct hdf5_attr *a = hdf5_attr(place->group, "weight_names");
    if (a)
        return add_names(r, place, a);
    for (int part = 0; part < MOST_PARTS; part++) {
        snprintf(key, sizeof(key), "weight_names%d", part);
        if (!(a = hdf5_attr(place->group, key)))
            break;
        if (add_names(r, place, a) != 0)
            return -1;
    }
    return 0;
}

enum fit { IS, IS_BEGINNING_OF, BEGINS }; /* a word and a part of a path: the same; "dense_1" of "dense_1_W"; any */

static bool fits(const char *name, const char *word, enum fit fit)
{
    size_t n = strlen(word);
    for (const char *at = name; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        char behind = strncmp(at, word, n) == 0 ? at[n] : '?';
        if (fit == BEGINS ? behind != '?' : fit == IS ? behind == '/' || behind == 0 : behind == '_')
            return true;
    }
    return false;
}

/* Leaves only the names that fit; none does in files whose names are others: then all stay. */
static int narrow(struct keras_reader *r, struct keras_place *place, const char *word, enum fit fit)
{
    const char **names = new_names(r, (size_t)place->count);
    int count = 0;
    for (int i = 0; i < place->count && names; i++)
        if (fits(place->names[i], word, fit))
            names[count++] = place->names[i];
    if (count && names) {
        place->names = names;
        place->count = count;
    }
    return r->b.failed ? -1 : count;
}

/* ---- places ---- */

int keras_place_layer(struct keras_reader *r, const struct keras_place *model, const char *name, const char *class,
                      int repeat, struct keras_place *place)
{
    *place = (struct keras_place){0};
    if (r->by_path)
        return place_by_path(r, model->group, class, repeat, place);
    if (!model->names && find(r, model->group, name, &place->group) != 0)
        return -1;
    if (!model->names)
        return place->group ? list_names(r, place) : 0;
    *place = *model;
    int count = narrow(r, place, name, IS);
    return count ? count : narrow(r, place, name, IS_BEGINNING_OF);
}

int keras_place_part(struct keras_reader *r, const struct keras_place *whole, const char *attribute, const char *begins,
                     struct keras_place *place)
{
    char hidden[100];
    *place = r->by_path ? (struct keras_place){0} : *whole;
    if (!r->by_path)
        return narrow(r, place, begins, BEGINS);
    snprintf(hidden, sizeof(hidden), "_%.90s", attribute);
    if (find(r, whole->group, attribute, &place->group) == 0 && !place->group)
        find(r, whole->group, hidden, &place->group);
    return r->b.failed ? -1 : 0;
}

/* ---- tensors ---- */

/* The last part of a path without ":0". */
static bool is_called(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    size_t n = strlen(name);
    return strncmp(last, name, n) == 0 && (last[n] == 0 || last[n] == ':');
}

static const struct hdf5_object *find_weight(struct keras_reader *r, const struct keras_place *place, const char *name,
                                             int index)
{
    const struct hdf5_object *found = NULL;
    char path[40];
    int i = 0;
    snprintf(path, sizeof(path), "vars/%d", index);
    if (r->by_path)
        return find(r, place->group, path, &found) == 0 ? found : NULL;
    while (i < place->count && !is_called(place->names[i], name))
        i++;
    i = i < place->count ? i : index;
    return i < place->count && find(r, place->group, place->names[i], &found) == 0 ? found : NULL;
}

static struct tensor *read_tensor(struct keras_reader *r, const struct hdf5_object *o)
{
    static const enum dtype floats[] = {[2] = DTYPE_F16, [4] = DTYPE_F32, [8] = DTYPE_F64};
    static const enum dtype ints[] = {[1] = DTYPE_I8, [2] = DTYPE_I16, [4] = DTYPE_I32, [8] = DTYPE_I64};
    const struct hdf5_type *t = &o->array.type;
    int64_t dims[HDF5_MAX_RANK];
    if (o->array.count > r->elements) {
        build_fail(&r->b, "more weights than the file can hold, as by layers called again and again");
        return NULL;
    }
    r->elements -= o->array.count;
    if (!r->weights)
        return tensor_cast(((const struct keras_at_hand *)o)->tensor, DTYPE_F32, true, r->b.err);
    enum dtype dtype = t->class == HDF5_FLOAT ? floats[t->size] : t->class == HDF5_INT ? ints[t->size] : DTYPE_NONE;
    if (t->class == HDF5_OPAQUE && t->size == 2) /* HDF5 has no name for it */
        dtype = DTYPE_BF16;
    struct blob *blob = hdf5_read(r->weights, o, r->b.err);
    for (int i = 0; i < o->array.rank; i++)
        dims[i] = o->array.dims[i] > INT64_MAX ? -1 : (int64_t)o->array.dims[i];
    if (blob && dtype == DTYPE_NONE)
        error_set(r->b.err, "a dataset of an element type that is not read, want floats or integers");
    struct tensor *t1 =
        blob && dtype != DTYPE_NONE ? tensor_of_blob(dtype, o->array.rank, dims, blob, 0, r->b.err) : NULL;
    struct tensor *real = t1 ? tensor_cast(t1, DTYPE_F32, true, r->b.err) : NULL;
    tensor_unref(t1);
    blob_unref(blob);
    build_check(&r->b, real != NULL);
    return real;
}

static const struct hdf5_object *weight_of(struct keras_call *l, const char *part, const char *name, int index)
{
    struct keras_place place = l->place;
    if (l->b->failed || !l->place.group || (part && keras_place_part(l->r, &l->place, part, part, &place) < 0))
        return NULL;
    return find_weight(l->r, &place, name, index);
}

/* The sum of a weight and the product of lora_kernel_a and lora_kernel_b, a change of low rank that files of one group
 * have beside it; .keras has the sum. Takes t. */
static struct tensor *changed(struct keras_call *l, const char *part, const char *name, struct tensor *t)
{
    struct tensor *by[2] = {NULL}, *sum = NULL;
    char title[40];
    for (int i = 0; i < 2; i++) {
        snprintf(title, sizeof(title), "lora_%.20s_%c", name, 'a' + i);
        const struct hdf5_object *o = weight_of(l, part, title, INT_MAX);
        if (!o || !(by[i] = read_tensor(l->r, o)))
            break;
    }
    int64_t rank = by[1] && by[1]->rank == 2 ? by[1]->dims[0] : 0, last = rank ? by[1]->count / rank : 0;
    if (!by[0])
        sum = tensor_ref(t);
    else if (rank < 1 || rank > MOST_RANK || last < 1 || t->count % last || by[0]->count != t->count / last * rank ||
             l->in_bytes)
        build_fail(l->b, "its lora weights do not fit");
    else if ((sum = tensor_new(DTYPE_F32, t->rank, t->dims, l->b->err))) {
        float *to = sum->data, *a = by[0]->data, *b = by[1]->data;
        float scale = keras_float(l, "lora_alpha", (float)rank) / (float)rank;
        for (int64_t i = 0; i < t->count; i++) {
            for (int64_t k = 0; k < rank; k++)
                to[i] += a[i / last * rank + k] * b[k * last + i % last];
            to[i] = ((float *)t->data)[i] + scale * to[i];
        }
    }
    for (int i = 0; i < 2; i++)
        tensor_unref(by[i]);
    tensor_unref(t);
    return sum;
}

struct tensor *keras_tensor(struct keras_call *l, const char *part, const char *name, int index)
{
    const struct hdf5_object *o = weight_of(l, part, name, index);
    bool is_quantised = /* float8, which has five more: scales, and what they were */
        o && l->r->by_path && strcmp(name, "kernel") == 0 && weight_of(l, part, name, 4);
    if (o && !l->in_bytes && (is_quantised || (o->array.type.class == HDF5_INT && o->array.type.size == 1)))
        build_fail(l->b, "it is quantised, which is only read of Dense, EinsumDense and Embedding");
    struct tensor *t = o && !l->b->failed ? read_tensor(l->r, o) : NULL;
    if (o && !t)
        error_prefix(l->b->err, "weight '%.100s'", name);
    return t && !l->r->by_path ? changed(l, part, name, t) : t;
}

int keras_weight_dims(struct keras_call *l, const char *name, int index, int64_t *dims, int max)
{
    const struct hdf5_object *o = weight_of(l, NULL, name, index);
    int rank = o ? o->array.rank : 0;
    if (!o)
        build_fail(l->b, "it has no weight '%.100s'", name);
    else if (rank > max)
        build_fail(l->b, "its weight '%.100s' has %d axes, want at most %d", name, rank, max);
    for (int i = 0; i < rank && !l->b->failed; i++) {
        if (o->array.dims[i] < 1 || o->array.dims[i] > INT32_MAX)
            build_fail(l->b, "its weight '%.100s' has an axis of no elements, or of too many", name);
        dims[i] = (int64_t)o->array.dims[i];
    }
    return l->b->failed ? 0 : rank;
}

/* A constant for each way in which a weight is used: layers that are called several times share theirs. */
struct value *keras_permuted(struct keras_call *l, const char *name, int index, int rank, const int64_t *perm)
{
    const struct hdf5_object *o = weight_of(l, NULL, name, index);
    char key[200], title[300];
    int n = snprintf(key, sizeof(key), "%p", (const void *)o);
    if (o && perm && o->array.rank != rank)
        build_fail(l->b, "its weight '%.100s' has %d axes, want %d", name, o->array.rank, rank);
    for (int i = 0; o && perm && i < rank; i++)
        n += snprintf(key + n, sizeof(key) - (size_t)n, " %d", (int)perm[i]);
    struct value *v = l->b->failed ? NULL : lookup_find(&l->r->kept, key);
    if (v || l->b->failed)
        return v;
    struct tensor *t = keras_tensor(l, NULL, name, index);
    if (!t)
        build_fail(l->b, "it has no weight '%.100s'", name);
    struct tensor *turned = t && perm && !l->b->failed ? op_permuted(t, perm, l->b->err) : tensor_ref(t);
    tensor_unref(t);
    snprintf(title, sizeof(title), "%.150s/%.100s", l->name, name);
    const char *kept = l->b->failed ? NULL : keras_keep(l->r, title);
    v = build_constant(l->b, kept, turned);
    const char *own = v ? arena_strdup(&l->r->arena, key, l->b->err) : NULL;
    build_check(l->b, own && lookup_add(&l->r->kept, own, v, l->b->err) == 0);
    return v;
}

struct value *keras_weight(struct keras_call *l, const char *name, int index)
{
    return keras_permuted(l, name, index, 0, NULL);
}
