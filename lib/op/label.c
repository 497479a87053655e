/* Elements as keys. */
#include "op/label.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "op/util.h"

void label_of(const struct tensor *t, int64_t i, struct label *label)
{
    if (t->dtype == DTYPE_STRING) {
        const struct str *s = (const struct str *)t->data + i;
        *label = (struct label){s->data, s->size, 0};
        return;
    }
    if (op_is_float(t->dtype)) {
        double real = tensor_get_f64(t, i);
        real = isnan(real) ? (double)NAN : real == 0 ? 0 : real;
        memcpy(&label->number, &real, sizeof real);
    } else {
        op_load_ints(t, i, 1, (int64_t *)&label->number);
    }
    label->data = &label->number;
    label->size = sizeof label->number;
}

bool label_equal(const struct label *a, const struct label *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

uint64_t label_hash(const struct label *label, uint64_t salt)
{
    uint64_t h = hash_bytes(label->size ? label->data : "", label->size) ^ (salt * 0x9e3779b97f4a7c15u);
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}
