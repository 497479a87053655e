/* Moving and reading elements. */
#include "op/util.h"

#include <string.h>


static void move_packed(struct tensor *to, int64_t to_at, int64_t to_step, const struct tensor *from, int64_t from_at,
                        int64_t from_step, int64_t n)
{
    unsigned bits = dtype_info(to->dtype)->bits, mask = (1u << bits) - 1;
    uint8_t *out = to->data;
    const uint8_t *in = from->data;
    for (int64_t i = 0; i < n; i++) {
        uint64_t a = (uint64_t)(from_at + i * from_step) * bits, b = (uint64_t)(to_at + i * to_step) * bits;
        unsigned value = in[a / 8] >> a % 8 & mask;
        out[b / 8] = (uint8_t)((out[b / 8] & ~(mask << b % 8)) | value << b % 8);
    }
}

#define MOVE_AS(type)                                                                                                  \
    {                                                                                                                  \
        type *out = (type *)to->data + to_at;                                                                          \
        const type *in = (const type *)from->data + from_at;                                                           \
        for (int64_t i = 0; i < n; i++)                                                                                \
            out[i * to_step] = in[i * from_step];                                                                      \
        break;                                                                                                         \
    }

/* Only strings and complex numbers are wider than eight bytes. */
struct wide {
    uint64_t word[2];
};

void op_move(struct tensor *to, int64_t to_at, int64_t to_step, const struct tensor *from, int64_t from_at,
             int64_t from_step, int64_t n)
{
    unsigned bits = dtype_info(to->dtype)->bits;
    if (n <= 0)
        return;
    if (bits >= 8 && to_step == 1 && from_step == 1) {
        size_t size = bits / 8;
        memcpy((char *)to->data + (size_t)to_at * size, (const char *)from->data + (size_t)from_at * size,
               (size_t)n * size);
        return;
    }
    switch (bits) {
    case 8:
        MOVE_AS(uint8_t)
    case 16:
        MOVE_AS(uint16_t)
    case 32:
        MOVE_AS(uint32_t)
    case 64:
        MOVE_AS(uint64_t)
    case 128:
        MOVE_AS(struct wide)
    default:
        move_packed(to, to_at, to_step, from, from_at, from_step, n);
    }
}

/* Rows of w.run elements along an axis that is taken out of the walk, best one of neighbours in the source: where
 * elements of a row lie apart, stripes of columns are moved, since what is fetched for one row has those of the next
 * ones beside it. */
static void move_rows(struct tensor *to, const struct tensor *from, int64_t base, struct op_walk *w, int axis)
{
    enum { STRIPE = 64 };
    int64_t rows = w->dims[axis], to_step = w->steps[1][axis], step = w->steps[0][axis];
    int64_t stripe = w->run_step[0] == 1 ? w->run : STRIPE;
    w->rank--;
    w->dims[axis] = w->dims[w->rank];
    for (int k = 0; k < w->operands; k++)
        w->steps[k][axis] = w->steps[k][w->rank];
    while (op_walk(w))
        for (int64_t j = 0; j < w->run; j += stripe)
            for (int64_t i = 0; i < rows; i++)
                op_move(to, w->at[1] + i * to_step + j, 1, from, base + w->at[0] + i * step + j * w->run_step[0],
                        w->run_step[0], w->run - j < stripe ? w->run - j : stripe);
}

void op_move_view(struct tensor *to, const struct tensor *from, int64_t base, const int64_t *steps)
{
    int64_t to_steps[TENSOR_MAX_RANK];
    struct op_walk w;
    tensor_populate(to);
    op_steps(to->rank, to->dims, to_steps);
    op_walk_init(&w, to->rank, to->dims, 2, (const int64_t *const[]){steps, to_steps});
    int axis = 0;
    while (axis < w.rank - 1 && w.steps[0][axis] != 1)
        axis++;
    if (w.rank == 0)
        op_move(to, 0, 1, from, base, w.run_step[0], w.run);
    else
        move_rows(to, from, base, &w, axis);
}

int op_give_view(struct op_eval *c, int o, const struct tensor *t, int64_t base, int rank, const int64_t *dims,
                 const int64_t *steps, struct error *err)
{
    struct tensor *out = eval_out(c, o, t->dtype, rank, dims, err);
    if (!out)
        return -1;
    op_move_view(out, t, base, steps);
    return 0;
}

int op_give_reshaped(struct op_eval *c, int o, int i, int rank, const int64_t *dims, struct error *err)
{
    return eval_give(c, o, tensor_reshaped(eval_in(c, i), rank, dims, err), err);
}

bool op_is_float(enum dtype dtype)
{
    return dtype_info(dtype)->class == DTYPE_CLASS_FLOAT;
}

bool op_is_uint(enum dtype dtype)
{
    return dtype_info(dtype)->class == DTYPE_CLASS_UINT;
}

bool op_is_int(enum dtype dtype)
{
    return dtype_info(dtype)->class == DTYPE_CLASS_INT || op_is_uint(dtype);
}

#define LOAD_AS(type)                                                                                                  \
    {                                                                                                                  \
        const type *from = (const type *)t->data + first;                                                              \
        for (int64_t i = 0; i < n; i++)                                                                                \
            to[i] = (int64_t)from[i];                                                                                  \
        return;                                                                                                        \
    }

void op_load_ints(const struct tensor *t, int64_t first, int64_t n, int64_t *to)
{
    switch (t->dtype) {
    case DTYPE_BOOL:
    case DTYPE_U8:
        LOAD_AS(uint8_t)
    case DTYPE_I8:
        LOAD_AS(int8_t)
    case DTYPE_U16:
        LOAD_AS(uint16_t)
    case DTYPE_I16:
        LOAD_AS(int16_t)
    case DTYPE_U32:
        LOAD_AS(uint32_t)
    case DTYPE_I32:
        LOAD_AS(int32_t)
    case DTYPE_U64:
        LOAD_AS(uint64_t)
    case DTYPE_I64:
        LOAD_AS(int64_t)
    default:
        break;
    }
    for (int64_t i = 0; i < n; i++)
        to[i] = tensor_get_i64(t, first + i);
}

#define STORE_AS(type)                                                                                                 \
    {                                                                                                                  \
        type *to = (type *)t->data + first;                                                                            \
        for (int64_t i = 0; i < n; i++)                                                                                \
            to[i] = (type)from[i];                                                                                     \
        return;                                                                                                        \
    }

void op_store_ints(struct tensor *t, int64_t first, int64_t n, const int64_t *from)
{
    switch (t->dtype) {
    case DTYPE_U8:
    case DTYPE_I8:
        STORE_AS(uint8_t)
    case DTYPE_U16:
    case DTYPE_I16:
        STORE_AS(uint16_t)
    case DTYPE_U32:
    case DTYPE_I32:
        STORE_AS(uint32_t)
    case DTYPE_U64:
    case DTYPE_I64:
        STORE_AS(uint64_t)
    default:
        break;
    }
    for (int64_t i = 0; i < n; i++)
        tensor_set_i64(t, first + i, t->dtype == DTYPE_BOOL ? from[i] != 0 : from[i]);
}
