#include "ask.h"
#include "task/recipe.h"

/* Boxes come back through the plan of a recipe by the factors that programs of authors take, in photos whose one side
 * was rounded: by YOLOX and older scale_boxes() of Ultralytics min(640 / width, 640 / height), by InsightFace the new
 * height over the old one; by others, and where both sides were given, the factor of each side. */
static void undone_as_authors_do(void)
{
    static const struct {
        const char *recipe, *task;
        int width, height;
        double x, y; /* input pixels to one of the photo */
    } cases[] = {
        {"opencv,letterbox=640x640", "detect=yolov10,undo=ratio", 1001, 777, 640. / 1001, 640. / 1001},
        {"opencv,letterbox=640x640", "detect=yolov10,undo=ratio", 1921, 641, 640. / 1921, 640. / 1921},
        {"opencv,letterbox=640x640:down:corner", "detect=yolov10,undo=ratio", 2003, 401, 640. / 2003, 640. / 2003},
        {"opencv,letterbox=640x640:down:corner", "detect=yolov10,undo=ratio", 401, 2003, 640. / 2003, 640. / 2003},
        {"opencv,letterbox=640x640:down:corner", "detect=yolov10,undo=height", 960, 640, 426. / 640, 426. / 640},
        {"opencv,letterbox=640x640:down:corner", "detect=yolov10,undo=height", 641, 960, 640. / 960, 640. / 960},
        {"opencv,letterbox=640x640:down:corner", "detect=yolov10", 960, 640, 640. / 960, 426. / 640},
        {"opencv,resize=640x640", "detect=yolov10", 960, 640, 640. / 960, 1},
        {"opencv,resize=640x640", "detect=yolov10,undo=height", 960, 640, 640. / 960, 1},
        {"opencv,resize=640x640", "detect=yolov10", 959, 960, 640. / 959, 640. / 960},
        {"", "detect=yolov10", 959, 960, 640. / 959, 640. / 960},
        {"opencv,letterbox=640x640", "detect=yolov10,undo=ratio", 1921, 1920, 640. / 1921, 640. / 1921},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const struct task_labels none;
        struct recipe r;
        struct task t;
        struct task_answers a = {0};
        struct recipe_plan p;
        struct error err = {""};
        CHECK(recipe_parse(cases[i].recipe, strlen(cases[i].recipe), &r, &err) == 0);
        CHECK(recipe_plan(&r, cases[i].width, cases[i].height, (int64_t[]){1, 3, 640, 640}, 4, &p, &err) == 0);
        float row[6] = {p.map.offset_x + 10, p.map.offset_y + 10, p.map.offset_x + 100, p.map.offset_y + 90, 0.9f, 0};
        struct task_output o = {.values = row, .dims = (int64_t[]){1, 1, 6}, .rank = 3};
        CHECK(task_parse(cases[i].task, strlen(cases[i].task), &t, &err) == 0);
        struct task_query q = {.task = &t,
                               .labels = &none,
                               .outputs = &o,
                               .count = 1,
                               .width = 640,
                               .height = 640,
                               .map = &p.map,
                               .photo_width = cases[i].width,
                               .photo_height = cases[i].height};
        CHECK(task_answer(&q, &a, &err) == 0 && a.count == 1);
        double x = a.count ? (double)a.at[0].x1 : 0, y = a.count ? (double)a.at[0].y1 : 0;
        CHECK_MSG(fabs(x * cases[i].x - 100) < 0.01 && fabs(y * cases[i].y - 90) < 0.01, "%s, %dx%d: %g %g, want %g %g",
                  cases[i].task, cases[i].width, cases[i].height, x, y, 100 / cases[i].x, 90 / cases[i].y);
        task_answers_release(&a);
    }
}

enum { CELLS = 8, INPUT = 4 * CELLS };

typedef double cell_grid[INPUT][INPUT];

