/* Cast and CastLike. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "op/util.h"

/* What can be cast to: everything but complex numbers. */
static bool castable(int64_t dtype)
{
    return dtype > DTYPE_NONE && dtype < DTYPE_COUNT && dtype_info((enum dtype)dtype)->class != DTYPE_CLASS_COMPLEX &&
           dtype_info((enum dtype)dtype)->class != DTYPE_CLASS_NONE;
}

static int infer_as(struct op_infer *c, enum dtype dtype, struct error *err)
{
    const struct type *type = infer_type(c, 0);
    bool known = type && type->kind == TYPE_TENSOR;
    return infer_set(c, 0, dtype, known ? type->rank : -1, known ? type->dims : NULL, err);
}

int infer_cast(struct op_infer *c, struct error *err)
{
    int64_t to = op_int(c->node, "to");
    if (!castable(to))
        return infer_error(c, err, "attribute to: %lld is no type to cast to", (long long)to);
    return infer_as(c, (enum dtype)to, err);
}

static bool has_bits(int64_t dtype)
{
    return dtype > DTYPE_NONE && dtype < DTYPE_COUNT && dtype != DTYPE_STRING;
}

/* Other bits are not made: the types are as wide. */
int infer_bit_cast(struct op_infer *c, struct error *err)
{
    int64_t to = op_int(c->node, "to");
    if (!has_bits(to))
        return infer_error(c, err, "attribute to: %lld is no type of numbers", (long long)to);
    const struct dtype_info *from = dtype_info(infer_dtype(c, 0)), *info = dtype_info((enum dtype)to);
    if (infer_dtype(c, 0) != DTYPE_NONE && from->bits != info->bits)
        return infer_error(c, err, "attribute to: %s has %d bits, and the input's %s has %d", info->name, info->bits,
                           from->name, from->bits);
    return infer_as(c, (enum dtype)to, err);
}

int eval_bit_cast(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t to = op_int(c->node, "to");
    if (!has_bits(to) || !has_bits(x->dtype) || dtype_info((enum dtype)to)->bits != dtype_info(x->dtype)->bits)
        return eval_error(c, err, "attribute to: %lld is no type as wide as %s", (long long)to,
                          dtype_info(x->dtype)->name);
    struct tensor *y = eval_out(c, 0, (enum dtype)to, x->rank, x->dims, err);
    if (!y)
        return -1;
    memcpy(y->data, x->data, x->size);
    return 0;
}

int infer_cast_like(struct op_infer *c, struct error *err)
{
    return infer_as(c, infer_dtype(c, 1), err);
}

static int round_mode(const struct op_eval *c, enum half_round *mode, struct error *err)
{
    static const char *const words[] = {[HALF_UP] = "up", [HALF_DOWN] = "down", [HALF_NEAREST] = "nearest"};
    const char *word = op_string(c->node, "round_mode");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], word) == 0) {
            *mode = (enum half_round)i;
            return 0;
        }
    return eval_error(c, err, "attribute round_mode: '%.40s', want up, down or nearest", word);
}

/* A 4-bit float has no NaN; the reference makes it -0. */
static struct tensor *without_nan(struct tensor *y, const struct tensor *x)
{
    for (int64_t i = 0; y && y->dtype == DTYPE_F4E2M1 && op_is_float(x->dtype) && i < x->count; i++)
        if (isnan(tensor_get_f64(x, i)))
            tensor_set_f64(y, i, -0.0);
    return y;
}

int eval_cast(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *like = eval_in(c, 1);
    int64_t to = like ? (int64_t)like->dtype : op_int(c->node, "to");
    enum half_round mode = HALF_UP;
    if (!castable(to))
        return eval_error(c, err, "attribute to: %lld is no type to cast to", (long long)to);
    if (round_mode(c, &mode, err) || op_check_room(c, 0, (enum dtype)to, x->rank, x->dims, err))
        return -1;
    struct tensor *y = tensor_cast_round(x, (enum dtype)to, op_int(c->node, "saturate") != 0, mode, err);
    return eval_give(c, 0, without_nan(y, x), err);
}
