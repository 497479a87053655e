/* nn.QAdd by two multiply-adds, and in the step of the product that makes one of its operands.
 *
 * Both operands' scales over the result's are factors, their zero points a shift. That is not what DequantizeLinear,
 * Add and QuantizeLinear round to, but bytes have only 65,536 pairs: factors and a shift that give the right byte for
 * each are looked for when the plan is made, near those that real numbers would have. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/lower_quant.h"

#define BYTES QUANT_BYTES

void exec_quant_list(const struct kernels *k, const struct kernel_binary_q8 *sum, uint8_t (*want)[BYTES])
{
    struct kernel_binary_q8 b = *sum;
    uint8_t one[BYTES], all[BYTES];
    b.a = one;
    b.b = all;
    b.a_step = b.b_step = 1;
    b.n = BYTES;
    for (int i = 0; i < BYTES; i++)
        all[i] = (uint8_t)i;
    for (int i = 0; i < BYTES; i++) {
        memset(one, i, sizeof one);
        b.out = want[i];
        k->binary_q8(&b);
    }
}

static bool is_exact(const struct kernels *k, const struct kernel_sum_q8 *s, const uint8_t (*want)[BYTES])
{
    uint8_t one[BYTES], all[BYTES], got[BYTES];
    const struct kernel_rows_q8 row = {(void *const[]){got}, (const void *const[]){one}, (const void *const[]){all}, 1};
    for (int i = 0; i < BYTES; i++)
        all[i] = (uint8_t)i;
    for (int i = 0; i < BYTES; i++) {
        memset(one, i, sizeof one);
        k->sum_rows_q8(s, &row, BYTES);
        if (memcmp(got, want[i], sizeof got) != 0)
            return false;
    }
    return true;
}

/* x, moved by so many of its last places. */
static float near(float x, int places)
{
    for (; places != 0; places -= places > 0 ? 1 : -1)
        x = nextafterf(x, places > 0 ? INFINITY : -INFINITY);
    return x;
}

/* Above it rounding might leave what an s32 holds. */
#define FACTOR_MOST 0x1p20

struct kernel_binary_q8 exec_quant_swapped(const struct kernel_binary_q8 *b)
{
    struct kernel_binary_q8 swapped = *b;
    swapped.a_of = b->b_of;
    swapped.b_of = b->a_of;
    return swapped;
}

bool exec_quant_sum(const struct kernels *k, const struct kernel_binary_q8 *b, struct kernel_sum_q8 *s)
{
    static const int places[] = {0, 1, -1, 2, -2};
    double one = (double)b->a_of.scale / b->scale, two = (double)b->b_of.scale / b->scale;
    const uint8_t turn = b->a_of.is_signed ? BYTES / 2 : 0;
    double shift = -((b->a_of.zero + turn) * one + (b->b_of.zero + turn) * two);
    if (!k->sum_rows_q8 || b->a_of.is_signed != b->b_of.is_signed || !(fabs(one) + fabs(two) < FACTOR_MOST))
        return false;
    uint8_t(*want)[BYTES] = malloc(BYTES * sizeof *want);
    bool found = false;
    if (want)
        exec_quant_list(k, b, want);
    for (int i = 0; want && !found && i < 45; i++) {
        *s = (struct kernel_sum_q8){turn, near((float)one, places[i % 3]), near((float)two, places[i / 3 % 3]),
                                    near((float)shift, places[i / 9]), b->rounding};
        found = is_exact(k, s, (const uint8_t(*)[BYTES])want);
    }
    free(want);
    return found;
}

/* ---- with the product before ---- */

struct node *exec_quant_user(const struct node *n)
{
    const struct value *v = n->out[0];
    struct node *user = v->use_count == 1 && !v->is_output ? v->uses[0].node : NULL;
    return user && user->graph == n->graph ? user : NULL;
}

struct node *exec_quant_join_table(struct node *n, struct byte_table *table)
{
    struct node *user = exec_quant_user(n);
    if (!user || strcmp(user->op, "QTable") != 0 || !exec_quant_table(user, table))
        return n;
    plan_place(n->out[0])->is_inside = true;
    return user;
}

bool exec_quant_binary(const struct node *n, struct kernel_binary_q8 *b)
{
    struct kernel_byte out;
    bool is_case = exec_quant_byte(n, n->in[0], 1, &b->a_of) && exec_quant_byte(n, n->in[3], 4, &b->b_of) &&
                   exec_quant_byte(n, n->out[0], 6, &out) && exec_quant_rounding(n, &out, &b->rounding);
    b->scale = out.scale;
    b->multiplies = strcmp(n->op, "QMul") == 0;
    return is_case;
}

/* Whether a value lies where a sum's pixels can be read: it has been made, has the result's dims, and `axis` in a row.
 * A Concat's result has its place when the first part does. */
static bool is_ready(const struct value *v, const struct value *result, int axis)
{
    const struct place *place = v->constant ? NULL : plan_place(v);
    bool is_made = place && place->placed && (!v->producer || strcmp(v->producer->op, "Concat") != 0);
    return is_made && v->type.rank == result->type.rank &&
           memcmp(v->type.dims, result->type.dims, sizeof *v->type.dims * (size_t)v->type.rank) == 0 &&
           place->view.stride[axis] == 1;
}

/* What is added to the bytes of a product to make them of the other operand's kind, so that one kernel takes both:
 * nobody else sees them. */
static int turn(struct kernel_byte *made, const struct kernel_byte *other)
{
    int by = (made->is_signed - other->is_signed) * (BYTES / 2);
    made->is_signed = other->is_signed;
    made->zero += (float)by;
    return by;
}

struct node *exec_quant_join_sum(struct plan *p, struct node *n, int axis, struct gemm_job *job)
{
    const struct value *v = n->out[0];
    struct node *sum = exec_quant_user(n);
    int pair = 2 * p->kernels->vector; /* a thread may have any number of panels */
    bool fits = job->n % pair == 0 && job->product->nr % pair == 0;
    if (!fits || !sum || strcmp(sum->op, "QAdd") != 0)
        return exec_quant_join_table(n, &job->table);
    int i = sum->in[0] == v ? 0 : 3;
    struct kernel_binary_q8 b;
    if (sum->in[i] != v || !is_ready(sum->in[3 - i], sum->out[0], axis) || !exec_quant_binary(sum, &b))
        return n;
    if (i == 3) /* the product is the first operand */
        b = exec_quant_swapped(&b);
    int by = turn(&b.a_of, &b.b_of);
    if (!exec_quant_sum(p->kernels, &b, &job->sum))
        return n;
    job->to.rounding.zero += by;
    job->sums = true;
    job->add = *plan_in(sum, 3 - i);
    plan_place(v)->is_inside = true;
    return sum;
}
