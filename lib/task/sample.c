#include "task/sample.h"

#include <math.h>
#include <string.h>

struct task_sampling task_sampling(const struct task_query *q, const struct task_planes *p)
{
    struct task_sampling s = {(int)p->width, (int)p->height, 1, 1, 0, 0};
    if (!q->map || q->width < 1 || q->height < 1)
        return s;
    float cells_x = (float)p->width / (float)q->width, cells_y = (float)p->height / (float)q->height;
    s.width = q->photo_width;
    s.height = q->photo_height;
    s.scale_x = q->map->scale_x * cells_x;
    s.scale_y = q->map->scale_y * cells_y;
    s.offset_x = (0.5f * q->map->scale_x + q->map->offset_x) * cells_x - 0.5f;
    s.offset_y = (0.5f * q->map->scale_y + q->map->offset_y) * cells_y - 0.5f;
    return s;
}

bool task_sampled(const struct task_sampling *s, const struct task_planes *p, int x, int y)
{
    float u = (float)x * s->scale_x + s->offset_x, v = (float)y * s->scale_y + s->offset_y;
    return u >= -0.5f && v >= -0.5f && u <= (float)p->width - 0.5f && v <= (float)p->height - 0.5f;
}

size_t task_blend(float at, size_t n, float *second)
{
    float last = (float)(n - 1), inside = at > 0 ? at < last ? at : last : 0; /* nan: 0 */
    size_t i = (size_t)inside;
    if (i + 1 >= n)
        i = n > 1 ? n - 2 : 0;
    *second = n > 1 ? inside - (float)i : 0;
    return i;
}

static void sample_line(const struct task_sampling *s, const struct task_planes *p, size_t channel, int y, float *line)
{
    float below;
    size_t top = task_blend((float)y * s->scale_y + s->offset_y, p->height, &below),
           down = p->height > 1 ? p->width : 0;
    const float *v = p->values + channel * p->step + top * p->width * p->next;
    for (size_t i = 0; i < p->width; i++) {
        float a = v[i * p->next], b = v[(i + down) * p->next];
        line[i] = below > 0 ? a + (b - a) * below : a;
    }
}

void task_sample_lines(const struct task_sampling *s, const struct task_planes *p, int y, float *lines)
{
    for (size_t c = 0; c < p->channels; c++)
        sample_line(s, p, c, y, lines + c * p->width);
}

void task_sample_row(const struct task_sampling *s, const struct task_planes *p, int y, int x0, int x1, float *line,
                     float *row)
{
    float right;
    for (size_t c = 0; c < p->channels; c++) {
        sample_line(s, p, c, y, line);
        for (int x = x0; x < x1; x++) {
            size_t i = task_blend((float)x * s->scale_x + s->offset_x, p->width, &right);
            row[c * (size_t)(x1 - x0) + (size_t)(x - x0)] =
                right > 0 ? line[i] + (line[i + 1] - line[i]) * right : line[i];
        }
    }
}

/* Four of them at once, wherever they lie. */
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t four_numbers __attribute__((vector_size(16), aligned(4), may_alias));

void task_label_lines(const float *lines, size_t count, size_t n, int32_t *label)
{
    for (size_t i = 0; i < n; i += 4) {
        four top = (four){0} - INFINITY;
        four_numbers which = {0};
        for (size_t c = 0; c < count; c++) {
            four v = *(const four *)(lines + c * n + i);
            four_numbers larger = v > top;
            which = (larger & (int32_t)c) | (~larger & which);
            top = (four)((larger & (four_numbers)v) | (~larger & (four_numbers)top));
        }
        *(four_numbers *)(label + i) = which;
    }
}

#define AT_ONCE 4

void task_weigh_lines(float *restrict sum, const float *lines, size_t n, const float *weight, size_t step,
                      size_t count)
{
    size_t i = 0;
    for (; i + 4 * AT_ONCE <= n; i += 4 * AT_ONCE) {
        four s[AT_ONCE] = {0};
        for (size_t k = 0; k < count; k++)
            for (int j = 0; j < AT_ONCE; j++)
                s[j] += weight[k * step] * ((const four *)(lines + k * n + i))[j];
        memcpy(sum + i, s, sizeof s);
    }
    for (; i < n; i++) {
        sum[i] = 0;
        for (size_t k = 0; k < count; k++)
            sum[i] += weight[k * step] * lines[k * n + i];
    }
}

static size_t cell(float at, size_t n)
{
    float whole = floorf(at + 0.5f);
    return whole > 0 ? whole < (float)(n - 1) ? (size_t)whole : n - 1 : 0;
}

size_t task_nearest(const struct task_sampling *s, const struct task_planes *p, int x, int y)
{
    return cell((float)y * s->scale_y + s->offset_y, p->height) * p->width +
           cell((float)x * s->scale_x + s->offset_x, p->width);
}