/* Where pixel `at` of n lies among `cells`, and the cell after it. */
static double place_of(int at, int n, int cells, int *first, int *second)
{
    double place = fmin(fmax((at + 0.5) * cells / n - 0.5, 0), cells - 1);
    *first = (int)place;
    *second = *first + 1 < cells ? *first + 1 : *first;
    return place - *first;
}

/* Pixel (x, y) of width x height, blended from wide x tall cells. */
static double blended(cell_grid cell, int left, int top, int wide, int tall, int width, int height, int x, int y)
{
    int x0, x1, y0, y1;
    double u = place_of(x, width, wide, &x0, &x1), v = place_of(y, height, tall, &y0, &y1);
    const double *above = cell[top + y0] + left, *below = cell[top + y1] + left;
    return (above[x0] * (1 - u) + above[x1] * u) * (1 - v) + (below[x0] * (1 - u) + below[x1] * u) * v;
}

/* Masks from prototypes: the padding is cut off to whole cells, of so many times larger ones, and the rest is the
 * photo, as process_mask_native() of Ultralytics does. */
static void masks_undone(void)
{
    static const struct {
        const char *recipe, *task;
        int width, height, times, left, top, wide, tall;
    } cases[] = {
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel,undo=ratio", 50, 29, 1, 0, 1, 8, 5},
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel,undo=ratio", 11, 40, 1, 3, 0, 2, 8},
        {"opencv,letterbox=32x32:corner", "detect=yolov8,unit=pixel,undo=ratio", 50, 29, 1, 0, 0, 8, 5},
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel,undo=ratio", 40, 40, 1, 0, 0, 8, 8},
        {"opencv,resize=32x32", "detect=yolov8,unit=pixel,undo=ratio", 50, 29, 1, 0, 0, 8, 8},
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel", 50, 29, 4, 0, 6, 32, 19},
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel", 11, 40, 4, 11, 0, 9, 32},
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel", 40, 35, 2, 0, 1, 16, 14},
        {"opencv,letterbox=32x32:corner", "detect=yolov8,unit=pixel", 50, 29, 4, 0, 0, 32, 19},
        {"opencv,letterbox=32x32", "detect=yolov8,unit=pixel", 40, 40, 1, 0, 0, 8, 8},
        {"opencv,resize=32x32", "detect=yolov8,unit=pixel", 50, 29, 1, 0, 0, 8, 8},
    };
    static const float rows[7][8] = {{INPUT / 2}, {INPUT / 2}, {INPUT}, {INPUT}, {0.9f}, {0.5f}, {0.5f}};
    float cell[2 * CELLS][CELLS]; /* two prototypes, which are the same */
    for (int i = 0; i < 2 * CELLS * CELLS; i++) {
        int at = i % (CELLS * CELLS);
        cell[0][i] = (float)(at * at * 37 % 101 - 50);
    }
    cell_grid first = {{0}};
    for (int i = 0; i < CELLS * CELLS; i++)
        first[i / CELLS][i % CELLS] = (double)cell[0][i];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int width = cases[i].width, height = cases[i].height, wrong = 0, side = cases[i].times * CELLS;
        cell_grid grid;
        for (int k = 0; k < side * side; k++)
            grid[k / side][k % side] = blended(first, 0, 0, CELLS, CELLS, side, side, k % side, k / side);
        static const struct task_labels none;
        struct recipe r;
        struct task t;
        struct task_answers a = {0};
        struct recipe_plan p;
        struct error err = {""};
        struct task_output o[] = {{.values = rows[0], .dims = (int64_t[]){1, 7, 8}, .rank = 3},
                                  {.values = cell[0], .dims = (int64_t[]){1, 2, CELLS, CELLS}, .rank = 4}};
        CHECK(recipe_parse(cases[i].recipe, strlen(cases[i].recipe), &r, &err) == 0);
        CHECK(recipe_plan(&r, width, height, (int64_t[]){1, 3, INPUT, INPUT}, 4, &p, &err) == 0);
        CHECK(task_parse(cases[i].task, strlen(cases[i].task), &t, &err) == 0);
        struct task_query q = {&t, &none, o, 2, INPUT, INPUT, false, &p.map, width, height, 0, NULL, 0, true};
        CHECK_MSG(task_answer(&q, &a, &err) == 0 && a.count == 1, "%s", err.text);
        bool whole = a.count && a.at[0].place.width == width && a.at[0].place.height == height;
        CHECK(whole);
        for (int y = 0; whole && y < height; y++)
            for (int x = 0; x < width; x++) {
                double v =
                    blended(grid, cases[i].left, cases[i].top, cases[i].wide, cases[i].tall, width, height, x, y);
                wrong += fabs(v) > 1e-3 && a.at[0].mask[y * width + x] != (v > 0);
            }
        CHECK_MSG(wrong == 0, "%s, %s, %dx%d: %d pixels", cases[i].recipe, cases[i].task, width, height, wrong);
        task_answers_release(&a);
    }
}

