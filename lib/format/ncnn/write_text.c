/* A net as text, and records as bytes. */
#include "format/ncnn/write_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "format/ncnn/bin.h"

/* ncnn reads at most 15 characters of a number, and up to nine digits on either side of the point; a float has a point
 * or an exponent. */
static void add_float(struct text *t, float f)
{
    struct text s;
    if (isnan(f))
        f = 0;
    if (isinf(f))
        f = f < 0 ? -FLT_MAX : FLT_MAX;
    text_init(&s);
    text_f32(&s, f);
    const char *point = s.data ? strchr(s.data, '.') : NULL;
    bool has_exponent = s.data && strchr(s.data, 'e'), fits = s.size <= 15;
    if (fits && !has_exponent)
        fits = point ? s.size - (size_t)(point - s.data) <= 10 && point - s.data <= 10 : s.size <= 9;
    if (!fits)
        text_printf(t, "%.8e", (double)f);
    else
        text_printf(t, "%s%s", s.data, point || has_exponent ? "" : ".0");
    t->failed |= s.failed;
    text_release(&s);
}

static void add_word(struct text *t, const struct ncnn_param *p, size_t i)
{
    float f;
    memcpy(&f, &p->words[i], sizeof(f));
    if (p->kind == NCNN_FLOAT)
        add_float(t, f);
    else
        text_printf(t, "%d", (int)(int32_t)p->words[i]);
}

static void add_param(struct text *t, const struct ncnn_param *p)
{
    if (p->kind == NCNN_STRING)
        text_printf(t, " %d=\"%s\"", p->id, p->string);
    else if (p->is_array)
        text_printf(t, " %d=%zu", -23300 - p->id, p->count);
    else
        text_printf(t, " %d=", p->id);
    for (size_t i = 0; p->kind != NCNN_STRING && i < p->count; i++) {
        if (p->is_array)
            text_puts(t, ",");
        add_word(t, p, i);
    }
}

void ncnn_write_net(struct text *t, const struct ncnn_net *net)
{
    size_t blobs = 0;
    for (size_t i = 0; i < net->layer_count; i++)
        blobs += (size_t)net->layers[i].out_count;
    text_printf(t, "%d\n%zu %zu\n", NCNN_MAGIC, net->layer_count, blobs);
    for (size_t i = 0; i < net->layer_count; i++) {
        const struct ncnn_layer *l = &net->layers[i];
        text_printf(t, "%-24s %-24s %d %d", l->type, l->name, l->in_count, l->out_count);
        for (int k = 0; k < l->in_count; k++)
            text_printf(t, " %s", l->in[k]);
        for (int k = 0; k < l->out_count; k++)
            text_printf(t, " %s", l->out[k]);
        for (const struct ncnn_param *p = l->params; p; p = p->next)
            add_param(t, p);
        text_puts(t, "\n");
    }
}

/* ---- records ---- */

static int put_tag(struct file_out *out, uint32_t tag, struct error *err)
{
    return file_write(out, &tag, sizeof(tag), err);
}

/* Bytes, filled up to a multiple of 4. */
static int put_padded(struct file_out *out, const void *bytes, size_t size, struct error *err)
{
    static const char zeros[4];
    return file_write(out, bytes, size, err) != 0 || file_write(out, zeros, (4 - size % 4) % 4, err) != 0 ? -1 : 0;
}

static int put_half(struct file_out *out, const struct tensor *t, struct error *err)
{
    struct tensor *half = tensor_cast(t, DTYPE_F16, false, err);
    int status = half ? put_padded(out, half->data, half->size, err) : -1;
    tensor_unref(half);
    return status;
}

int ncnn_write_record(struct file_out *out, const struct tensor *t, bool tagged, bool half, struct error *err)
{
    bool is_int8 = t->dtype == DTYPE_I8;
    half = half && tagged && !is_int8;
    if (tagged && put_tag(out, is_int8 ? NCNN_TAG_I8 : half ? NCNN_TAG_F16 : NCNN_TAG_NONE, err) != 0)
        return -1;
    return half ? put_half(out, t, err) : put_padded(out, t->data, t->size, err);
}
