/* Whether a value is what the suite wants: kind, element type and shape exactly, numbers within its tolerances. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "conformance.h"

static const char *dims_text(const struct tensor *t, char *text, size_t size)
{
    struct type type = {.kind = TYPE_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(type.dims, t->dims, sizeof(type.dims));
    return type_text(NULL, &type, text, size);
}

/* Parts of a complex number, or the number and 0. */
static void load(const struct tensor *t, int64_t i, double part[2])
{
    part[1] = 0;
    if (t->dtype == DTYPE_C64)
        part[0] = ((const float *)t->data)[2 * i], part[1] = ((const float *)t->data)[2 * i + 1];
    else if (t->dtype == DTYPE_C128)
        part[0] = ((const double *)t->data)[2 * i], part[1] = ((const double *)t->data)[2 * i + 1];
    else
        part[0] = tensor_get_f64(t, i);
}

static bool parts_agree(double got, double want, double room)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || (isfinite(want) && fabs(got - want) <= room);
}

static bool numbers_agree(const struct tensor *got, const struct tensor *want, int64_t i)
{
    double g[2], w[2];
    enum dtype_class class = dtype_info(got->dtype)->class;
    if (dtype_info(got->dtype)->bits == 64 && (class == DTYPE_CLASS_INT || class == DTYPE_CLASS_UINT) &&
        ((const uint64_t *)got->data)[i] == ((const uint64_t *)want->data)[i])
        return true;
    load(got, i, g);
    load(want, i, w);
    double room = ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * hypot(w[0], w[1]);
    return parts_agree(g[0], w[0], room) && parts_agree(g[1], w[1], room);
}

static bool strings_agree(const struct tensor *got, const struct tensor *want, int64_t i)
{
    const struct str *g = (const struct str *)got->data + i, *w = (const struct str *)want->data + i;
    return g->size == w->size && (g->size == 0 || memcmp(g->data, w->data, g->size) == 0);
}

static int differ(const struct tensor *got, const struct tensor *want, int64_t first, int64_t count, struct error *err)
{
    struct text t;
    text_init(&t);
    text_printf(&t, "%lld of %lld elements differ; element %lld is ", (long long)count, (long long)got->count,
                (long long)first);
    tensor_element_text(got, first, &t);
    text_puts(&t, ", want ");
    tensor_element_text(want, first, &t);
    error_set(err, "%s", t.data ? t.data : "");
    text_release(&t);
    return -1;
}

static int compare_tensors(const struct tensor *got, const struct tensor *want, struct error *err)
{
    char a[200], b[200];
    if (got->dtype != want->dtype || got->rank != want->rank ||
        memcmp(got->dims, want->dims, (size_t)got->rank * sizeof(*got->dims)) != 0)
        return error_set(err, "is %s, want %s", dims_text(got, a, sizeof(a)), dims_text(want, b, sizeof(b)));
    int64_t first = -1, count = 0;
    for (int64_t i = 0; i < got->count; i++) {
        if (got->dtype == DTYPE_STRING ? strings_agree(got, want, i) : numbers_agree(got, want, i))
            continue;
        first = first < 0 ? i : first;
        count++;
    }
    return count > 0 ? differ(got, want, first, count, err) : 0;
}

int compare_items(const struct item *got, const struct item *want, struct error *err)
{
    static const char *const names[] = {"tensor", "sequence", "optional"};
    if (got->kind != want->kind)
        return error_set(err, "is a %s, want a %s", names[got->kind], names[want->kind]);
    if (got->kind == ITEM_TENSOR)
        return compare_tensors(got->tensor, want->tensor, err);
    if (got->n != want->n)
        return error_set(err, "has %zu elements, want %zu", got->n, want->n);
    for (size_t i = 0; i < got->n; i++)
        if (compare_items(got->at[i], want->at[i], err) != 0)
            return error_prefix(err, "element %zu", i);
    return 0;
}
