/* The unit tests' harness: a test file is a list of functions run by main(); each check that fails says where. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int test_failures, test_passed, test_failed;

/* Whether less processor time was taken since `start`; emulation ($WRAPPER) may take ten times as much. */
static inline bool test_in_time(clock_t start, double seconds)
{
    double taken = (double)(clock() - start) / CLOCKS_PER_SEC;
    const char *wrapper = getenv("WRAPPER");
    return taken < (wrapper && *wrapper ? 10 * seconds : seconds);
}

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                                                          \
            test_failures++;                                                                                           \
        }                                                                                                              \
    } while (0)

/* As CHECK(), with a printf-style explanation. */
#define CHECK_MSG(cond, ...)                                                                                           \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #cond);                                                          \
            printf(__VA_ARGS__);                                                                                       \
            printf("\n");                                                                                              \
            test_failures++;                                                                                           \
        }                                                                                                              \
    } while (0)

#define CHECK_STR(got, want)                                                                                           \
    CHECK_MSG(strcmp((got), (want)) == 0, "got \"%s\", want \"%s\"", (got), (want))

/* Runs one test function and reports it. */
#define RUN(fn)                                                                                                        \
    do {                                                                                                               \
        test_failures = 0;                                                                                             \
        fn();                                                                                                          \
        if (test_failures)                                                                                             \
            test_failed++;                                                                                             \
        else                                                                                                           \
            test_passed++;                                                                                             \
        printf("%s %s\n", test_failures ? "not ok" : "ok", #fn);                                                       \
    } while (0)

/* The last statement of main(). */
#define TEST_END() (printf("%d passed, %d failed\n", test_passed, test_failed), test_failed != 0)

#endif
