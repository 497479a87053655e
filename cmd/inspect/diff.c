/* Whether two models are the same network, and where they differ. */
#include <stdio.h>

#include "../common/files.h"
#include "../common/program.h"
#include "../common/record.h"
#include "inspect.h"

static void print_finding(const struct model_finding *f)
{
    record_begin();
    record_text("what", f->what);
    record_text("op", f->op);
    record_text("layer", f->first);
    record_text("other", f->second);
    record_text("detail", f->text);
    record_end();
}

static void print_same(double rounding)
{
    if (program_loudness < 0)
        return;
    if (program_json) {
        record_begin();
        record_text("what", "same");
        record_number("rounding", "%.3g", rounding);
        record_end();
    } else if (rounding > 0) {
        printf("the same network up to rounding: weights differ by at most %.2g of the largest in their tensor\n",
               rounding);
    } else {
        puts("the same network");
    }
}

static int print_findings(const struct model_pairing *p)
{
    struct model_finding f;
    size_t count = 0;
    record_table();
    for (; model_pairing_finding(p, count, &f); count++)
        if (program_loudness >= 0)
            print_finding(&f);
    record_table_end();
    if (count == 0)
        print_same(model_pairing_rounding(p));
    return count > 0;
}

int print_difference(const struct inputs *in, const struct model *m, const char *path, const char *other,
                     const char *format)
{
    struct model_error err;
    struct model *b = inputs_read(in, other, format, NULL, 0); /* not bound to them: its inputs may have other names */
    struct model_pairing *p = b ? model_pairing_new(m, b, &err) : NULL;
    int status = p   ? print_findings(p)
                 : b ? say_failed("%s and %s: %s", path_name(path), path_name(other), err.text)
                     : 1;
    model_pairing_free(p);
    model_free(b);
    return status;
}
