/* The element-by-element part of a step of LSTM and GRU. */
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"
#include "kernel/isa/vec_math.h"

struct cell {
    const struct kernel_rnn_f32 *r;
    v_f32 clip;
};

static struct cell cell_of(const struct kernel_rnn_f32 *r)
{
    return (struct cell){r, v_set1(r->clip > 0 ? r->clip : INFINITY)};
}

V_FN v_f32 clipped(const struct cell *s, v_f32 x)
{
    return v_min(s->clip, v_max(v_neg(s->clip), x));
}

/* Units of the blocks before unit i's: so many stand before it, for each gate but the first. */
V_FN ptrdiff_t before(const struct cell *s, size_t i)
{
    unsigned step = (unsigned)s->r->step;
    return (ptrdiff_t)((unsigned)i / step * step);
}

/* What comes from the input and from the state to a gate's unit at `at`. */
V_FN v_f32 from_input(const struct cell *s, int gate, ptrdiff_t at, int count)
{
    return part_load(s->r->in + gate * s->r->step + at, count);
}

V_FN v_f32 from_state(const struct cell *s, int gate, ptrdiff_t at, int count)
{
    return part_load(s->r->gates + gate * s->r->step + at, count);
}

V_FN v_f32 both(const struct cell *s, int gate, ptrdiff_t at, int count)
{
    return v_add(from_input(s, gate, at, count), from_state(s, gate, at, count));
}

/* The argument of an LSTM's gate of unit i, with its peephole on the cell c. */
V_FN v_f32 lstm_gate(const struct cell *s, int gate, ptrdiff_t i, ptrdiff_t blocks, int count, v_f32 c)
{
    v_f32 x = both(s, gate, i + 3 * blocks, count);
    if (s->r->peephole && gate < 3)
        x = v_fma(part_load(s->r->peephole + gate * s->r->step + i + 2 * blocks, count), c, x);
    return clipped(s, x);
}

V_FN void lstm_body(size_t i, int count, const struct cell *s)
{
    ptrdiff_t blocks = before(s, i);
    v_f32 c = part_load(s->r->c + i, count);
    v_f32 input = v_sigmoid(lstm_gate(s, 0, (ptrdiff_t)i, blocks, count, c));
    v_f32 forget = v_sigmoid(lstm_gate(s, 2, (ptrdiff_t)i, blocks, count, c));
    c = v_fma(forget, c, v_mul(input, v_tanh(lstm_gate(s, 3, (ptrdiff_t)i, blocks, count, c))));
    v_f32 output = v_sigmoid(lstm_gate(s, 1, (ptrdiff_t)i, blocks, count, c));
    part_store(s->r->c + i, c, count);
    part_store(s->r->h + i, v_mul(output, v_tanh(c)), count);
}

void K(lstm_cell_f32)(const struct kernel_rnn_f32 *r)
{
    struct cell s = cell_of(r);
    PART_LOOP_LONG(r->n, lstm_body, &s);
}

V_FN v_f32 gru_reset(const struct cell *s, ptrdiff_t at, int count)
{
    return v_sigmoid(clipped(s, both(s, 1, at, count)));
}

V_FN void gru_body(size_t i, int count, const struct cell *s, bool is_reset)
{
    ptrdiff_t at = (ptrdiff_t)i + 2 * before(s, i);
    v_f32 z = v_sigmoid(clipped(s, both(s, 0, at, count))), x;
    if (is_reset)
        x = both(s, 2, at, count);
    else
        x = v_fma(gru_reset(s, at, count), from_state(s, 2, at, count), from_input(s, 2, at, count));
    v_f32 fresh = v_tanh(clipped(s, x));
    v_f32 y = v_fma(z, part_load(s->r->last + i, count), v_mul(v_sub(v_set1(1), z), fresh));
    part_store(s->r->h + i, y, count);
}

void K(gru_cell_f32)(const struct kernel_rnn_f32 *r)
{
    struct cell s = cell_of(r);
    if (r->is_reset)
        PART_LOOP_LONG(r->n, gru_body, &s, true);
    else
        PART_LOOP_LONG(r->n, gru_body, &s, false);
}

V_FN void reset_body(size_t i, int count, const struct cell *s)
{
    v_f32 reset = gru_reset(s, (ptrdiff_t)i + 2 * before(s, i), count);
    part_store(s->r->h + i, v_mul(reset, part_load(s->r->last + i, count)), count);
}

void K(gru_reset_f32)(const struct kernel_rnn_f32 *r)
{
    struct cell s = cell_of(r);
    PART_LOOP_LONG(r->n, reset_body, &s);
}
