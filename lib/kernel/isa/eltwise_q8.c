/* Element by element between bytes and floats, in the arithmetic of QuantizeLinear and DequantizeLinear to the bit. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"

V_FN v_i32 load(const void *p, size_t i, int count, bool is_signed)
{
    const uint8_t *at = (const uint8_t *)p + i;
    return count == VL ? v_load_bytes(at, is_signed) : v_load_bytes_n(at, is_signed, count);
}

V_FN void store(void *p, size_t i, int count, v_i32 x)
{
    uint8_t *at = (uint8_t *)p + i;
    if (count == VL)
        v_store_bytes(at, x);
    else
        v_store_bytes_n(at, x, count);
}

/* What is no number becomes the least. */
V_FN void quantize_part(size_t i, int count, void *out, const float *in, v_f32 scale, const struct v_rounding *r)
{
    v_f32 q = v_div(part_load(in + i, count), scale);
    store(out, i, count, v_round_lowest(v_select(v_lt(r->low, q), q, r->low), r));
}

void K(quantize_8)(void *out, const float *in, size_t n, float scale, const struct kernel_rounding *rounding)
{
    const struct v_rounding r = v_rounding_of(rounding);
    PART_LOOP(n, quantize_part, out, in, v_set1(scale), &r);
}

V_FN v_f32 real_of(v_i32 x, v_f32 zero, v_f32 scale)
{
    return v_mul(v_sub(v_from_i32(x), zero), scale);
}

V_FN void dequantize_part(size_t i, int count, float *out, const void *in, bool is_signed, v_f32 zero, v_f32 scale)
{
    part_store(out + i, real_of(load(in, i, count, is_signed), zero, scale), count);
}

void K(dequantize_8)(float *out, const void *in, size_t n, const struct kernel_byte *of)
{
    v_f32 zero = v_set1(of->zero), scale = v_set1(of->scale);
    if (of->is_signed)
        PART_LOOP(n, dequantize_part, out, in, true, zero, scale);
    else
        PART_LOOP(n, dequantize_part, out, in, false, zero, scale);
}

/* ---- two operands ---- */

V_FN v_f32 operand(const void *p, size_t i, int count, int step, const struct kernel_byte *of)
{
    v_i32 x;
    if (step == 0)
        x = v_set1_i32(of->is_signed ? *(const int8_t *)p : *(const uint8_t *)p);
    else if (of->is_signed)
        x = load(p, i, count, true);
    else
        x = load(p, i, count, false);
    return real_of(x, v_set1(of->zero), v_set1(of->scale));
}

V_FN void binary_part(size_t i, int count, const struct kernel_binary_q8 *b, const struct v_rounding *r)
{
    v_f32 x = operand(b->a, i, count, b->a_step, &b->a_of), y = operand(b->b, i, count, b->b_step, &b->b_of);
    v_f32 q = v_div(b->multiplies ? v_mul(x, y) : v_add(x, y), v_set1(b->scale));
    store(b->out, i, count, v_round_lowest(q, r));
}

void K(binary_q8)(const struct kernel_binary_q8 *b)
{
    const struct v_rounding r = v_rounding_of(&b->rounding);
    PART_LOOP(b->n, binary_part, b, &r);
}

/* ---- rows ---- */

V_FN void mean_part(size_t i, int count, const struct kernel_reduce_q8 *d, const struct v_rounding *r, bool is_signed)
{
    v_i32 sum = v_set1_i32(d->bias);
    for (int k = 0; k < d->rows; k++)
        sum = v_add_i32(sum, load(d->row[k], i, count, is_signed));
    store(d->out, i, count, v_round_lowest(v_mul(v_from_i32(sum), v_set1(d->multiplier)), r));
}

V_FN v_bytes load_all(const void *p)
{
    v_bytes x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* A byte's order is that of u8 once the sign of s8 is turned. */
static void max_rows(const struct kernel_reduce_q8 *d, uint8_t turn)
{
    size_t n = d->channels, i = 0;
    uint8_t *out = d->out;
    for (; n - i >= sizeof(v_bytes); i += sizeof(v_bytes)) {
        v_bytes most = load_all((const uint8_t *)d->row[0] + i) ^ turn;
        for (int k = 1; k < d->rows; k++) {
            v_bytes x = load_all((const uint8_t *)d->row[k] + i) ^ turn;
            v_bytes larger = (v_bytes)(x > most);
            most = (x & larger) | (most & ~larger);
        }
        most ^= turn;
        memcpy(out + i, &most, sizeof most);
    }
    for (; i < n; i++) {
        uint8_t most = ((const uint8_t *)d->row[0])[i] ^ turn;
        for (int k = 1; k < d->rows; k++) {
            uint8_t x = ((const uint8_t *)d->row[k])[i] ^ turn;
            most = x > most ? x : most;
        }
        out[i] = most ^ turn;
    }
}

void K(reduce_rows_q8)(const struct kernel_reduce_q8 *d)
{
    const struct v_rounding r = v_rounding_of(&d->rounding);
    if (!d->mean)
        max_rows(d, d->is_signed ? 0x80 : 0);
    else if (d->is_signed)
        PART_LOOP(d->channels, mean_part, d, &r, true);
    else
        PART_LOOP(d->channels, mean_part, d, &r, false);
}
