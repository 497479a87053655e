#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "graph/impl.h"

const char *node_label(const struct node *n, char *buffer, size_t size)
{
    size_t number = 0;

    if (*n->name) {
        snprintf(buffer, size, "%s", n->name);
        return buffer;
    }
    for (const struct node *p = n->prev; p; p = p->prev)
        number++;
    snprintf(buffer, size, "node %zu (%s)", number, n->op);
    return buffer;
}

/* Appends what fits. */
static void append(char *buffer, size_t size, size_t *used, const char *text)
{
    size_t n = strlen(text), room = size - 1 - *used;

    if (n > room)
        n = room;
    memcpy(buffer + *used, text, n);
    *used += n;
    buffer[*used] = '\0';
}

/* Words need blanks around the x, "batch x 3"; letters, as in "Nx3x2*H", do not. */
static bool is_wordy(const struct graph *g, const struct type *type)
{
    for (int i = 0; i < type->rank; i++) {
        const char *name = type->dims[i] < 0 ? graph_symbol_name(g, type->dims[i]) : "";
        for (size_t k = 0; name[k]; k++)
            if (name[k] == 'x' || (isalpha((unsigned char)name[k]) && isalpha((unsigned char)name[k + 1])))
                return true;
    }
    return false;
}

static void append_dims(const struct graph *g, const struct type *type, char *buffer, size_t size, size_t *used)
{
    const char *by = is_wordy(g, type) ? " x " : "x";
    char number[24];

    if (type->rank <= 0)
        append(buffer, size, used, type->rank < 0 ? " *" : " scalar");
    for (int i = 0; i < type->rank; i++) {
        snprintf(number, sizeof number, "%lld", (long long)type->dims[i]);
        append(buffer, size, used, i ? by : " ");
        append(buffer, size, used, type->dims[i] >= 0 ? number : graph_symbol_name(g, type->dims[i]));
    }
}

const char *type_text(const struct graph *g, const struct type *type, char *buffer, size_t size)
{
    size_t used = 0;
    int nested = 0;

    if (size == 0)
        return "";
    buffer[0] = '\0';
    for (; type && (type->kind == TYPE_SEQUENCE || type->kind == TYPE_OPTIONAL); type = type->element) {
        append(buffer, size, &used, type->kind == TYPE_SEQUENCE ? "seq(" : "opt(");
        if (++nested > GRAPH_MAX_DEPTH)
            break;
    }
    if (!type || type->kind != TYPE_TENSOR) {
        append(buffer, size, &used, "?");
    } else {
        append(buffer, size, &used, type->dtype == DTYPE_NONE ? "?" : dtype_info(type->dtype)->name);
        append_dims(g, type, buffer, size, &used);
    }
    while (nested-- > 0)
        append(buffer, size, &used, ")");
    return buffer;
}
