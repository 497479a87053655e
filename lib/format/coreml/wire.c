/* Messages as they lie in the file: fields are looked for as they are asked for, and nothing is made of them. */
#include <string.h>

#include "format/coreml/coreml.h"

bool coreml_next(struct bytes *message, uint64_t number, struct protobuf_field *f)
{
    while (bytes_left(message) && protobuf_take(message, f))
        if (f->number == number)
            return true;
    return false;
}

struct bytes coreml_part(struct bytes message, uint64_t number)
{
    struct protobuf_field f;
    struct bytes found = bytes_of("", 0);
    while (coreml_next(&message, number, &f))
        if (f.wire == PROTOBUF_WIRE_BYTES)
            found = bytes_of(f.data, f.size);
    return found;
}

bool coreml_has(struct bytes message, uint64_t number)
{
    struct protobuf_field f;
    return coreml_next(&message, number, &f);
}

size_t coreml_count(struct bytes message, uint64_t number)
{
    struct protobuf_field f;
    size_t count = 0;
    while (coreml_next(&message, number, &f))
        count++;
    return count;
}

/* The next number of a field's bytes. */
static double take(struct bytes *in, enum protobuf_wire wire, bool is_float)
{
    uint32_t word;
    float f;
    double d;
    if (wire == PROTOBUF_WIRE_FIXED64) {
        uint64_t bits = bytes_u64(in);
        memcpy(&d, &bits, sizeof(d));
        return d;
    }
    if (wire != PROTOBUF_WIRE_FIXED32 && !is_float)
        return (double)(int64_t)bytes_varint(in);
    word = bytes_u32(in);
    memcpy(&f, &word, sizeof(f));
    return (double)f;
}

int coreml_numbers(struct bytes message, uint64_t number, bool is_float, double *numbers, int max)
{
    struct protobuf_field f;
    int count = 0;
    while (coreml_next(&message, number, &f)) {
        struct bytes in = bytes_of(f.data, f.size);
        bool packed = f.wire == PROTOBUF_WIRE_BYTES;
        do {
            double value = take(&in, f.wire, is_float && packed);
            if (in.bad)
                break;
            if (count < max)
                numbers[count] = value;
            count += count < INT32_MAX;
        } while (packed && bytes_left(&in));
    }
    return count;
}

int64_t coreml_int(struct bytes message, uint64_t number)
{
    struct protobuf_field f;
    int64_t value = 0;
    while (coreml_next(&message, number, &f)) {
        struct bytes in = bytes_of(f.data, f.size);
        if (f.wire == PROTOBUF_WIRE_VARINT)
            value = (int64_t)bytes_varint(&in);
    }
    return value;
}
