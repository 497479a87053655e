/* The element-by-element part of a step of LSTM and GRU. */
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"
#include "kernel/isa/vec_math.h"

struct lstm {
    float *h, *c;
    const float *gates, *peephole; /* i, o, f (and c), each n long */
    size_t n;
    v_f32 clip;
};

/* Pre-activation `gate` at i, with its peephole on the cell c. */
V_FN v_f32 lstm_gate(const struct lstm *l, size_t gate, size_t i, int count, v_f32 c)
{
    v_f32 x = part_load(l->gates + gate * l->n + i, count);
    if (l->peephole && gate < 3)
        x = v_fma(part_load(l->peephole + gate * l->n + i, count), c, x);
    return v_min(l->clip, v_max(v_neg(l->clip), x));
}

V_FN void lstm_body(size_t i, int count, const struct lstm *l)
{
    v_f32 c = part_load(l->c + i, count);
    v_f32 input = v_sigmoid(lstm_gate(l, 0, i, count, c));
    v_f32 forget = v_sigmoid(lstm_gate(l, 2, i, count, c));
    c = v_fma(forget, c, v_mul(input, v_tanh(lstm_gate(l, 3, i, count, c))));
    v_f32 output = v_sigmoid(lstm_gate(l, 1, i, count, c));
    part_store(l->c + i, c, count);
    part_store(l->h + i, v_mul(output, v_tanh(c)), count);
}

void K(lstm_cell_f32)(float *h, float *c, const float *gates, const float *peephole, float clip, size_t n)
{
    struct lstm l = {h, c, gates, peephole, n, v_set1(clip > 0 ? clip : INFINITY)};
    PART_LOOP(n, lstm_body, &l);
}

V_FN void gru_body(size_t i, int count, float *out, const float *h, const float *z_gate, const float *r_gate,
                   const float *hx, const float *hr)
{
    v_f32 z = v_sigmoid(part_load(z_gate + i, count)), r = v_sigmoid(part_load(r_gate + i, count));
    v_f32 fresh = v_tanh(v_fma(r, part_load(hr + i, count), part_load(hx + i, count)));
    v_f32 y = v_fma(z, part_load(h + i, count), v_mul(v_sub(v_set1(1), z), fresh));
    part_store(out + i, y, count);
}

void K(gru_cell_f32)(float *out, const float *h, const float *zr, const float *hx, const float *hr, size_t n)
{
    const float *r = zr + n;
    PART_LOOP(n, gru_body, out, h, zr, r, hx, hr);
}
