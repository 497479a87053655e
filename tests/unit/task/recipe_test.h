/* What tests of recipes share. */
#ifndef RECIPE_TEST_H
#define RECIPE_TEST_H

#include "../../test.h"
#include "task/recipe.h"

static inline struct recipe parse(const char *text)
{
    struct recipe r;
    struct error err;
    int failed = recipe_parse(text, strlen(text), &r, &err);
    CHECK_MSG(!failed, "%s: %s", text, failed ? err.text : "");
    return r;
}

#endif
