#include "exec/gemm_cut.h"

int64_t gemm_tile_first(const struct gemm_cut *cut, int mr, int64_t tile)
{
    int64_t whole = tile < cut->whole ? tile : cut->whole, first = whole * mr;
    if (cut->line > 0) {
        first = tile / cut->parts * cut->line + plan_tile_first(cut->line, cut->parts, tile % cut->parts);
        return first < cut->pixels ? first : cut->pixels;
    }
    return tile == whole ? first : first + plan_tile_first(cut->pixels - first, cut->tiles - whole, tile - whole);
}

/* Tiles that the product's kernel reads fast: each half of one within a row of the map, or of some rows with the border
 * between them, as long as that leaves few rows of a half empty. */
static void cut_lines(const struct gemm_job *j, struct gemm_cut *cut)
{
    const int64_t half = j->product->together, width = j->dims[GEMM_AXES - 1], step = j->a_stride[GEMM_AXES - 1];
    const int64_t below = j->a_stride[GEMM_AXES - 2], pitch = step > 0 && below % step == 0 ? below / step : 0;
    if (half == 0 || pitch == width || width == cut->pixels)
        return;
    const int64_t rows = pitch > width ? (half + pitch - width) / pitch : 1, together = rows > 1 ? rows : 1;
    if (together * width < half * 3 / 4)
        return;
    cut->line = width <= half ? 2 * together * width : width;
    cut->parts = (cut->line + 2 * half - 1) / (2 * half);
    cut->tiles = (cut->pixels + cut->line - 1) / cut->line * cut->parts;
}

/* A tile of fewer rows waits for its sums: the last two share what is left for them. */
#define FEWEST 3

struct gemm_cut gemm_cut_pixels(const struct gemm_job *j, int64_t pixels)
{
    int64_t mr = j->product->mr, rest = pixels % mr, tiles = (pixels + mr - 1) / mr,
            whole = rest == 0 ? tiles : rest > j->product->few ? 0 : tiles - (rest >= FEWEST ? 1 : 2);
    struct gemm_cut cut = {.pixels = pixels, .tiles = tiles, .whole = whole > 0 ? whole : 0};
    cut_lines(j, &cut);
    return cut;
}

int gemm_next_rows(const struct kernel_product *p, int64_t left, bool even)
{
    int64_t rest = left % p->mr, whole = left - rest - (rest > 0 && rest < FEWEST ? p->mr : 0),
            tiles = (left + p->mr - 1) / p->mr;
    return p->even && even && whole > 0 ? (int)whole : (int)((left + tiles - 1) / tiles);
}
