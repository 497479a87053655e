/* People from maps of joints and limbs. */
#include <string.h>

#include "ask.h"

enum { WIDTH = 16, HEIGHT = 8, JOINTS = 19, CHANNELS = 57 };

static float map[CHANNELS][HEIGHT][WIDTH];

/* Between cells: an enlarged one is the highest. */
static void put_joint(size_t kind, float x, float y)
{
    for (int j = 0; j < HEIGHT; j++)
        for (int i = 0; i < WIDTH; i++)
            map[kind][j][i] += 0.8f * expf(-(((float)i - x) * ((float)i - x) + ((float)j - y) * ((float)j - y)) / 2);
}

/* A field that points down everywhere; `field` as in the table of limbs. */
static void put_limb(size_t field)
{
    for (int j = 0; j < HEIGHT; j++)
        for (int i = 0; i < WIDTH; i++)
            map[JOINTS + field + 1][j][i] = 1;
}

static void put_people(void)
{
    memset(map, 0, sizeof map);
    for (int x = 3; x < WIDTH; x += 8)
        for (int i = 0; i < 3; i++)
            put_joint((size_t)i + 1, (float)x + 0.2f, (float)(1 + 2 * i) + 0.1f);
    put_limb(12); /* neck to shoulder, and on to the elbow */
    put_limb(14);
}

static void people(void)
{
    static const int64_t dims[] = {1, CHANNELS, HEIGHT, WIDTH};
    struct task_output o = {.values = &map[0][0][0], .dims = dims, .rank = 4};
    struct task_answers a;
    put_people();
    CHECK(ask("points=openpose", NULL, &o, 1, 8 * WIDTH, 8 * HEIGHT, &a) == 0 && a.count == 2);
    for (size_t k = 0; k < a.count; k++) {
        const struct task_answer *one = &a.at[k];
        CHECK(one->point_count == 18 && one->points[0].score <= 0 && one->points[4].score <= 0);
        for (int i = 0; i < 3; i++) {
            CHECK(fabsf(one->points[1 + i].y - (float)(8 + 16 * i)) <= 4);
            CHECK(fabsf(one->points[1 + i].x - one->points[1].x) < 1 && one->points[1 + i].score > 0.7f);
        }
    }
    CHECK(a.count == 2 && fabsf(a.at[0].x0 - a.at[1].x0) > 60 && fabsf(a.at[0].x0 - a.at[1].x0) < 68);
    task_answers_release(&a);
    memset(map[JOINTS + 15], 0, sizeof map[0]); /* two joints alone are nobody */
    CHECK(ask("points=openpose", NULL, &o, 1, 8 * WIDTH, 8 * HEIGHT, &a) == 0 && a.count == 0);
    task_answers_release(&a);
}

static void two_outputs(void)
{
    static const int64_t joints[] = {1, 19, HEIGHT, WIDTH}, limbs[] = {1, 38, HEIGHT, WIDTH},
                         small[] = {1, 38, HEIGHT, WIDTH / 2};
    struct task_output o[] = {{.values = &map[JOINTS][0][0], .dims = limbs, .rank = 4},
                              {.values = &map[0][0][0], .dims = joints, .rank = 4}};
    struct task_answers a;
    put_people();
    CHECK(ask("points=openpose", NULL, o, 2, 8 * WIDTH, 8 * HEIGHT, &a) == 0 && a.count == 2);
    task_answers_release(&a);
    CHECK(ask("points=openpose", NULL, o, 1, 8 * WIDTH, 8 * HEIGHT, &a) == -1 &&
          strstr(message, "want maps of joints"));
    o[0].dims = small;
    CHECK(ask("points=openpose", NULL, o, 2, 8 * WIDTH, 8 * HEIGHT, &a) == -1 && strstr(message, "as many cells"));
}

/* The joints of one body with the limbs of another, which are fewer. */
static void two_bodies(void)
{
    static const int64_t both[] = {1, CHANNELS, HEIGHT, WIDTH}, joints[] = {1, 26, HEIGHT, WIDTH};
    struct task_output o[] = {{.values = &map[0][0][0], .dims = both, .rank = 4},
                              {.values = &map[0][0][0], .dims = joints, .rank = 4}};
    struct task_answers a;
    put_people();
    CHECK(ask("points=openpose", NULL, o, 2, 8 * WIDTH, 8 * HEIGHT, &a) == -1 &&
          strstr(message, "want maps of joints"));
}

/* One number beside the points is the score of all: a probability, or its logit where the network ends linearly. */
static void score_of_all(void)
{
    static const float points[] = {10, 20, 30, 60}, flag = 0.25f;
    static const int64_t row[] = {1, 4}, one[] = {1, 1};
    struct task_output o[] = {{.values = points, .dims = row, .rank = 2},
                              {.values = &flag, .dims = one, .rank = 2, .end = TASK_END_LINEAR}};
    struct task_answers a;
    CHECK(ask("points", NULL, o, 2, 100, 100, &a) == 0 && fabs(a.at[0].score - logistic(flag)) < 1e-6);
    task_answers_release(&a);
    o[1].end = TASK_END_SIGMOID;
    CHECK(ask("points", NULL, o, 2, 100, 100, &a) == 0 && a.at[0].score == flag);
    task_answers_release(&a);
}

/* Third numbers that are no scores are depths. */
static void depths(void)
{
    static const float deep[] = {10, 20, -3, 30, 60, 0.5f}, scored[] = {10, 20, 0.25f, 30, 60, 0.75f};
    static const int64_t dims[] = {1, 2, 3};
    struct task_answers a;
    CHECK(ask_one("points", deep, 3, dims, &a) == 0 && a.count == 1 && a.at[0].score == 1);
    CHECK(a.count && a.at[0].points[1].x == 30 && a.at[0].points[1].score == 1);
    task_answers_release(&a);
    CHECK(ask_one("points", scored, 3, dims, &a) == 0 && a.count == 1 && a.at[0].score == 0.5f);
    task_answers_release(&a);
}

int main(void)
{
    RUN(depths);
    RUN(score_of_all);
    RUN(people);
    RUN(two_outputs);
    RUN(two_bodies);
    return TEST_END();
}
