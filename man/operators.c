/* Prints nn-operators(7) from the operator table and the executor's list of lowerings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"

static const struct {
    const char *domain, *op;
} lowered[] = {
#define LOWER(domain, op, function) {domain, op},
#define CHOICE(domain, op, way)     {domain, op},
#include "exec/lower.def"
#undef CHOICE
#undef LOWER
};

static int is_lowered(const struct op *op)
{
    for (size_t i = 0; i < sizeof(lowered) / sizeof(lowered[0]); i++)
        if (strcmp(lowered[i].domain, op->domain) == 0 && strcmp(lowered[i].op, op->name) == 0)
            return 1;
    return 0;
}

/* A line of its own, if there is anything, with the minus signs that mdoc wants. */
static void print_line(const char *text)
{
    if (!*text)
        return;
    puts(".br");
    for (; *text; text++)
        printf(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : "%c", *text);
    putchar('\n');
}

static void print_operator(const struct op *op)
{
    char operands[2000];
    const char *how = is_lowered(op) ? "kernel" : op->eval ? "plain" : "expanded";
    printf(".It Sy %s No %s Em %s\n", op->name, op->versions, how);
    snprintf(operands, sizeof(operands), "%s%s\\(-> %s", op->inputs, *op->inputs ? " " : "", op->outputs);
    printf("%s\n", operands);
    print_line(op->types);
    print_line(op->attrs);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct op *const *)a)->name, (*(const struct op *const *)b)->name);
}

/* The number of its operators. */
static size_t print_domain(const char *domain, const char *title)
{
    size_t count, n = 0;
    const struct op *table = op_table(&count), **rows = malloc(count * sizeof(*rows));
    if (!rows)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].domain, domain) == 0)
            rows[n++] = &table[i];
    qsort(rows, n, sizeof(*rows), by_name);
    printf(".Ss %s\n.Bl -tag -width Ds\n", title);
    for (size_t i = 0; i < n; i++)
        print_operator(rows[i]);
    puts(".El");
    free(rows);
    return n;
}

static const char head[] =
    ".\\\" Made by man/operators.c from the operator table: `make pages`.\n"
    ".Dd November 25, 2026\n.Dt NN-OPERATORS 7\n.Os\n.Sh NAME\n.Nm nn-operators\n"
    ".Nd the operators that a network may be made of\n.Sh DESCRIPTION\n"
    "These are the operators that the nn programs know: those of ONNX up to opset 28, as ONNX defines them,\n"
    "and others that network files contain, in domains of their own.\n"
    "Operators of older opsets are converted to the newest one when a file is read, and back when it is written.\n"
    "An operator that is not listed is read, shown, kept and written, but cannot be run.\n"
    "Where a pool has auto_pad VALID and ceil_mode, ONNX's text and its reference give as many places as without\n"
    "ceil_mode, and so do these programs; onnxruntime may give one more.\n"
    ".Pp\nThe list has for each operator:\n.Bl -bullet -compact\n.It\n"
    "its name, the opsets that introduced or changed it, and how it is run:\n.Bl -tag -width expanded -compact\n"
    ".It Em kernel\nby vectorised kernels, on every level that the processor may have (generic, avx2, avx512, neon),\n"
    "or without any work, as another view of the same memory.\n"
    "Element types, shapes or attributes that the kernels do not support are evaluated as those marked plain.\n"
    ".It Em plain\nby plain C, the same on every level.\n"
    ".It Em expanded\nas other operators, which replace it.\n.El\n"
    ".It\nits inputs and outputs, each a name and an element type.\nA\n.Ql \\&?\nfollows what may be left out,\n.Ql *\n"
    "any number,\n.Ql +\nat least one.\n"
    ".It\nthe element types that each name allows.\nSome words stand for several:\n"
    ".Ql float\nfor f16 f32 f64 bf16,\n.Ql f8\n"
    "for the four 8-bit floats with a mantissa,\n.Ql sint\nand\n.Ql uint\n"
    "for integers of 8 to 64 bits with and without a sign,\n.Ql int\nfor both,\n.Ql num\n"
    "for those and float,\n.Ql cplx\nfor complex numbers,\n.Ql any\nfor every tensor,\n.Ql anyseq\nand\n.Ql anyopt\n"
    "for every sequence and optional.\n"
    ".It\nits attributes: the name, a letter for the kind (i integer, f float, s string, t tensor, g graph, y type;\n"
    "a capital for a list), and the default, or\n.Ql \\&!\nif there is none.\n.El\n"
    ".Pp\nNo run evaluates more than %lld bodies of Loop, Scan, If and SequenceMap, and fewer where these have over %d\n"
    "nodes, so that an endless loop is an error.\n.Sh OPERATORS\n";

static const char tail[] =
    ".Sh SEE ALSO\n.Xr nninspect 1 ,\n.Xr nnrun 1 ,\n.Xr nn 5\n.Sh STANDARDS\n"
    "The operators of ai.onnx, ai.onnx.ml and ai.onnx.preview.training are specified at\n"
    ".Lk https://onnx.ai/onnx/operators/ ,\nthose of com.microsoft at\n"
    ".Lk https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md .\n";

int main(void)
{
    static const char *const domains[][2] = {{"", "ai.onnx"},
                                             {"ai.onnx.ml", "ai.onnx.ml"},
                                             {"ai.onnx.preview.training", "ai.onnx.preview.training"},
                                             {"com.microsoft", "com.microsoft"},
                                             {"nn", "nn"}};
    size_t count, printed = 0;
    op_table(&count);
    printf(head, (long long)(OP_MAX_BODY_NODES / OP_BODY_NODES), OP_BODY_NODES);
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
        printed += print_domain(domains[i][0], domains[i][1]);
    fputs(tail, stdout);
    if (printed == count && fflush(stdout) == 0)
        return 0;
    fprintf(stderr, "operators: %zu of %zu operators are in a domain that is listed here\n", printed, count);
    return 1;
}
