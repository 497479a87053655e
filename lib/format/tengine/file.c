/* Structs, lists and texts of the file, each within its bounds. Source: tm2_format.h of Tengine. */
#include <string.h>

#include "format/tengine/tengine.h"

#define HEADER     12
#define MOST_TEXTS 65536 /* bytes of one */

#define MOST_READ 16 /* times the file */

void tengine_count(struct tengine_file *f, uint64_t bytes)
{
    f->read += bytes;
    f->bad = f->bad || f->read > MOST_READ * (uint64_t)f->blob->size;
}

uint32_t tengine_word(const struct tengine_words *w, uint32_t i)
{
    if (i >= w->count)
        return 0;
    struct bytes b = bytes_of(w->at + 4 * (size_t)i, 4);
    return bytes_u32(&b);
}

float tengine_word_float(const struct tengine_words *w, uint32_t i)
{
    uint32_t bits = tengine_word(w, i);
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

struct tengine_words tengine_struct(struct tengine_file *f, uint32_t place, uint32_t count)
{
    if (count == 0)
        return (struct tengine_words){0};
    if (place < HEADER || place > f->blob->size || 4 * (uint64_t)count > f->blob->size - place) {
        f->bad = true;
        return (struct tengine_words){0};
    }
    return (struct tengine_words){(const uint8_t *)f->blob->data + place, count};
}

struct tengine_words tengine_vector(struct tengine_file *f, uint32_t place)
{
    if (place == 0)
        return (struct tengine_words){0};
    struct tengine_words head = tengine_struct(f, place, 1);
    uint32_t count = tengine_word(&head, 0);
    tengine_count(f, 4 * (uint64_t)count);
    return f->bad || place > UINT32_MAX - 4 ? (struct tengine_words){0} : tengine_struct(f, place + 4, count);
}

const char *tengine_text(struct tengine_file *f, uint32_t place, struct arena *arena, struct error *err)
{
    if (place == 0)
        return "";
    struct tengine_words head = tengine_struct(f, place, 2);
    uint32_t size = tengine_word(&head, 0), at = tengine_word(&head, 1);
    if (f->bad || size > MOST_TEXTS || at > f->blob->size || size > f->blob->size - at) {
        f->bad = true;
        return "";
    }
    const char *text = (const char *)f->blob->data + at;
    tengine_count(f, size);
    return arena_strndup(arena, text, strnlen(text, size), err);
}

bool tengine_is_model(struct tengine_file *f, struct tengine_words *model)
{
    struct bytes b = bytes_of(f->blob->data, f->blob->size);
    uint16_t main_version = bytes_u16(&b), sub = bytes_u16(&b), compile = bytes_u16(&b);
    bytes_u16(&b); /* padding, of any content */
    uint32_t root = bytes_u32(&b);
    if (b.bad || main_version != 2 || sub != 0 || compile != 0)
        return false;
    *model = tengine_struct(f, root, 4);
    struct tengine_words graphs = tengine_vector(f, tengine_word(model, 2));
    tengine_struct(f, tengine_word(&graphs, 0), 10);
    return !f->bad && tengine_word(model, 0) <= 16 && graphs.count == 1;
}