/* A map of whole numbers: what OpenCV's INTER_NEAREST and PyTorch's "nearest" make of it, and Pillow's NEAREST. */
static void labels_undone(void)
{
    static const struct task_labels none;
    static const int64_t dims[] = {1, 4, 4};
    static const int by_corner[10] = {0, 0, 0, 1, 1, 2, 2, 2, 3, 3}, by_centre[10] = {0, 0, 1, 1, 1, 2, 2, 3, 3, 3};
    const struct recipe_map map = {0.4f, 0.4f, 0, 0, true};
    float label[16];
    struct task t;
    struct error err = {""};
    for (int i = 0; i < 16; i++)
        label[i] = (float)i;
    struct task_output o = {.values = label, .dims = dims, .rank = 3, .whole = true};
    CHECK(task_parse("mask", 4, &t, &err) == 0);
    for (int corner = 0; corner < 2; corner++) {
        const int *at = corner ? by_corner : by_centre;
        int wrong = 0;
        struct task_answers a = {0};
        struct task_query q = {&t, &none, &o, 1, 4, 4, false, &map, 10, 10, 0, NULL, 0, corner};
        CHECK(task_answer(&q, &a, &err) == 0 && a.picture.width == 10 && a.picture.height == 10);
        for (int i = 0; a.picture.data && i < 100; i++)
            wrong += a.picture.data[i] != 4 * at[i / 10] + at[i % 10];
        CHECK_MSG(wrong == 0, "%d: %d pixels", corner, wrong);
        task_answers_release(&a);
    }
}

/* getPerspectiveTransform() and warpPerspective() of OpenCV 4.10, as MediaPipe's programs call them. */
static void warped(void)
{
    static const uint8_t want[] = {0,  65,  113, 79,  157, 44,  43,  152, 159, 188, 105, 132, 174, 154, 148, 110,
                                   63, 152, 161, 184, 63,  135, 126, 132, 158, 100, 185, 93,  144, 117, 104, 155};
    static const char text[] = "resize=8x4:warp,dtype=u8";
    uint8_t have[32];
    struct image photo;
    struct recipe r;
    struct recipe_plan p;
    struct error err;
    CHECK(image_init(&photo, 10, 7, 1, NULL) == 0);
    for (int i = 0; i < 70; i++)
        photo.data[i] = (uint8_t)(37 * (i % 10) * (i % 10) + 91 * (i / 10) + 13 * (i % 10) * (i / 10));
    CHECK(recipe_parse(text, strlen(text), &r, &err) == 0);
    CHECK(recipe_plan(&r, 10, 7, (int64_t[]){1, 1, 4, 8}, 4, &p, &err) == 0 && p.bytes == sizeof have);
    CHECK(recipe_apply(&r, &p, &photo, have, &err) == 0 && memcmp(have, want, sizeof want) == 0);
    image_release(&photo);
}

int main(void)
{
    RUN(warped);
    RUN(undone_as_authors_do);
    RUN(masks_undone);
    RUN(labels_undone);
    return TEST_END();
}
