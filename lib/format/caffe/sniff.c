#include "format/caffe/sniff.h"

#include <ctype.h>
#include <string.h>

#include "base/bytes.h"
#include "parse/protobuf.h"

#define MOST_TEXT   65536
#define MOST_FIELDS 4096

/* ---- text ---- */

bool caffe_is_text(const struct blob *blob)
{
    const unsigned char *at = blob->data;
    size_t n = blob->size < 4096 ? blob->size : 4096;
    for (size_t i = 0; i < n; i++)
        if (at[i] == 0x7f || (at[i] < 0x20 && !isspace(at[i])))
            return false;
    return n > 0;
}

/* Whether the text goes on with a word that is the name of a message: "layer {" or "layer: {". */
static bool begins_message(const char *at, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - at) <= n || memcmp(at, word, n) != 0)
        return false;
    for (at += n; at < end && (isspace((unsigned char)*at) || *at == ':'); at++)
        ;
    return at < end && (*at == '{' || *at == '<');
}

/* A net has layers at the top; the settings of a training have a rate. */
static int sniff_text(const char *at, size_t size)
{
    const char *end = at + (size < MOST_TEXT ? size : MOST_TEXT);
    int depth = 0;
    for (bool new_word = true; at < end; at++) {
        if (*at == '#')
            while (at < end && *at != '\n')
                at++;
        if (at == end)
            break;
        depth += (*at == '{') - (*at == '}');
        if (new_word && depth == 0) {
            if (begins_message(at, end, "layer") || begins_message(at, end, "layers"))
                return 80;
            if ((size_t)(end - at) > 8 && memcmp(at, "base_lr:", 8) == 0)
                return 60;
        }
        new_word = isspace((unsigned char)*at) || *at == '}' || *at == ';' || *at == ',';
    }
    return 0;
}

/* ---- the wire form ---- */

/* Which fields a message has, of those below 32: as varints, and as bytes. */
struct seen {
    uint32_t varints, strings;
    bool whole; /* it is a message */
};

static struct seen look(const uint8_t *data, size_t size)
{
    struct bytes b = bytes_of(data, size);
    struct seen s = {.whole = size > 0};
    struct protobuf_field f;
    for (int i = 0; i < 64 && bytes_left(&b) > 0; i++) {
        if (!protobuf_take(&b, &f)) {
            s.whole = false;
            break;
        }
        if (f.number < 32 && f.wire == PROTOBUF_WIRE_VARINT)
            s.varints |= 1u << f.number;
        if (f.number < 32 && f.wire == PROTOBUF_WIRE_BYTES)
            s.strings |= 1u << f.number;
    }
    return s;
}

#define BIT(n) (1u << (n))

/* The newest form has name and type as strings. */
static bool is_layer(const struct protobuf_field *f)
{
    struct seen s = look(f->data, f->size);
    return s.whole && (s.strings & BIT(2)) && !((s.varints | s.strings) & BIT(0)) && !(s.varints & (BIT(1) | BIT(2)));
}

/* The second has the type as a number (Caffe2 has a string next to it); the first a message with all, and no name. */
static bool is_old_layer(const struct protobuf_field *f)
{
    struct seen s = look(f->data, f->size);
    if (!s.whole)
        return false;
    return s.varints & BIT(5) ? (s.strings & BIT(4)) != 0 : (s.strings & BIT(1)) && !(s.strings & (BIT(4) | BIT(5)));
}

static int sniff_wire(const uint8_t *data, size_t size)
{
    struct bytes b = bytes_of(data, size);
    struct protobuf_field f;
    int sure = 0;
    for (int i = 0; i < MOST_FIELDS && bytes_left(&b) > 0; i++) {
        if (!protobuf_take(&b, &f) || (f.number > 8 && f.number != 100))
            return 0;
        if (f.number != 100 && f.number != 2)
            continue;
        if (f.wire != PROTOBUF_WIRE_BYTES || !(f.number == 2 ? is_old_layer(&f) : is_layer(&f)))
            return 0;
        sure = 80;
    }
    return sure;
}

int caffe_sniff(const struct source *s)
{
    const struct blob *blob = s->blob;
    return caffe_is_text(blob) ? sniff_text(blob->data, blob->size) : sniff_wire(blob->data, blob->size);
}
