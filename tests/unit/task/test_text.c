/* Polygons around texts, from maps. */
#include "ask.h"

static void text_lines(void)
{
    enum { W = 64, H = 48 };
    static float map[H][W];
    static const int64_t dims[] = {1, 1, H, W};
    struct task_answers a;
    for (int y = 10; y < 20; y++)
        for (int x = 8; x < 48; x++)
            map[y][x] = 0.8f;
    map[40][50] = 0.9f; /* too small */
    struct task_output o = {.values = map[0], .dims = dims, .rank = 4};
    CHECK(ask("polygons=db", NULL, &o, 1, 2 * W, 2 * H, &a) == 0);
    CHECK_MSG(a.count == 1 && a.at[0].point_count == 4, "%zu", a.count);
    if (a.count == 1) { /* 39 x 9 between pixel centres, widened by 1.5 * 351 / 96 = 5.48, on whole numbers */
        const struct task_point *p = a.at[0].points;
        CHECK_MSG(p[0].x == 6 && p[0].y == 10 && p[2].x == 104 && p[2].y == 48, "%g %g %g %g", (double)p[0].x,
                  (double)p[0].y, (double)p[2].x, (double)p[2].y);
        near(a.at[0].score, 0.8, "score");
    }
    task_answers_release(&a);
    CHECK(ask("polygons=db,score=0.9", NULL, &o, 1, W, H, &a) == 0 && a.count == 0);
    task_answers_release(&a);
    for (int x = 48; x < 60; x++) /* too thin to stay */
        map[15][x] = 0.8f;
    CHECK(ask("polygons=db,dilate=open,shape=box", NULL, &o, 1, W, H, &a) == 0 && a.count == 1);
    if (a.count == 1) { /* 40 x 10, and the pixels behind count in the mean; widened by 1.5 * 400 / 100 = 6 */
        const struct task_point *p = a.at[0].points;
        CHECK_MSG(p[0].x == 2 && p[0].y == 4 && p[2].x == 55 && p[2].y == 27, "%g %g %g %g", (double)p[0].x,
                  (double)p[0].y, (double)p[2].x, (double)p[2].y);
        near(a.at[0].score, 0.8 * 401 / 451, "score");
    }
    task_answers_release(&a);
    for (int x = 48; x < 60; x++)
        map[15][x] = 0;
    for (int y = 12; y < 18; y++) /* a hole: its border is a line as well, of which the inside is too weak */
        for (int x = 20; x < 40; x++)
            map[y][x] = 0;
    CHECK(ask("polygons=db,score=0.4", NULL, &o, 1, W, H, &a) == 0 && a.count == 1);
    task_answers_release(&a);
}

/* At cell (1, 1) a box that reaches 4 up, 8 right, 12 down and 16 left, and one like it beside. */
static void east(void)
{
    float score[4] = {0, 0, 0.75f, 0.9f}, geometry[5][4];
    static const int64_t scores[] = {1, 1, 2, 2}, boxes[] = {1, 5, 2, 2};
    static const float reach[] = {4, 8, 12, 16, 0};
    struct task_output o[] = {{.values = score, .dims = scores, .rank = 4},
                              {.values = geometry[0], .dims = boxes, .rank = 4}};
    struct task_answers a;
    for (int i = 0; i < 20; i++)
        geometry[i / 4][i % 4] = reach[i / 4];
    CHECK(ask("polygons=east", NULL, o, 2, 64, 64, &a) == 0 && a.count == 2); /* 32 apart, they do not overlap */
    task_answers_release(&a);
    CHECK(ask("polygons=east", NULL, o, 2, 8, 8, &a) == 0 && a.count == 1);
    if (a.count) {
        const struct task_point *p = a.at[0].points;
        near(p[0].x, 4 - 16, "left"), near(p[0].y, 4 - 4, "top"), near(p[2].x, 4 + 8, "right"),
            near(p[2].y, 4 + 12, "bottom");
    }
    task_answers_release(&a);
    geometry[4][3] = 1.5707963f; /* turned to the left by a quarter: 16 x 24 over 24 x 16 */
    CHECK(ask("polygons=east,iou=0.5", NULL, o, 2, 8, 8, &a) == 0 && a.count == 2);
    if (a.count == 2)
        near(a.at[1].points[0].x + a.at[1].points[0].y, 0 + 20, "the top left corner is the bottom left one now");
    task_answers_release(&a);
    CHECK(ask("polygons=east", NULL, o, 1, 8, 8, &a) == -1);
}

/* Two characters and what links them; a third one alone is too small. */
static void craft(void)
{
    enum { W = 40, H = 20 };
    static float map[H][W][2];
    static const int64_t dims[] = {1, H, W, 2};
    struct task_output o = {.values = map[0][0], .dims = dims, .rank = 4};
    struct task_answers a;
    for (int y = 8; y < 12; y++)
        for (int x = 4; x < 24; x++)
            map[y][x][0] = x < 12 || x >= 16 ? 0.9f : 0.1f, map[y][x][1] = x >= 12 && x < 16;
    map[2][2][0] = 1;
    CHECK(ask("polygons=craft", NULL, &o, 1, 2 * W, 2 * H, &a) == 0 && a.count == 1);
    if (a.count) { /* 80 pixels of 20 x 4: grown by 2 sqrt(4) = 4, two to each side */
        const struct task_point *p = a.at[0].points;
        near(p[0].x, 2 * 2, "left"), near(p[0].y, 6 * 2, "top"), near(p[2].x, 25 * 2, "right"),
            near(p[2].y, 13 * 2, "bottom"), near(a.at[0].score, 0.9, "score");
    }
    task_answers_release(&a);
    CHECK(ask("polygons=craft,link=1", NULL, &o, 1, W, H, &a) == 0 && a.count == 2);
    task_answers_release(&a);
    CHECK(ask("polygons=craft,score=1", NULL, &o, 1, W, H, &a) == 0 && a.count == 0);
    task_answers_release(&a);
}

int main(void)
{
    RUN(text_lines);
    RUN(east);
    RUN(craft);
    return TEST_END();
}
